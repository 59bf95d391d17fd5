"""What a materialisation shows in the UI: a preview, counts as tables, columns."""

from collections.abc import Mapping
from typing import Any

import dagster as dg
import polars as pl

from mig_dagster.export.markdown import inert

PREVIEW_ROWS = 5
_CELL_CHARS = 120


def column_schema(frame: pl.LazyFrame) -> dg.TableSchema:
    """Return a frame's columns and types as Dagster shows them."""
    types = frame.collect_schema()
    return dg.TableSchema(columns=[dg.TableColumn(name, str(kind)) for name, kind in types.items()])


def preview(frame: pl.LazyFrame | pl.DataFrame, rows: int = PREVIEW_ROWS) -> dg.MarkdownMetadataValue:
    """Return the first rows as a Markdown table, long values cut."""
    head = frame.lazy().head(rows).collect()
    return table(head.columns, [[_cell(value) for value in row] for row in head.iter_rows()])


def counts(column: str, values: Mapping[str, Any], *, of: str = "rows") -> dg.MarkdownMetadataValue:
    """Return counts of something by name as a Markdown table, in the order given."""
    return table([column, of], [[_cell(name), f"{count:,}"] for name, count in values.items()])


def source_mix(pool: Mapping[str, int], chosen: Mapping[str, int]) -> dg.MarkdownMetadataValue:
    """Return each source's share of the pool beside its share of a subset."""
    pool_rows, chosen_rows = sum(pool.values()) or 1, sum(chosen.values()) or 1
    lines = [
        [name, f"{rows:,}", f"{rows / pool_rows:.1%}", f"{taken:,}", f"{taken / chosen_rows:.1%}"]
        for name, rows in pool.items()
        for taken in [chosen.get(name, 0)]
    ]
    return table(["source", "pool", "share of pool", "chosen", "share of subset"], lines)


def annotators(used: Mapping[str, Mapping[str, Any]]) -> dg.MarkdownMetadataValue:
    """Return who annotated, by fingerprint."""
    lines = [[key, who["name"], who["model"], _cell(who["revision"])] for key, who in used.items()]
    return table(["fingerprint", "annotator", "model", "revision"], lines)


def table(head: list[str], lines: list[list[str]]) -> dg.MarkdownMetadataValue:
    """Return cells of text, none of which holds a line break or a bar, as a Markdown table."""
    rows = [head, ["---"] * len(head), *lines]
    return dg.MetadataValue.md("\n".join("| " + " | ".join(row) + " |" for row in rows))


def _cell(value: Any) -> str:
    """Return a value as one line of text that neither ends a table cell nor is taken for Markdown or HTML."""
    text = f"{value:.4g}" if isinstance(value, float) else "" if value is None else str(value)
    folded = " ".join(text[: 4 * _CELL_CHARS].split())
    cut = folded if len(folded) <= _CELL_CHARS else folded[: _CELL_CHARS - 1] + "…"
    return inert(cut)

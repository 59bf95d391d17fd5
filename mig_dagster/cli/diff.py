"""`mig-dagster diff A B`: the rows that stayed, came and went between two subsets, and why."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import polars as pl
import typer
from rich.markup import escape
from rich.table import Table

from mig_dagster.cli.console import DEFAULT_HOME, AsJson, Home, explain_errors, out, print_json, print_table

if TYPE_CHECKING:
    from mig_dagster.stages.diff.difference import Diff

_MEANING = {
    "source": ("new source", "source removed"),
    "duplicate": ("another row stood for it", "another row stands for it now"),
    "row": ("new in its source", "gone from its source"),
    "excluded": ("lacked a signal before", "lacks a signal now"),
    "method": ("another method", "another method"),
    "options": ("other options", "other options"),
    "budget": ("beyond the smaller budget", "beyond the smaller budget"),
    "score": ("its score changed", "its score changed"),
    "labels": ("its labels changed", "its labels changed"),
    "embedding": ("its embedding changed", "its embedding changed"),
    "displaced": ("made room for by others", "displaced by others"),
}
"""What a cause means for an added row, and for an evicted one."""

_LABELS, _CHANGES, _EXAMPLES, _LISTED = 10, 10, 3, 20


@explain_errors
def diff(
    before: Annotated[str, typer.Argument(help="A subset's folder, or one of the home: mig, mig~1, mig@<version>.")],
    after: Annotated[str, typer.Argument(help="The subset to compare it with, named likewise.")],
    home: Home = DEFAULT_HOME,
    output: Annotated[
        Path | None, typer.Option(help="Folder for kept.parquet, added.parquet and evicted.parquet.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Compare two subsets: rows kept, added and evicted by source and label, and one cause for each that changed.

    The cause is the first that holds of: its source is new or removed; another row stands for it; the row is new in its
    source or gone; it lacks a signal; another method; other options; the budget; its score; its labels; its embedding;
    else others displaced it.
    """
    from mig_dagster.stages.diff.difference import diff as compared  # loads the methods' libraries
    from mig_dagster.stages.diff.difference import write_diff
    from mig_dagster.stages.stored_subset import find_subset

    made = compared(find_subset(before, home), find_subset(after, home))
    written = write_diff(made, output) if output else []
    if as_json:
        print_json(_document(made) | {"files": [str(path) for path in written]})
        return
    _print(made)
    for path in written:
        _say(f"-> {path}")


def _document(made: "Diff") -> dict[str, Any]:
    first = {kind: made.of(kind).head(_LISTED).to_dicts() for kind in ("added", "evicted")}
    return {
        "before": made.before,
        "after": made.after,
        **made.counts,
        "moved": made.moved,
        "changes": made.changes,
        "causes": made.causes().to_dicts(),
        "sources": made.by_source().to_dicts(),
        "labels": made.by_label().to_dicts(),
        "first": first,
    }


def _print(made: "Diff") -> None:
    counts, moved = made.counts, made.moved
    out.print(
        f"[bold]{counts['kept']:,}[/] rows kept, [bold]{counts['added']:,}[/] added, [bold]{counts['evicted']:,}[/] "
        f"evicted from {escape(made.before)} to {escape(made.after)}; of those kept {moved['up']:,} come earlier, "
        f"{moved['down']:,} later, {moved['same']:,} at the same rank",
        highlight=False,
    )
    for what, names in made.changes.items():
        told = [f"{name} {_told(then)} -> {_told(now)}" for name, (then, now) in names.items()]
        more = f"; and {len(told) - _CHANGES} more" if len(told) > _CHANGES else ""
        _say(f"{what.replace('_', ' ')}: {'; '.join(told[:_CHANGES])}{more}")
    print_table(_table("source", made.by_source()))
    labels = made.by_label().filter(pl.col("added") + pl.col("evicted") > 0).head(_LABELS)
    if labels.height:
        print_table(_table("label", labels))
    if made.causes().height:
        print_table(_causes(made))


def _causes(made: "Diff") -> Table:
    table = Table("cause", "change", "rows", "examples")
    table.columns[2].justify = "right"
    for cause, *counts in made.causes().iter_rows():
        for kind, meaning, count in zip(("added", "evicted"), _MEANING[cause], counts, strict=True):
            if count:
                rows = made.of(kind).filter(pl.col("cause") == cause).head(_EXAMPLES)
                table.add_row(escape(meaning), kind, f"{count:,}", escape("; ".join(_examples(rows))))
    return table


def _examples(rows: pl.DataFrame) -> list[str]:
    said = rows.select("row_id", "detail").iter_rows()
    return [row[:12] if detail is None else f"{row[:12]} ({detail})" for row, detail in said]


def _table(by: str, counted: pl.DataFrame) -> Table:
    table = Table(by, "kept", "added", "evicted")
    for column in table.columns[1:]:
        column.justify = "right"
    for name, *counts in counted.iter_rows():
        table.add_row(escape(name), *(f"{count:,}" for count in counts))
    return table


def _told(value: Any) -> str:
    return "(unset)" if value is None else str(value)


def _say(text: str) -> None:
    out.print(escape(text), highlight=False)

"""A comparison as files: Parquet and DuckDB for programs, a README for people."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import polars as pl

FILES = {
    "rows": "comparison",
    "source_mix": "source_mix",
    "overlap": "overlap",
    "random_spread": "random_spread",
    "subsets": "subsets",
}
"""Tables of a comparison, and what their files and their tables in the database are called."""

REPORT = "report"
"""Folder in a comparison's own for the page and its tables."""

SHOWN: Mapping[str, tuple[str, Callable[[Any], str]]] = {
    "information": ("information", lambda value: f"{value:,.1f}"),
    "rows": ("rows", lambda value: f"{value:,}"),
    "tokens": ("tokens", lambda value: f"{value:,.0f}"),
    "mean_score": ("mean score", lambda value: f"{value:.3f}"),
    "labels_covered": ("labels", lambda value: f"{value:,.0f}"),
    "facility_location_share": ("facility location", lambda value: f"{value:.4f}"),
    "nearest_distance": ("nearest other", lambda value: f"{value:.3f}"),
    "seconds": ("seconds", lambda value: f"{value:,.2f}"),
}
"""Columns that people are shown, with their headings and how a number is written."""

_MEANING = """
information: MIG's objective under its defaults. rows, tokens: how much was chosen; tokens by {tokenizer}. mean score:
of the rows that have one. labels: carried by at least one chosen row, of {labels} in the pool. facility location: how
well the chosen rows stand for the pool, the mean over its rows of the largest cosine with a chosen one, 1 at best.
nearest other: mean distance of a chosen row's unit vector to the nearest other chosen one; higher is less alike.
seconds: of the method itself, without annotation. Random is the mean ± standard deviation of {seeds} draws of that many
rows."""


def shown_lines(tables: Mapping[str, pl.DataFrame]) -> list[list[str]]:
    """Return the lines of the table that people are shown: name, then `SHOWN`, best information first.

    Random draws stand where their mean belongs; methods that failed come last.
    """
    rows = tables["rows"]
    lines: list[tuple[float | None, list[str]]] = [
        (line["information"], [line["name"], *(_cell(name, line[name]) for name in SHOWN)])
        for line in rows.iter_rows(named=True)
        if line["error"] is None
    ]
    lines += _random_lines(tables["random_spread"])
    lines.sort(key=lambda line: float("inf") if line[0] is None else -line[0])
    failed = rows.filter(pl.col("error").is_not_null())["name"].to_list()
    return [cells for _, cells in lines] + [[name, "failed", *[""] * (len(SHOWN) - 1)] for name in failed]


def shortfalls(tables: Mapping[str, pl.DataFrame]) -> dict[str, str]:
    """Return why a subset has fewer rows than were asked for, by its name; those that have all are left out."""
    return dict(tables["rows"].drop_nulls("shortfall").select("name", "shortfall").iter_rows())


def meaning(tables: Mapping[str, pl.DataFrame]) -> str:
    """Return in words what the columns of `shown_lines` say."""
    rows = tables["rows"].drop_nulls("tokenizer")
    labels = rows["labels_in_pool"].drop_nulls()
    said = _MEANING.format(
        tokenizer=rows["tokenizer"].first() or "no tokenizer",
        labels=f"{labels[0]:,}" if len(labels) else "none",
        seeds=tables["random_spread"]["seeds"].max() or "no",
    )
    return " ".join(said.split())


def write_comparison(folder: Path, tables: Mapping[str, pl.DataFrame], notes: Sequence[str]) -> None:
    """Write a comparison's tables, each whole or not at all.

    Args:
        folder: made when missing; files of an earlier comparison in it are replaced.
        tables: those of `FILES`.
        notes: what a reader has to know beside the table.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for table, name in FILES.items():
        _write(folder / f"{name}.parquet", tables[table].write_parquet)
    _write(folder / "comparison.duckdb", lambda path: _write_database(path, tables))
    _write(folder / "README.md", lambda path: path.write_text(_readme(tables, notes), encoding="utf-8"))


def _write_database(path: Path, tables: Mapping[str, pl.DataFrame]) -> None:
    import duckdb

    with duckdb.connect(str(path)) as database:
        for table, name in FILES.items():
            database.register("frame_", tables[table].to_arrow())
            database.execute(f"create table {name} as from frame_")
            database.unregister("frame_")


def _random_lines(spread: pl.DataFrame) -> list[tuple[float | None, list[str]]]:
    lines = []
    for (size,), measures in spread.group_by("rows", maintain_order=True):
        found = {line["measure"]: line for line in measures.iter_rows(named=True)}
        cells = [f"random ({measures['seeds'][0]} seeds)"]
        for name in SHOWN:
            line = found.get(name, {"mean": size if name == "rows" else None, "sd": None})
            deviation = "" if line["sd"] is None else f" ± {_cell(name, line['sd'])}"
            cells.append(f"{_cell(name, line['mean'])}{deviation}")
        lines.append((found["information"]["mean"], cells))
    return lines


def _cell(name: str, value: float | None) -> str:
    return "-" if value is None else SHOWN[name][1](value)


def _readme(tables: Mapping[str, pl.DataFrame], notes: Sequence[str]) -> str:
    heading = ["method", *(title for title, _ in SHOWN.values())]
    listed = "\n".join(f"- {' '.join(note.split())}" for note in notes)
    files = ", ".join(f"`{name}.parquet`" for name in FILES.values())
    parts = [
        f"# Comparison\n\n{_markdown(heading, shown_lines(tables))}\n\n{meaning(tables)}\n\n{listed}",
        f"## Jaccard overlap\n\n{_overlap(tables['overlap'])}",
        f"## Source mix\n\n{_source_mix(tables['source_mix'])}",
        f"## Files\n\n{files}; `comparison.duckdb` has the same tables. `{REPORT}/report.html` shows "
        f"the choices in figures: open it in a browser.\n",
    ]
    return "\n\n".join(parts)


def _overlap(overlap: pl.DataFrame) -> str:
    """Return the overlap of every two subsets as a matrix."""
    names = overlap["name"].unique(maintain_order=True).to_list()
    found = {(name, other): jaccard for name, other, _, jaccard in overlap.iter_rows()}
    cells = {pair: f"{jaccard:.2f}" for pair, jaccard in found.items() if jaccard is not None}
    return _markdown(["", *names], [[name, *(cells.get((name, other), "") for other in names)] for name in names])


def _source_mix(mix: pl.DataFrame) -> str:
    """Return the share of each source in the pool and in every subset, in percent."""
    names = mix["name"].unique(maintain_order=True).to_list()
    lines = []
    for (source,), of_source in mix.group_by("source", maintain_order=True):
        shares = [of_source["pool_share"][0], *of_source["share"]]
        lines.append([str(source), *("" if share is None else f"{share:.1%}" for share in shares)])
    return _markdown(["source", "pool", *names], lines)


def _markdown(heading: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Return a table, its first column to the left and all others to the right."""
    rows = [heading, ["---", *["---:"] * (len(heading) - 1)], *lines]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in rows)


def _write(path: Path, fill: Callable[[Path], object]) -> None:
    """Fill a temporary file beside `path` and move it into place."""
    aside = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        fill(aside)
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)

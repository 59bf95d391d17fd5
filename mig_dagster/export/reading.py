"""Exported rows as their consumer finds them in the files."""

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from mig_dagster.export.conversations import Record
from mig_dagster.export.exported import Exported
from mig_dagster.export.lines import read_lines
from mig_dagster.export.tables import read_table


def exported_rows(exported: Exported, rows: pl.DataFrame) -> Iterator[tuple[int, str, Record]]:
    """Yield rank, row id and record of every row that an export holds, in the order of its files.

    Args:
        exported: what was written.
        rows: what was handed over, by rank.
    """
    keys = (key for key in rows.select("rank", "row_id").iter_rows() if key[0] not in exported.left_out_ranks)
    for (rank, row_id), record in zip(keys, read_records(exported), strict=True):
        yield rank, row_id, record


def read_records(exported: Exported) -> Iterator[Record]:
    """Yield the records of an export's data files."""
    for name in exported.data:
        yield from _records(exported.folder / name)


def _records(path: Path) -> Iterator[Record]:
    return read_lines(path) if path.suffix == ".jsonl" else read_table(path)

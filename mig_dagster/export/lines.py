"""JSON Lines of conversations: written row by row, read back and compared."""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from mig_dagster.export.conversations import Codec, LeftOut, Record, count_equal, encoded

_BREAKS = {"\x85": "\\u0085", "\u2028": "\\u2028", "\u2029": "\\u2029"}
"""Unlike JSON, some readers take these for the end of a line."""


def json_line(record: Mapping[str, Any]) -> bytes:
    """Return a record as one line for every reader, UTF-8."""
    text = json.dumps(record, ensure_ascii=False)
    for mark, escaped in _BREAKS.items():
        if mark in text:
            text = text.replace(mark, escaped)
    return text.encode() + b"\n"


def write_lines(
    path: Path, rows: pl.DataFrame, codec: Codec, beside: Callable[[Record], Record] | None = None
) -> LeftOut:
    """Write a file of one record a line, in the order of the rows.

    Args:
        path: a new file.
        rows: with `messages`, `tools`; `rank`, `row_id`, `source` name those that are left out.
        codec: how a conversation is written.
        beside: fields to add to the record of a row.

    Returns:
        The rows that the format cannot say.
    """
    left_out = LeftOut()
    with path.open("xb") as file:
        for row, record in encoded(rows, codec, left_out):
            file.write(json_line(record | beside(row) if beside else record))
    return left_out


def reread_lines(path: Path, rows: pl.DataFrame, codec: Codec, left_out: LeftOut) -> int:
    """Return how many rows of such a file are, read back, what was handed over."""
    return count_equal(read_lines(path), rows, codec, left_out)


def read_lines(path: Path) -> Iterator[Any]:
    """Yield the records of a file."""
    with path.open("rb") as file:
        yield from map(json.loads, file)

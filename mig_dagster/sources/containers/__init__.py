"""The ways records stand in a file: JSON Lines, a JSON array, Parquet by the first bytes; CSV and TSV by the name."""

import json
from collections.abc import Iterator
from itertools import chain
from typing import IO, Any

from mig_dagster.sources.bytestream import CHUNK_BYTES, Unpacked, opened, utf8_chunks
from mig_dagster.sources.containers.delimited import read_table
from mig_dagster.sources.containers.json_array import read_array
from mig_dagster.sources.containers.json_lines import BLANK, read_lines
from mig_dagster.sources.containers.parquet import MAGIC, read_rows, seekable_copy
from mig_dagster.sources.decode import SCAN_MARGIN, decode_text, is_cut, scan
from mig_dagster.sources.reasons import Defect
from mig_dagster.sources.records import SourceFileError

__all__ = ["BLANK", "RawRecord", "raw_records"]

RawRecord = tuple[int, Any, bytes | str | None]
_LINES_SUFFIXES = (".jsonl", ".ndjson")
_TABLE_SUFFIXES = (".csv", ".tsv")


def raw_records(uri: str) -> Iterator[RawRecord]:
    """Yield (position from 1, value, text) for every record of a file, in order.

    The value is a JSON value, a `Defect`, or `BLANK`; the text is None where the file holds none (Parquet).

    Raises:
        SourceFileError: the file as a whole cannot be read, or holds nothing.
    """
    empty = True
    with opened(uri) as file:
        records = _records(file, uri)
        for record in records:
            yield record
            if record[1] is not BLANK:
                empty = False
                break
        yield from records
    if empty:
        raise SourceFileError(uri, None, "holds no record", "Remove it from the source, or download it again")


def _records(file: IO[bytes], uri: str) -> Iterator[RawRecord]:
    magic = file.read(len(MAGIC))
    name = uri.lower().removesuffix(".gz").removesuffix(".zst")
    if magic == MAGIC:
        with seekable_copy(magic, file) if isinstance(file, Unpacked) else file as table:
            yield from read_rows(table, uri)
        return
    if name.endswith(".parquet") and magic:
        remedy = "Download it again (is it an error page?), or give it the name of what it is"
        raise SourceFileError(uri, None, f"is not Parquet: it begins with {magic!r}", remedy)
    chunks = utf8_chunks(file, uri, magic)
    if name.endswith(_TABLE_SUFFIXES):
        yield from read_table(chunks, uri, tabs=name.endswith(".tsv"))
        return
    head = b"".join(_until_text(chunks))
    reader = read_array if not name.endswith(_LINES_SUFFIXES) and _is_array(head, uri) else read_lines
    yield from reader(chain([head], chunks), uri)


def _until_text(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield chunks up to the first with anything but white space in it."""
    for chunk in chunks:
        yield chunk
        if chunk.strip():
            return


def _is_array(head: bytes, uri: str) -> bool:
    """Return whether the text is one JSON array, where the file name does not say that it holds lines."""
    text = head.decode("utf-8", "replace").lstrip(" \t\r\n")
    if text.startswith("{") and _spans_lines(text):
        problem = "holds one JSON object over several lines, where an array or one object per line is expected"
        remedy = "Keep only the list of records in it, or write each record on one line"
        raise SourceFileError(uri, "at its beginning", problem, remedy)
    return text.startswith("[")


def _spans_lines(text: str) -> bool:
    """Return whether the first JSON value goes on after the first line; a line with an error in it does not."""
    line, _, rest = text.partition("\n")
    first = decode_text(line)
    if not (isinstance(first, Defect) and first.reason == "truncated_json" and rest.strip()):
        return False
    try:
        scan(text, 0)
    except json.JSONDecodeError as error:
        # A line that broke off is an error where the next one begins; a value that fills the window is not.
        return is_cut(error, margin=0 if len(text) < CHUNK_BYTES // 2 else SCAN_MARGIN)
    return True

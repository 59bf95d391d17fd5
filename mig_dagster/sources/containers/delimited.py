"""CSV and TSV: a header line, then one record after the other; a quoted cell may hold line breaks.

The csv module reads them, strictly: a quote that never closes, or closes within a cell, is a defect of that record.
"""

import csv
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

from mig_dagster.sources.containers.json_lines import BLANK, MAX_LINE_BYTES, split_lines
from mig_dagster.sources.reasons import Defect
from mig_dagster.sources.records import SourceFileError

MAX_RECORD_BYTES = MAX_LINE_BYTES
_COMMA_OR_OTHER = (",", ";", "\t", "|")
_TAB = ("\t",)
_HEADER = "at its header"


def read_table(chunks: Iterable[bytes], uri: str, tabs: bool) -> Iterator[tuple[int, Any, bytes]]:
    """Yield (record number from 1, value, `Defect` or `BLANK`, its text) for every record after the header line.

    The value maps each name of the header to the text of a cell; an empty cell is "". A column without a name is called
    `column_<number>`.

    Args:
        chunks: UTF-8.
        uri: the file, for messages.
        tabs: whether a tab stands between two cells; else whatever of `,`, `;`, tab and `|` parts the header most.

    Raises:
        SourceFileError: the header cannot be read, or names a column twice; or a quote never closes, and lines after
            it that may be records of their own went into its cell.
    """
    lines = split_lines(chunks)
    header = next((line for line in lines if line.strip(b" \r")), None)
    if header is None:
        return
    delimiter, names = _header(header, _TAB if tabs else _COMMA_OR_OTHER, uri)
    for position, (cells, raw) in enumerate(_rows(lines, delimiter), 1):
        if isinstance(cells, Defect):
            _check_ends(cells, raw, uri, position)
            yield position, cells, raw
        elif not raw.strip(b" \r\n"):
            yield position, BLANK, raw
        elif len(cells) != len(names):
            yield position, Defect("cell_count", f"{len(cells)} cells, the header has {len(names)}"), raw
        else:
            yield position, dict(zip(names, cells, strict=True)), raw


def _check_ends(defect: Defect, raw: bytes, uri: str, position: int) -> None:
    """Refuse a table of which nobody can tell how many records it has after a quote."""
    swallowed = raw.partition(b"\n")[2].strip()
    if defect.reason == "unclosed_quote" and swallowed:
        lines = swallowed.count(b"\n") + 1
        problem = f"a quoted cell goes on to the end of the file, over {lines:,} more lines"
        remedy = f"Close the quote after {raw[:60].decode('utf-8', 'backslashreplace')!r}, or download the file again"
        raise SourceFileError(uri, f"record {position}", problem, remedy)


def _header(line: bytes, delimiters: tuple[str, ...], uri: str) -> tuple[str, list[str]]:
    """Return the delimiter and the names of the columns."""
    try:
        text = line.decode()
        readings = [(mark, _cells(text, mark)) for mark in delimiters]
        delimiter, cells = max(readings, key=lambda reading: len(reading[1]))
    except UnicodeDecodeError as error:
        raise SourceFileError(uri, _HEADER, f"is not UTF-8 ({error})", "Convert the file to UTF-8") from error
    names = [cell.strip() or f"column_{number}" for number, cell in enumerate(cells, 1)]
    if not names:
        remedy = "Begin the file with one line of column names, quotes in pairs, and end lines with a line feed"
        raise SourceFileError(uri, _HEADER, f"is no line of names: {text[:60]!r}", remedy)
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise SourceFileError(uri, _HEADER, f"has more than one column named {repeated}", "Rename the columns")
    return delimiter, names


def _cells(text: str, delimiter: str) -> list[str]:
    """Return the cells of a line, none where the delimiter makes no sense of its quotes."""
    try:
        return next(csv.reader([text], delimiter=delimiter, strict=True))
    except csv.Error:
        return []


def _rows(lines: Iterator[bytes], delimiter: str) -> Iterator[tuple[list[str] | Defect, bytes]]:
    """Yield the cells of every record, or its `Defect`, and its text."""
    csv.field_size_limit(MAX_RECORD_BYTES)
    feed = _Feed(lines)
    reader = csv.reader(feed, delimiter=delimiter, strict=True)
    while True:
        cells: list[str] | Defect
        try:
            cells = next(reader)
        except StopIteration:
            if not feed.taken:
                return
            cells = []
        except csv.Error as error:
            # A record goes on to the end of the file only inside of quotes.
            cells = Defect("unclosed_quote" if feed.ended else "invalid_csv", str(error))
        yield feed.defect or cells, b"\n".join(feed.taken)
        feed.next_record()


class _Feed:
    """Gives lines to a csv reader, and remembers those of the record that is being read, up to `MAX_RECORD_BYTES`."""

    def __init__(self, lines: Iterator[bytes]) -> None:
        self._lines = lines
        self._size = 0
        self._too_large = False
        self.taken: list[bytes] = []
        self.defect: Defect | None = None
        self.ended = False

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._lines, None)
        if line is None:
            self.ended = True
            raise StopIteration
        self.taken.append(line)
        self._size += len(line)
        if self._size > MAX_RECORD_BYTES or type(line) is not bytes:
            self._too_large = True
            self.defect = Defect("too_large", f"the record is longer than {MAX_RECORD_BYTES:,} bytes")
            raise StopIteration
        try:
            return line.decode() + "\n"
        except UnicodeDecodeError as error:
            place = f"byte 0x{line[error.start]:02X} at byte {error.start + 1} of line {len(self.taken)} of the record"
            self.defect = self.defect or Defect("invalid_utf8", place)
            return line.decode("utf-8", "surrogateescape") + "\n"

    def next_record(self) -> None:
        """Forget the record, and pass over what is left of one that was too large."""
        if self._too_large and len(self.taken) > 1:
            # Only a quoted cell goes over several lines: it ends on the next line with an odd number of quotes.
            rest = chain(self.taken[-1:], self._lines)
            next((line for line in rest if type(line) is not bytes or line.count(b'"') % 2), None)
        self.taken, self._size, self.defect, self._too_large = [], 0, None, False

"""A JSON array of records, read through a sliding window: the file may be larger than memory, an element may not.

A damaged element costs itself where its end can be told for certain (`damage.py`), and else the rest of the file.
"""

import codecs
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from mig_dagster.sources.containers.damage import damaged_end
from mig_dagster.sources.decode import decode_text, is_cut, scan
from mig_dagster.sources.reasons import Defect
from mig_dagster.sources.records import SourceFileError

MAX_ELEMENT_CHARS = 64 << 20
MAX_DAMAGED_CHARS = 8 << 20
"""How far the end of a damaged element is looked for."""
_SPACE = re.compile(r"[ \t\n\r]*")
_REMEDY = "Repair the file, or write one object per line (JSON Lines): then a bad record costs that record only"


def read_array(chunks: Iterable[bytes], uri: str) -> Iterator[tuple[int, Any, str]]:
    """Yield (element number from 1, value or `Defect`, its text) for every element.

    Raises:
        SourceFileError: the text is not an array, has a damaged element whose end cannot be told, ends too early, or
            has an element of more than `MAX_ELEMENT_CHARS` characters.
    """
    window = _Window(chunks, uri)
    window.take("[")
    position = 0
    mark = window.look()
    while mark != "]":
        position += 1
        yield position, *window.value()
        mark = window.look()
        if mark == ",":
            window.take(",")
        elif mark != "]" and not (mark == "{" and window.at_line_start()):  # a comma that is missing costs nothing
            window.fail(f"element {position} is followed by {mark!r}" if mark else "the array never closes")
    window.take("]")
    if mark := window.look():
        window.fail(f"{mark!r} follows the array")


class _Window:
    """The part of the text that is being read; what has been read is dropped, so memory stays bounded."""

    def __init__(self, chunks: Iterable[bytes], uri: str) -> None:
        self._chunks = iter(chunks)
        # A byte that is not UTF-8 becomes a lone surrogate, so that it costs the element it stands in.
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="surrogateescape")
        self._uri = uri
        self._text = ""
        self._at = 0
        self._line, self._column = 1, 1  # of the beginning of the window
        self._ended = False
        self._indent: str | None = (
            ""  # white space before the place on its line, None where something else stands there
        )

    def look(self) -> str:
        """Return the next character that is not white space, without taking it; "" at the end."""
        while True:
            space = _SPACE.match(self._text, self._at)
            assert space is not None  # the pattern matches the empty string
            self._at = space.end()
            _, line_break, indent = space.group().rpartition("\n")
            if line_break or self._indent is not None:
                self._indent = indent if line_break else f"{self._indent}{indent}"
            if self._at < len(self._text):
                return self._text[self._at]
            if self._ended:
                return ""
            self._grow()

    def at_line_start(self) -> bool:
        """Return whether nothing but white space stands before the place on its line."""
        return self._indent is not None

    def take(self, mark: str) -> None:
        """Take one expected character."""
        found = self.look()
        if found != mark:
            self.fail(f"expected {mark!r}, found {found!r}")
        self._at += 1
        # The first element counts as one on a line of its own.
        self._indent = "" if mark == "[" else None

    def value(self) -> tuple[Any, str]:
        """Take the next value; return it or its `Defect`, and its text."""
        self.look()
        while True:
            found: tuple[Any, int] | json.JSONDecodeError
            try:
                found = scan(self._text, self._at)
            except json.JSONDecodeError as error:
                found = error
            cut = isinstance(found, json.JSONDecodeError) and is_cut(found) and not self._ended
            if not cut and (taken := self._judged(found)) is not None:
                return taken
            self._grow()

    def _judged(self, found: tuple[Any, int] | json.JSONDecodeError) -> tuple[Any, str] | None:
        """Take the element, as what it is or as a damaged one; None where only more text tells which."""
        if not isinstance(found, json.JSONDecodeError) and self._stands_alone(found[1]):
            return self._taken(*found)
        end = damaged_end(self._text, self._at, self._indent, self._ended)
        if end is not None:
            return self._taken(decode_text(self._text[self._at : end]), end)
        all_seen = self._ended or len(self._text) - self._at > MAX_DAMAGED_CHARS
        if not isinstance(found, json.JSONDecodeError):
            return self._taken(*found) if all_seen else None
        if all_seen or self._text[self._at] in ",]":
            self._at = found.pos
            self.fail(f"is not valid JSON here ({found.msg})")
        return None

    def _stands_alone(self, end: int) -> bool:
        """Return whether what follows a value is known, and what may follow one."""
        if self._text[end : end + 1] in (",", "]"):
            return True
        space = _SPACE.match(self._text, end)
        assert space is not None  # the pattern matches the empty string
        mark = self._text[space.end() : space.end() + 1]
        return mark in (",", "]") or (mark == "{" and "\n" in space.group())

    def _taken(self, value: Any, end: int) -> tuple[Any, str]:
        text = self._text[self._at : end]
        self._at = end
        self._indent = None
        if not text.isascii():
            try:
                text.encode()
            except UnicodeEncodeError as error:
                byte = ord(error.object[error.start]) & 0xFF
                return Defect("invalid_utf8", f"byte 0x{byte:02X} at character {error.start + 1} of the record"), text
        return value, text

    def _grow(self) -> None:
        """Add at least as much text as is still unread, so that a long element is scanned a few times only."""
        unread = self._text[self._at :]
        if len(unread) > MAX_ELEMENT_CHARS:
            self.fail(f"an element is longer than {MAX_ELEMENT_CHARS:,} characters")
        parts = [unread]
        wanted = max(len(unread), 1)
        while wanted > 0 and not self._ended:
            chunk = next(self._chunks, None)
            self._ended = chunk is None
            parts.append(self._decoder.decode(chunk or b"", final=self._ended))
            wanted -= len(parts[-1])
        self._line, self._column = self._place()
        self._text = "".join(parts)
        self._at = 0

    def fail(self, problem: str) -> None:
        """Raise the failure of the file at the current place."""
        line, column = self._place()
        problem = f"the JSON array cannot be read: {problem}"
        raise SourceFileError(self._uri, f"line {line}, column {column}", problem, _REMEDY)

    def _place(self) -> tuple[int, int]:
        breaks = self._text.count("\n", 0, self._at)
        if not breaks:
            return self._line, self._column + self._at
        return self._line + breaks, self._at - self._text.rfind("\n", 0, self._at)

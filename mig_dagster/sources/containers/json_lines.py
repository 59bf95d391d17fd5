"""JSON Lines: one record a line, and a bad line costs that line only."""

from collections.abc import Iterable, Iterator
from typing import Any

from mig_dagster.sources.decode import decode_line
from mig_dagster.sources.reasons import Defect

MAX_LINE_BYTES = 64 << 20


class BlankLine:
    """Stands where a line has nothing on it."""


BLANK = BlankLine()
_HEAD_BYTES = 4096


class _Overlong(bytes):
    """The head of a line that is longer than a reader holds."""


def read_lines(chunks: Iterable[bytes], uri: str) -> Iterator[tuple[int, Any, bytes]]:
    """Yield (line number, value, `Defect` or `BLANK`, the line itself) for every line."""
    del uri  # no line fails the file
    for position, line in enumerate(split_lines(chunks), 1):
        stripped = line.strip(b" \t\r")
        if not stripped:
            yield position, BLANK, line
        elif type(line) is _Overlong:
            yield position, Defect("too_large", f"the line is longer than {MAX_LINE_BYTES:,} bytes"), line
        else:
            yield position, decode_line(stripped), line


def split_lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    r"""Yield lines without their `\n`, and nothing else splits: U+2028 or U+0085 inside a string is text."""
    begun: list[bytes] = []
    size = 0
    for chunk in chunks:
        head, *rest = chunk.split(b"\n")
        begun.append(head)
        size += len(head)
        if rest:
            yield _join(begun, size)
            begun = [rest.pop()]
            size = len(begun[0])
            yield from rest
        elif size > MAX_LINE_BYTES:
            begun = [b"".join(begun)[:_HEAD_BYTES]]
    if size:
        yield _join(begun, size)


def _join(parts: list[bytes], size: int) -> bytes:
    return b"".join(parts) if size <= MAX_LINE_BYTES else _Overlong(b"".join(parts)[:_HEAD_BYTES])

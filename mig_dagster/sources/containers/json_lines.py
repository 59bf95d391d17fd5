"""JSON Lines: one record a line, and a bad line costs that line only."""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

from mig_dagster.sources.quick_decode import decode_lines
from mig_dagster.sources.reasons import Defect

MAX_LINE_BYTES = 64 << 20


class BlankLine:
    """Stands where a line has nothing on it."""


BLANK = BlankLine()
_HEAD_BYTES = 4096
_DECODED_LINES = 128  # few, so that their objects die before the garbage collector counts them as old


class _Overlong(bytes):
    """The head of a line that is longer than a reader holds."""


def read_lines(chunks: Iterable[bytes], uri: str) -> Iterator[tuple[int, Any, bytes]]:
    """Yield (line number, value, `Defect` or `BLANK`, the line itself) for every line."""
    del uri  # no line fails the file
    position = 1
    for block in _line_blocks(chunks):
        for start in range(0, len(block), _DECODED_LINES):
            lines = block[start : start + _DECODED_LINES]
            yield from zip(range(position, position + len(lines)), _values(lines), lines, strict=True)
            position += len(lines)


def split_lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    r"""Yield lines without their `\n`, and nothing else splits: U+2028 or U+0085 inside a string is text."""
    return chain.from_iterable(_line_blocks(chunks))


def _values(lines: list[bytes]) -> list[Any]:
    stripped = [line.strip(b" \t\r") for line in lines]
    values = decode_lines(stripped)
    if not all(stripped) or _Overlong in map(type, lines):
        for index, line in enumerate(lines):
            if not stripped[index]:
                values[index] = BLANK
            elif type(line) is _Overlong:
                values[index] = Defect("too_large", f"the line is longer than {MAX_LINE_BYTES:,} bytes")
    return values


def _line_blocks(chunks: Iterable[bytes]) -> Iterator[list[bytes]]:
    r"""Yield the lines that end within a chunk, without their `\n`, chunk by chunk."""
    begun: list[bytes] = []
    size = 0
    for chunk in chunks:
        head, *rest = chunk.split(b"\n")
        begun.append(head)
        size += len(head)
        if rest:
            last = rest.pop()
            yield [_join(begun, size), *rest]
            begun, size = [last], len(last)
        elif size > MAX_LINE_BYTES:
            begun = [b"".join(begun)[:_HEAD_BYTES]]
    if size:
        yield [_join(begun, size)]


def _join(parts: list[bytes], size: int) -> bytes:
    return b"".join(parts) if size <= MAX_LINE_BYTES else _Overlong(b"".join(parts)[:_HEAD_BYTES])

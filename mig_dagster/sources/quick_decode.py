"""Lines of JSON decoded by orjson, where it is certain that the strict decoder would say the same."""

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from mig_dagster.sources.decode import MAX_DEPTH, decode_line

_QUOTE, _BACKSLASH = b'"\\'
_NEVER = -(1 << 60)
_SINGLE = {str, int, bool, type(None)}


def decode_lines(lines: Sequence[bytes]) -> list[Any]:
    """Return what `decode_line` makes of each line, none of which has a line break: its value, or its `Defect`.

    What orjson refuses, the strict decoder judges. What orjson takes is the same JSON, except that of a key written
    twice it keeps the last value, that it makes floats of large integers, and that it allows more depth. A key written
    twice leaves more quotes in the line than the keys and strings that were read account for.
    """
    values = _all_loaded(lines)
    if _as_expected(lines, values):
        return values
    # Cut off below, since the sum over many parts that the strict decoder has to read leaves the range of int64.
    strings = (max(_NEVER, _strings(value, MAX_DEPTH)) for value in values)
    expected = 2 * np.fromiter(strings, dtype=np.int64, count=len(lines))
    for index in np.flatnonzero(_quotes(lines) != expected).tolist():
        values[index] = decode_line(lines[index])
    return values


def _all_loaded(lines: Sequence[bytes]) -> list[Any]:
    try:
        return list(map(orjson.loads, lines))
    except orjson.JSONDecodeError:
        return list(map(_loaded, lines))


def _as_expected(lines: Sequence[bytes], values: list[Any]) -> bool:
    """Return whether all are objects of single values, no float among them, and no key is written twice in any.

    This is what is checked below, for all lines at once: none can have fewer quotes than were read.
    """
    if set(map(type, values)) != {dict}:
        return False
    kinds = list(map(type, chain.from_iterable(map(dict.values, values))))
    if not _SINGLE.issuperset(kinds):
        return False
    marks = np.frombuffer(b"\n".join(lines), dtype=np.uint8)
    quotes = marks == _QUOTE
    escapes = marks == _BACKSLASH
    escaped = escapes[:-1] & quotes[1:]
    if np.any(escapes[:-2] & escaped[1:]):  # the backslash before a quote may itself be escaped
        return False
    expected = 2 * (sum(map(len, values)) + kinds.count(str))
    return bool(np.count_nonzero(quotes) - np.count_nonzero(escaped) == expected)


def _loaded(line: bytes) -> Any:
    """Return the value that orjson reads; None where it refuses, which no list or object is."""
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        return None


def _strings(value: Any, levels: int) -> int:
    """Return how many keys and strings a list or an object has; less than 0 where the strict decoder has to read it."""
    items: Iterable[Any]
    if type(value) is dict:
        count, items = len(value), value.values()
    elif type(value) is list:
        count, items = 0, value
    else:
        return _NEVER
    if not levels:
        return _NEVER
    for item in items:
        kind = type(item)
        if kind is str:
            count += 1
        elif kind is dict or kind is list:
            count += _strings(item, levels - 1)
        elif kind is float:
            return _NEVER
    return count


def _quotes(lines: Sequence[bytes]) -> npt.NDArray[np.int64]:
    """Return how many quotes begin or end a string in each line, (n,); -1 where a backslash may itself be escaped."""
    marks = np.frombuffer(b"\n".join([*lines, b""]), dtype=np.uint8)
    ends = np.cumsum([len(line) + 1 for line in lines])
    quotes = marks == _QUOTE
    escapes = marks == _BACKSLASH
    escaped = escapes[:-1] & quotes[1:]
    quotes[1:] ^= escaped
    counts: npt.NDArray[np.int64] = np.diff(np.searchsorted(np.flatnonzero(quotes), ends), prepend=0)
    doubtful = np.flatnonzero(escapes[:-2] & escaped[1:])
    counts[np.searchsorted(ends, doubtful, side="right")] = -1
    return counts

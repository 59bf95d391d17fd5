"""One JSON text to a value, or the one defect it has: the strictness that `json.loads` lacks, at nearly its speed."""

import json
import re
from collections.abc import Callable
from typing import Any

from mig_dagster.sources.reasons import Defect

MAX_DEPTH = 100
SCAN_MARGIN = 12  # a literal or an escape cut in two is reported at its start: `-Infinity`, or an escaped pair
_STRINGS_AND_BRACKETS = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)|[\[\]{}]', re.DOTALL)
_SCALAR = re.compile(r"[^,\]}\s]*")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        keys = [key for key, _ in pairs]
        repeated = next(key for index, key in enumerate(keys) if key in keys[:index])
        raise Defect("duplicate_key", f"key {repeated[:100]!r}")
    return value


def _constant(name: str) -> None:
    raise Defect("not_a_number", name)


def _float(digits: str) -> float:
    value = float(digits)
    if value - value != 0:
        raise Defect("number_too_large", digits[:100])
    return value


_decoder = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant, parse_float=_float)
# Of `raw_decode`, the part that does the work: it saves a call for every record.
_scan: Callable[[str, int], tuple[Any, int]] = _decoder.scan_once  # type: ignore[attr-defined]


def scan(text: str, start: int) -> tuple[Any, int]:
    """Read the JSON value that begins at `start`.

    Returns:
        The value, or the `Defect` of one that is not acceptable; and the index after it.

    Raises:
        json.JSONDecodeError: the text is not JSON, or ends too early (`is_cut` tells which).
    """
    try:
        value, end = _scan(text, start)
    except StopIteration as stop:
        raise json.JSONDecodeError("Expecting value", text, stop.value) from None
    except Defect as defect:
        return defect, end_of_value(text, start)
    except RecursionError:
        return Defect("too_deep", f"at most {MAX_DEPTH} levels are read"), end_of_value(text, start)
    except json.JSONDecodeError:
        raise
    except ValueError as error:  # an integer with more digits than Python converts
        return Defect("number_too_large", str(error)), end_of_value(text, start)
    return _whole(value, text if start == 0 and end == len(text) else text[start:end]), end


def _whole(value: Any, text: str) -> Any:
    """Return the value, or the defect that shows only in the whole: depth, or half a character."""
    # Counting brackets and looking for an escape run at memory speed; only what they flag is walked.
    if text.count("{") + text.count("[") > MAX_DEPTH and depth(value) > MAX_DEPTH:
        return Defect("too_deep", f"{depth(value)} levels, at most {MAX_DEPTH} are read")
    if "\\ud" in text or "\\uD" in text:
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            return Defect("unpaired_surrogate", f"U+{ord(error.object[error.start]):04X}")
    return value


def decode_line(line: bytes) -> Any:
    """Return the value of a line that holds one JSON value and nothing else, or its `Defect`."""
    try:
        return decode_text(line.decode())
    except UnicodeDecodeError as error:
        return Defect("invalid_utf8", f"byte 0x{line[error.start]:02X} at byte {error.start + 1} of the record")


def decode_text(text: str) -> Any:
    """Return the value of a text that holds one JSON value and nothing else, or its `Defect`."""
    text = text.strip(" \t\r\n")
    try:
        value, end = scan(text, 0)
    except json.JSONDecodeError as error:
        reason = "truncated_json" if is_cut(error, margin=0) else "invalid_json"
        return Defect(reason, f"{error.msg} at character {error.pos + 1}")
    return value if end == len(text) else _extra(text, end)


def _extra(text: str, end: int) -> Defect:
    rest = text[end:].lstrip(" \t\r\n")
    place = f"at character {len(text) - len(rest) + 1}"
    try:
        scan(rest, 0)
    except json.JSONDecodeError:
        return Defect("text_after_value", f"{rest[:60]!r} {place}")
    return Defect("several_values", f"another value {place}")


def is_cut(error: json.JSONDecodeError, margin: int = SCAN_MARGIN) -> bool:
    """Return whether the text may only be incomplete: the error lies at its end, or in a string that never closes."""
    return error.msg.startswith("Unterminated string") or error.pos >= len(error.doc) - margin


def end_of_value(text: str, start: int) -> int:
    """Return the index after the value that begins at `start`, found without recursion and without building it.

    Raises:
        json.JSONDecodeError: at the end of the text, where a list, an object or a string is still open.
    """
    if text[start] not in '[{"':
        scalar = _SCALAR.match(text, start)
        assert scalar is not None  # the pattern matches the empty string
        return scalar.end()
    level = 0
    for token in _STRINGS_AND_BRACKETS.finditer(text, start):
        level += {"[": 1, "{": 1, "]": -1, "}": -1}.get(token.group(), 0)
        if level == 0 and token.group()[-1] in '"]}':
            return token.end()
    raise json.JSONDecodeError("Expecting the end of a value", text, len(text))


def depth(value: Any) -> int:
    """Return how many levels of lists and objects a JSON value has; 0 for a scalar."""
    levels = 0
    layer = [value]
    while layer := [item for item in layer if isinstance(item, dict | list)]:
        levels += 1
        layer = [child for item in layer for child in (item.values() if isinstance(item, dict) else item)]
    return levels

"""Where a damaged element of a JSON array ends, if that can be told for certain: then it costs itself only.

Two things tell: lines, where every element begins on a line of its own, as far left as the damaged one; and brackets,
where those of the element still match and close in the column where it began. Nothing else is tried, so that no element
is passed over uncounted.
"""

import json
import re

from mig_dagster.sources.decode import scan

_TOKENS = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?|[\[\]{}]', re.DOTALL)
_PAIRS = {"]": "[", "}": "{"}
# Between two elements; inside of a string it says that a quote is missing or too many, and all is inside out.
_BOUNDARY = re.compile(r'[}\]]\s*,\s*[\[{]?\s*"?\Z|,\s*[\[{]\s*"?\Z')
_FOLLOWS = re.compile(r"\s*(?:\]|,\s*[{])")
_AFTER = re.compile(r"\s*[,\]]|\s*\n\s*\{")
_CLOSED = re.compile(r"\s*\]\s*\Z")


def damaged_end(text: str, start: int, indent: str | None, ended: bool) -> int | None:
    """Return the index after the damaged element that begins at `start`, its comma not included.

    Args:
        text: what is known of the array.
        start: where the element begins.
        indent: white space before it on its line, "" for the first element on the line of the opening bracket; None
            where another element stands before it on the line.
        ended: whether the text goes to the end of the file.

    Returns:
        None where it cannot be told, or only with more text.
    """
    if text[start : start + 1] in ("", ",", "]"):  # there is no element
        return None
    if indent is not None and (end := _end_by_lines(text, start, indent, ended)) is not None:
        return end
    end = _end_by_brackets(text, start) if text[start] == "{" else None
    return end if end is not None and _closes_as_it_begins(text, start, end, indent) else None


def _end_by_lines(text: str, start: int, indent: str, ended: bool) -> int | None:
    """Return the end before the next line that is indented no deeper and begins with an object or closes the array."""
    for line in re.compile(rf"\n[ \t]{{0,{len(indent)}}}(?=[{{\]])").finditer(text, start):
        end = start + len(text[start : line.start()].rstrip())
        if text[line.end()] == "]":
            if ended and _CLOSED.match(text, line.end()):
                return end
        elif text[end - 1] == ",":
            return end - 1
        else:
            return end if _is_element(text, line.end()) else None
    return None


def _is_element(text: str, start: int) -> bool:
    """Return whether a sound element begins here; where the one before it broke off, a text may go on here instead."""
    try:
        _, end = scan(text, start)
    except json.JSONDecodeError:
        return False
    return _AFTER.match(text, end) is not None


def _closes_as_it_begins(text: str, start: int, end: int, indent: str | None) -> bool:
    """Return whether an element over several lines closes under the place where it began, and no part of it does."""
    _, line_break, last = text[start : end - 1].rpartition("\n")
    return not line_break or last == indent


def _end_by_brackets(text: str, start: int) -> int | None:
    """Return the end where the brackets match and another object, or the end of the array, follows."""
    still_open: list[str] = []
    for token in _TOKENS.finditer(text, start):
        mark = token.group()
        if mark[0] == '"':
            if "\n" in mark or _BOUNDARY.search(mark[1:]):
                return None
        elif mark in _PAIRS:
            if not still_open or still_open.pop() != _PAIRS[mark]:
                return None
            if not still_open:
                return token.end() if _FOLLOWS.match(text, token.end()) else None
        else:
            still_open.append(mark)
    return None

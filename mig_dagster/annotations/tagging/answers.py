"""What a model that was asked for tags in JSON answered: the tags, as far as they can be read, and where it ends.

Asked for `[{"tag": ..., "explanation": ...}, ...]`, models give a list, one dict, or dicts one after the other, each
perhaps within other text, and perhaps cut off where the tokens end.
"""

import json
import re
from dataclasses import dataclass
from typing import Any

from mig_dagster.annotations.flags import Defect

PARSER_VERSION = 1
"""Part of a tagger's fingerprint: another reading of the same answers gives other tags."""

_SALVAGE = re.compile(r'"tag"\s*:\s*"((?:[^"\\]|\\.)+)"', re.DOTALL)
"""What is left of answers that are no JSON, as OpenDataArena finds it [2nd], but knowing of escaped quotes."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The tags of an answer.

    Attributes:
        tags: at least one, distinct, in the order given, white space collapsed, otherwise as written.
        salvaged: the answer was cut off or is no valid JSON; more tags may have been meant.
    """

    tags: list[str]
    salvaged: bool = False


def read_tags(answer: str) -> Answer | Defect:
    """Return the tags of an answer, up to where it is complete; never raises.

    Returns:
        A `Defect` where there are none: `empty_output` where nothing or an empty list was said, else `parse_failure`.
    """
    scan = AnswerScan()
    scan.feed(answer)
    if scan.whole:
        tags = distinct_tags(scan.tags)
        return Answer(tags) if tags else Defect("empty_output")
    tags = distinct_tags([_unescaped(raw) for raw in _SALVAGE.findall(scan.text)])
    if tags:
        return Answer(tags, salvaged=True)
    return Defect("parse_failure" if scan.text.strip() else "empty_output")


def noted(answer: Answer | Defect, query_cut: bool) -> tuple[list[str], list[str]]:
    """Return the tags of a query and what is to be said of them.

    Returns:
        The tags, and codes: the flag of a defect, `salvaged`, `query_cut` (the query was too long to be read whole).
    """
    cut = ["query_cut"] * query_cut
    if isinstance(answer, Defect):
        return [], [answer.flag, *cut]
    return answer.tags, ["salvaged"] * answer.salvaged + cut


class AnswerScan:
    """An answer read piece by piece as it is generated, to know at once when it is complete.

    A list is complete with its bracket; dicts one after the other are when something else follows them.

    Attributes:
        text: what was read, up to where the answer is complete.
        tags: of the lists and dicts closed so far.
        complete: whatever follows is no part of the answer.
    """

    def __init__(self) -> None:
        self.text = ""
        self.tags: list[str] = []
        self.complete = False
        self._dicts = self._broken = False
        self._depth, self._start = 0, 0
        self._in_string = self._escaped = False

    @property
    def whole(self) -> bool:
        """Whether everything that was begun is closed and was read as JSON."""
        return (self.complete or (self._dicts and self._depth == 0)) and not self._broken

    def feed(self, piece: str) -> bool:
        """Read on; return whether the answer is complete."""
        for character in piece:
            if self._depth == 0 and self._dicts and character not in " \t\r\n,{":
                self.complete = True
            if self.complete:
                break
            self._take(character)
        return self.complete

    def _take(self, character: str) -> None:
        if self._depth == 0 and character in "[{":
            self._start = len(self.text)
        self.text += character
        if self._in_string:
            self._in_string = self._escaped or character != '"'
            self._escaped = character == "\\" and not self._escaped
        elif character in "[{":
            self._depth += 1
        elif self._depth and character == '"':
            self._in_string = True
        elif self._depth and character in "]}":
            self._depth -= 1
            if self._depth == 0:
                self._close(self.text[self._start :])

    def _close(self, piece: str) -> None:
        """Take in a list or dict; brackets of other kinds, such as "[intent]", are text."""
        value = _json_value(piece)
        self._broken = self._broken or (value is None and _SALVAGE.search(piece) is not None)
        if isinstance(value, list):
            found = [tag for item in value for tag in _tag_of(item)]
            self.complete = bool(found) or not value
        else:
            found = _tag_of(value)
            self._dicts = self._dicts or bool(found)
        self.tags += found


def distinct_tags(tags: list[str]) -> list[str]:
    """Return tags in first-seen order, white space collapsed, blank ones left out."""
    # JSON may hold half a surrogate pair, which no file can: it becomes "?".
    said = (" ".join(tag.encode("utf-8", "replace").decode().split()) for tag in tags)
    return list(dict.fromkeys(filter(None, said)))


def _tag_of(item: Any) -> list[str]:
    match item:
        case {"tag": str(tag)} if tag.strip():
            return [tag]
    return []


def _json_value(text: str) -> Any:
    """Return what JSON holds; None where it is none, or nested deeper than can be read."""
    try:
        return json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return None


def _unescaped(raw: str) -> str:
    value = _json_value(f'"{raw}"')
    return value if isinstance(value, str) else raw

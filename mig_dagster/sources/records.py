"""What reading a source gives: one accepted, rejected or blank record each, or the failure of a whole file."""

import json
from dataclasses import dataclass
from typing import Any

from mig_dagster.conversation import Conversation

RAW_BYTES = 2048


@dataclass(slots=True)
class Accepted:
    """A record that became a conversation.

    Attributes:
        origin: `file:position`, with nine digits, so that string order is reading order.
        conversation: it has a user turn and ends with an assistant turn.
        meta: the record's remaining columns under their own names. `message_extras` holds what single messages had
            beside role and content, by message index as a string; `trailing_turns` the turns after the last answer.
    """

    origin: str
    conversation: Conversation
    meta: dict[str, Any]


@dataclass(slots=True)
class Rejected:
    """A record that was turned away: a code of `REASONS`, a detail, and at most 2,048 bytes of the record itself."""

    origin: str
    reason: str
    detail: str
    raw: str


@dataclass(slots=True)
class Blank:
    """A line without anything on it."""

    origin: str


class SourceFileError(Exception):
    """A file that cannot be read as a whole; it fails its own source only.

    Args:
        path: the file, or the URI that names none.
        position: where in the file, or None.
        problem: what was found, and what was expected.
        remedy: what the owner of the file can do.
    """

    def __init__(self, path: str, position: str | None, problem: str, remedy: str) -> None:
        place = path if position is None else f"{path}, {position}"
        super().__init__(f"{place}: {problem}. {remedy}")
        self.path = path
        self.position = position
        self.problem = problem
        self.remedy = remedy

    def __reduce__(self) -> tuple[Any, ...]:
        """Keep the four parts when the error crosses a process boundary."""
        return type(self), (self.path, self.position, self.problem, self.remedy)


def cut_raw(raw: bytes | str | dict[str, Any]) -> str:
    """Return the head of a record for its rejection: at most `RAW_BYTES` bytes of UTF-8, always storable."""
    text = json.dumps(raw, ensure_ascii=False) if isinstance(raw, dict) else raw
    head = text if isinstance(text, bytes) else text[:RAW_BYTES].encode("utf-8", "backslashreplace")
    # What is no UTF-8 shows as an escape, which is longer; half a character at the cut is left out.
    shown = head[:RAW_BYTES].decode("utf-8", "backslashreplace").encode()
    return shown[:RAW_BYTES].decode("utf-8", "ignore")

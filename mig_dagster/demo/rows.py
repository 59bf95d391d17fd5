"""What a demo source is made of before it is written: good rows, malformed records, blank lines."""

import unicodedata
from dataclasses import dataclass
from typing import Any

from mig_dagster.conversation import Conversation, Message


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """A conversation that a reader accepts.

    Attributes:
        conversation: what the reader should make of it.
        trailing: turns written after the last answer, which a reader cuts.
    """

    conversation: Conversation
    trailing: tuple[Message, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Malformed:
    """A record that a reader turns away.

    Attributes:
        content: the bytes of its line or array element, or a record to be written like any other.
        reason: the code that the reader should give.
    """

    content: bytes | dict[str, Any]
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class BlankLine:
    """A line of JSON Lines with nothing but white space."""

    content: bytes = b""


Slot = Row | Malformed | BlankLine


def normalised(conversation: Conversation) -> str:
    """Return a text that is equal for conversations that differ in case, white space and compatibility forms only."""
    parts = [conversation.tools or ""]
    for message in conversation.messages:
        text = unicodedata.normalize("NFKC", message.content).lower()
        parts.append(f"{message.role}\n{' '.join(text.split())}\n{message.tool_calls or ''}")
    return "\0".join(parts)

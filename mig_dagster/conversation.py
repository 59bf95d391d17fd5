"""The one shape of a conversation that every part of the project speaks.

Standard library only: readers make conversations, the pool identifies them, and annotators read them on machines that
have neither Dagster nor Polars.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Literal, get_args

Role = Literal["system", "user", "assistant", "tool"]
ROLES: tuple[str, ...] = get_args(Role)


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation.

    Attributes:
        role: one of `ROLES`.
        content: what was said; "" when a turn only calls tools.
        tool_calls: JSON list of calls in the OpenAI form, `[{"type": "function", "function": {"name", "arguments"}}]`.
        reasoning_content: the model's reasoning before `content`, where the source keeps it apart.
    """

    role: str
    content: str
    tool_calls: str | None = None
    reasoning_content: str | None = None

    def as_dict(self) -> dict[str, str]:
        """Return the fields that are set, `role` and `content` always."""
        optional = {"tool_calls": self.tool_calls, "reasoning_content": self.reasoning_content}
        return {"role": self.role, "content": self.content} | {k: v for k, v in optional.items() if v is not None}


@dataclass(frozen=True, slots=True)
class Conversation:
    """Messages in order, and the tools that were offered to the assistant as a JSON string."""

    messages: tuple[Message, ...]
    tools: str | None = None

    @property
    def row_id(self) -> str:
        """32 hex digits: a 128-bit BLAKE2b over `canonical_json`."""
        return hash_text(self.canonical_json())

    @property
    def n_turns(self) -> int:
        """Number of user messages."""
        return sum(message.role == "user" for message in self.messages)

    @property
    def n_chars(self) -> int:
        """Characters in all contents, reasonings and tool calls."""
        return sum(
            len(message.content) + len(message.tool_calls or "") + len(message.reasoning_content or "")
            for message in self.messages
        )

    @property
    def instruction(self) -> str:
        """What the user asked: all user messages, joined by a line break."""
        return "\n".join(message.content for message in self.messages if message.role == "user")

    @property
    def response(self) -> str:
        """What the assistant answered: all its non-empty messages, joined by a line break."""
        return "\n".join(m.content for m in self.messages if m.role == "assistant" and m.content)

    def canonical_json(self) -> str:
        """Return compact JSON with sorted keys, unset fields left out, embedded JSON parsed.

        Two sources that write the same tools with other spacing or key order so get the same row id.
        """
        messages = [
            {key: embedded_json(value) if key == "tool_calls" else value for key, value in message.as_dict().items()}
            for message in self.messages
        ]
        document = {"messages": messages} | ({} if self.tools is None else {"tools": embedded_json(self.tools)})
        return canonical_json(document)


def canonical_json(document: Any) -> str:
    """Return compact JSON with sorted keys and unescaped Unicode."""
    return json.dumps(document, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def embedded_json(text: str) -> Any:
    """Return what JSON text holds, or the text itself where it is not JSON."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def hash_text(text: str) -> str:
    """Return 32 hex digits: the 128-bit BLAKE2b of the UTF-8 bytes."""
    return blake2b(text.encode(), digest_size=16).hexdigest()


def from_dicts(messages: Sequence[dict[str, Any]], tools: str | None = None) -> Conversation:
    """Build a conversation from stored messages, as `Message.as_dict` gives them."""
    return Conversation(tuple(Message(**message) for message in messages), tools)

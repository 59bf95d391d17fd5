"""What the rules of all trainers ask of messages, and messages as a chat template takes them."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mig_dagster.conversation import Conversation, Message
from mig_dagster.export.consumers.chat_tokens import ChatTokens
from mig_dagster.export.consumers.findings import Finding

Turns = Sequence[Mapping[str, Any]]


def messages_of(record: Mapping[str, Any], column: str = "messages") -> Turns | Finding:
    """Return a record's messages, each an object; or what is wrong with them."""
    messages = record.get(column)
    if not isinstance(messages, list) or not messages:
        return Finding("no_messages", "stops", f"column {column!r} is {_shown(messages)}, expected a list of messages")
    for at, message in enumerate(messages, start=1):
        if not isinstance(message, Mapping):
            return Finding("malformed_turn", "stops", f"turn {at} is {_shown(message)}, expected an object")
    return messages


def without_role(turns: Turns) -> Iterator[Finding]:
    """Yield the first turn that has no role."""
    for at, turn in enumerate(turns, start=1):
        if not isinstance(turn.get("role"), str):
            yield Finding("malformed_turn", "stops", f"turn {at} has no role")
            return


def calls_of(message: Mapping[str, Any]) -> list[Any]:
    """Return a message's tool calls, none where it has none."""
    calls = message.get("tool_calls")
    return list(calls) if isinstance(calls, list) else []


def bad_tools(tools: Any) -> Iterator[Finding]:
    """Yield what is wrong with tools that must be a list, or JSON text of one; null is none."""
    try:
        value = json.loads(tools) if isinstance(tools, str) else tools
    except ValueError as problem:
        yield Finding("invalid_tools", "stops", f"tools are not valid JSON: {problem}")
        return
    if value is not None and not isinstance(value, list):
        yield Finding("invalid_tools", "stops", f"tools are {_shown(value)}, expected a list")


def as_conversation(turns: Turns, tools: Any = None) -> Conversation:
    """Return turns in the OpenAI form as one conversation; what is null or no text counts as empty."""
    messages = tuple(
        Message(turn["role"], _text(turn.get("content")), _calls(turn), _text(turn.get("reasoning_content")) or None)
        for turn in turns
    )
    return Conversation(messages, _text(tools) or None)


def nothing_left(tokens: ChatTokens, kept: int) -> Finding | None:
    """Return why a row is dropped that has no token of an answer among its first `kept`; None where it has some."""
    if tokens.trained(kept):
        return None
    return Finding("no_trained_token", "dropped", f"none of the assistant's tokens is among the first {kept:,}")


def _calls(turn: Mapping[str, Any]) -> str | None:
    return json.dumps(calls_of(turn), ensure_ascii=False) if calls_of(turn) else None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False) if value else ""


def _shown(value: Any) -> str:
    return "missing or null" if value is None else f"{type(value).__name__} {str(value)[:60]!r}"

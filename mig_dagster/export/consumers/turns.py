"""What the rules of all trainers ask of messages."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from mig_dagster.export.consumers.chat_tokens import ChatTokens
from mig_dagster.export.consumers.findings import Finding

MESSAGES = "messages"


def messages_of(record: Mapping[str, Any], column: str = MESSAGES) -> list[Mapping[str, Any]] | Finding:
    """Return a record's messages, each an object; or what is wrong with them."""
    messages = record.get(column)
    if not isinstance(messages, list) or not messages:
        return Finding("no_messages", "stops", f"column {column!r} is {_shown(messages)}, expected a list of messages")
    for at, message in enumerate(messages, start=1):
        if not isinstance(message, Mapping):
            return Finding("malformed_turn", "stops", f"turn {at} is {_shown(message)}, expected an object")
    return messages


def in_openai_form(message: Mapping[str, Any]) -> dict[str, Any]:
    """Return a message without its null fields, its calls' arguments as they are."""
    return {name: value for name, value in message.items() if value is not None}


def calls_of(message: Mapping[str, Any]) -> list[Any]:
    """Return a message's tool calls, none where it has none."""
    calls = message.get("tool_calls")
    return list(calls) if isinstance(calls, list) else []


def bad_tools(tools: Any) -> Iterator[Finding]:
    """Yield what is wrong with tools that must be a list of JSON objects, or JSON text of one; null is none."""
    try:
        value = json.loads(tools) if isinstance(tools, str) else tools
    except ValueError as problem:
        yield Finding("invalid_tools", "stops", f"tools are not valid JSON: {problem}")
        return
    if value is not None and not isinstance(value, list):
        yield Finding("invalid_tools", "stops", f"tools are {_shown(value)}, expected a list")


def nothing_left(tokens: ChatTokens, kept: int) -> Finding | None:
    """Return why a row is dropped that has no token of an answer among its first `kept`; None where it has some."""
    if tokens.trained(kept):
        return None
    return Finding("no_trained_token", "dropped", f"none of the assistant's tokens is among the first {kept:,}")


def _shown(value: Any) -> str:
    return "missing or null" if value is None else f"{type(value).__name__} {str(value)[:60]!r}"

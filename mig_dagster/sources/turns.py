"""Turns of a dialogue to messages: the two ways of writing one (`from`/`value`, `role`/`content`) and their roles."""

from collections.abc import Sequence, Set
from typing import Any

from mig_dagster.conversation import Message
from mig_dagster.sources.fields import (
    kind_of,
    list_field,
    listed,
    object_items,
    own_names,
    remaining,
    system_messages,
    text_field,
    tools_field,
)
from mig_dagster.sources.parsed import Parsed, Record
from mig_dagster.sources.reasons import Defect
from mig_dagster.sources.tool_calls import calls_in_text, render_calls

CALL_ROLES = ("function_call", "tool_call")
ROLES = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "human": "user",
    "prompter": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "model": "assistant",
    "bot": "assistant",
    "ai": "assistant",
    "tool": "tool",
    "ipython": "tool",
    "tool_response": "tool",
    "function": "tool",
    "observation": "tool",
    "function_response": "tool",
}
_ROLE_CONTENT = frozenset({"role", "content"})
_TURN = frozenset({"from", "value"})
_REASONING_FIELDS = ("reasoning_content", "reasoning", "thinking")
_TEXT_PARTS = ("text", "input_text", "output_text")
_REASONING_PARTS = ("reasoning", "thinking")
_ALIASES = {"system_prompt": "system", "functions": "tools"}


def role_of(name: Any) -> str:
    """Return the role that a source's own name for it means.

    Raises:
        Defect: `unknown_role`, `null_field` or `wrong_type`.
    """
    if not isinstance(name, str):
        raise Defect("null_field" if name is None else "wrong_type", f"a turn's role is {kind_of(name)}")
    role = ROLES.get(name) or ROLES.get(name.lower())
    if role is None:
        raise Defect("unknown_role", f"role {name[:60]!r}, known are {', '.join([*ROLES, *CALL_ROLES])}")
    return role


def add_turns(parsed: Parsed, turns: list[Any], field: str) -> None:
    """Append turns to a parse, with what else they had in `extras`.

    Raises:
        Defect: what is wrong with a turn.
    """
    for turn in object_items(turns, field):
        message, rest = _message(turn)
        if rest:
            parsed.extras[str(len(parsed.messages))] = rest
        parsed.messages.append(message)


def begins_with(value: Any, key: str) -> bool:
    """Return whether a value is a list, or its JSON text, whose first item is an object with that key."""
    turns = listed(value)
    return isinstance(turns, list) and bool(turns) and isinstance(turns[0], dict) and key in turns[0]


def turns_in(value: Any) -> Any:
    """Return the list of turns that a text holds as JSON, as in the cells of a table; else the value."""
    is_list = isinstance(value, str) and (begins_with(value, "role") or begins_with(value, "from"))
    return listed(value) if is_list else value


def turns_of(record: Record, lists: Sequence[str]) -> Parsed:
    """Return the parse of a record whose turns stand in the first of some fields that is there and not null.

    A `system` beside the turns comes before them, unless they begin with a system turn that says the same.

    Raises:
        Defect: what is wrong with the field or a turn.
    """
    record = own_names(record, _ALIASES)
    there = [name for name in lists if name in record]
    name = next((name for name in there if record[name] is not None), (there or lists)[0])
    parsed = Parsed(system_messages(record), tools_field(record), remaining(record, (name, "system", "tools")))
    turns = list_field(record, name)
    if parsed.messages and turns and _says(turns[0], parsed.messages[0]):
        parsed.messages.clear()
    add_turns(parsed, turns, name)
    return parsed


def _says(turn: Any, message: Message) -> bool:
    """Return whether a turn is a message and nothing else."""
    try:
        return isinstance(turn, dict) and _message(turn)[0] == message
    except Defect:
        return False


def _message(turn: Record) -> tuple[Message, Record]:
    return _from_value(turn) if "from" in turn else _role_content(turn)


def _from_value(turn: Record) -> tuple[Message, Record]:
    rest = {} if len(turn) == 2 else _rest(turn, _TURN)
    name = turn["from"]
    text = text_field(turn, "value")
    if name in CALL_ROLES:
        calls, call_extras = render_calls(calls_in_text(text))
        return Message("assistant", "", calls), rest | _call_notes(call_extras)
    return Message(role_of(name), text), rest


def _role_content(turn: Record) -> tuple[Message, Record]:
    if "role" not in turn:
        raise Defect("missing_field", f"a turn has no role; its keys are {sorted(turn)[:12]}")
    content = turn.get("content")
    if turn["role"] in CALL_ROLES:
        return _from_value(_rest(turn, _ROLE_CONTENT) | {"from": turn["role"], "value": content})
    role = role_of(turn["role"])
    if type(content) is str and len(turn) == 2:
        return Message(role, content), {}
    return _rich_message(role, turn)


def _rich_message(role: str, turn: Record) -> tuple[Message, Record]:
    """Return a message that has typed parts, calls, reasoning or columns of its own."""
    text, reasoning, calls = _content(role, turn)
    calls += _calls_field(turn)
    used = {"role", "content", "tool_calls", "function_call"}
    thought = next((name for name in _REASONING_FIELDS if isinstance(turn.get(name), str)), None)
    if thought is not None:
        reasoning = [turn[thought], *reasoning]
        used.add(thought)
    rest = _rest(turn, used)
    rendered = None
    if calls:
        rendered, call_extras = render_calls(calls)
        rest |= _call_notes(call_extras)
    return Message(role, text, rendered, "\n".join(reasoning) or None), rest


def _content(role: str, turn: Record) -> tuple[str, list[str], list[Any]]:
    content = turn.get("content")
    if isinstance(content, list):
        return _parts(object_items(content, "content"))
    if content is None and role == "assistant" and ("content" in turn or _calls_field(turn)):
        return "", [], []
    return text_field(turn, "content"), [], []


def _parts(parts: list[Record]) -> tuple[str, list[str], list[Any]]:
    """Return the text, the reasonings and the calls of typed parts."""
    texts: list[str] = []
    reasonings: list[str] = []
    calls: list[Any] = []
    for part in parts:
        kind = part.get("type")
        if kind in _TEXT_PARTS:
            texts.append(_part_text(part, "text"))
        elif kind in _REASONING_PARTS:
            reasonings.append(_part_text(part, kind))
        elif kind in CALL_ROLES:
            value = part.get("value", part)
            calls += calls_in_text(value) if isinstance(value, str) else [value]
        else:
            raise Defect("unsupported_content", f"a part of type {kind!r}")
    return "\n".join(texts), reasonings, calls


def _part_text(part: Record, kind: str) -> str:
    key = next((name for name in ("value", kind, "text") if part.get(name) is not None), "value")
    return text_field(part, key)


def _calls_field(turn: Record) -> list[Any]:
    """Return `tool_calls`, or the one `function_call` that came before them in OpenAI's API."""
    calls = turn.get("tool_calls") or turn.get("function_call")
    if isinstance(calls, dict) and not turn.get("tool_calls"):
        return [calls]
    if isinstance(calls, str) and calls.strip():
        return calls_in_text(calls)
    if not calls or isinstance(calls, str):
        return []
    if not isinstance(calls, list):
        raise Defect("invalid_tool_call", f"tool_calls is {kind_of(calls)}, expected a list")
    return list(calls)


def _call_notes(extras: list[Record]) -> Record:
    return {"tool_calls": extras} if any(extras) else {}


def _rest(turn: Record, used: Set[str]) -> Record:
    """Return a turn's own columns; Parquet gives every turn all of them, mostly null."""
    return {name: value for name, value in turn.items() if name not in used and value is not None}

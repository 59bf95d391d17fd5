"""What Axolotl's `type: chat_template` makes of rows of `messages` and `tools`, by the rules of axolotl 0.19.0.

Rules of `prompt_strategies/chat_template.py` and `utils/data/utils.py`. Null fields are taken out first. Roles are
renamed (human, gpt) and not refused. Messages, tools, the tools' `parameters` and the arguments of calls may be JSON
text; text that is not JSON ends the preparation. A column `system` becomes a system turn of every row that does not
begin with one, also where it is null. Rows longer than `sequence_len` are dropped (with `excess_length_strategy:
truncate` in the registration they are cut), and so are rows of one token and rows without a trained one,
the latter where `sample_packing` is on. Tool calls reach a chat template only where it names its loop's variable
`message`, as most do.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from mig_dagster.conversation import Conversation
from mig_dagster.export.consumers.chat_tokens import ChatTokens
from mig_dagster.export.consumers.consumer import Consumer, Fit, Record, Registration
from mig_dagster.export.consumers.findings import Finding
from mig_dagster.export.consumers.turns import (
    Turns,
    as_conversation,
    bad_tools,
    calls_of,
    messages_of,
    nothing_left,
    without_role,
)

_ROLES = {"human": "user", "gpt": "assistant"}
_SHORTEST = 2  # tokens; `min_sample_len`


def _columns(told: Registration) -> list[str]:
    return [told.get("field_messages") or "messages"]


def _messages(record: Record, told: Registration) -> Turns | Finding:
    column = _columns(told)[0]
    value = record.get(column)
    if not isinstance(value, str):
        return messages_of(record, column)
    try:
        return messages_of({column: json.loads(value)}, column)
    except ValueError as problem:
        return Finding("no_messages", "stops", f"column {column!r} is text that is not JSON: {problem}")


def _turns(record: Record, told: Registration, messages: Turns) -> list[dict[str, Any]]:
    """Return messages as Axolotl gives them to the template."""
    names = told.get("message_property_mappings") or {"role": "role", "content": "content"}
    renamed = {source: target for target, source in names.items()}
    roles = _ROLES | {old: new for new, olds in (told.get("roles") or {}).items() for old in olds}
    turns = []
    for message in messages:
        turn = {renamed.get(name, name): value for name, value in message.items() if value is not None}
        turn["role"] = roles.get(turn.get("role", ""), turn.get("role"))
        turns.append(turn)
    if "system" in record and turns[0]["role"] != "system":
        turns.insert(0, {"role": "system", "content": record["system"]})
    return turns


def _faults(record: Record, told: Registration) -> Iterator[Finding]:
    messages = _messages(record, told)
    if isinstance(messages, Finding):
        yield messages
        return
    turns = _turns(record, told, messages)
    yield from without_role(turns)
    if "system" in record and record["system"] is None and turns[0]["content"] is None:
        yield Finding("empty_system", "altered", "the row begins with a system turn whose text is null")
    trained = told.get("roles_to_train") or ["assistant"]
    if not any(turn["role"] in trained and _says_something(turn) for turn in turns):
        yield Finding("no_trained_turn", "dropped", f"no turn with a role among {', '.join(trained)} says anything")
    for at, turn in enumerate(turns, start=1):
        yield from _bad_calls(turn, at)
    yield from bad_tools(record.get(told.get("field_tools") or "tools"))


def _says_something(turn: Mapping[str, Any]) -> bool:
    """Say whether a turn has tokens to train on: of an empty one, not even the mark behind it is trained on."""
    return bool(turn.get("content") or turn.get("reasoning_content") or calls_of(turn))


def _bad_calls(turn: Mapping[str, Any], at: int) -> Iterator[Finding]:
    """Yield what is wrong with the arguments of a turn's calls, where they are text."""
    for call in calls_of(turn):
        function = call.get("function") if isinstance(call, Mapping) else None
        arguments = function.get("arguments") if isinstance(function, Mapping) else None
        if isinstance(arguments, str):
            try:
                json.loads(arguments)
            except ValueError as problem:
                yield Finding(
                    "invalid_tool_call", "stops", f"the arguments of a call in turn {at} are no JSON: {problem}"
                )


def _conversation(record: Record, told: Registration) -> Conversation:
    messages = _messages(record, told)
    assert not isinstance(messages, Finding)
    turns = _turns(record, told, messages)
    return as_conversation([_with_parsed(turn) for turn in turns], record.get(told.get("field_tools") or "tools"))


def _with_parsed(turn: dict[str, Any]) -> dict[str, Any]:
    if not calls_of(turn):
        return turn
    return turn | {"tool_calls": [_parsed(call) for call in calls_of(turn)]}


def _parsed(call: Mapping[str, Any]) -> dict[str, Any]:
    function = call.get("function")
    if not isinstance(function, Mapping) or not isinstance(function.get("arguments"), str):
        return dict(call)
    return {**call, "function": {**function, "arguments": json.loads(function["arguments"])}}


def _fit(tokens: ChatTokens, limit: int, record: Record, told: Registration) -> Fit:
    if tokens.total < _SHORTEST:
        return Fit(0, 0, Finding("too_short", "dropped", f"{tokens.total} tokens, at least {_SHORTEST} are needed"))
    if tokens.total > limit and told.get("excess_length_strategy") != "truncate":
        return Fit(0, 0, Finding("too_long", "dropped", f"{tokens.total:,} tokens, {limit:,} are allowed"))
    kept = min(tokens.total, limit)
    return Fit(kept, tokens.trained(kept), nothing_left(tokens, kept))


axolotl = Consumer("axolotl", "axolotl 0.19.0", _faults, _conversation, _fit, columns=_columns)

"""What TRL's `SFTTrainer` makes of rows of `messages` and `tools`, by the rules of trl 1.16.0.

Every row is rendered with the chat template; an error of the template, or of the tools' JSON, ends the preparation. No
role is refused by TRL itself. Sequences are cut at the end to `max_length`; a row that has nothing left to train on is
dropped. Every token of a row of `messages` is trained on, with `assistant_only_loss: true` in the registration the
assistant's alone; of a row of `prompt` and `completion`, the completion.
"""

from collections.abc import Iterator
from typing import Any

from mig_dagster.export.consumers.chat_tokens import ChatTokens, Turns, as_tools
from mig_dagster.export.consumers.consumer import Consumer, Fit, Record, Registration
from mig_dagster.export.consumers.findings import Finding
from mig_dagster.export.consumers.turns import bad_tools, in_openai_form, messages_of, nothing_left


def _columns(record: Record) -> tuple[str, ...]:
    return ("prompt", "completion") if "prompt" in record else ("messages",)


def _faults(record: Record, _: Registration) -> Iterator[Finding]:
    for column in _columns(record):
        messages = messages_of(record, column)
        if isinstance(messages, Finding):
            yield messages
        elif any("role" not in message for message in messages):
            yield Finding("malformed_turn", "stops", f"a turn of {column!r} has no role")
    yield from bad_tools(record.get("tools") or None)


def _conversation(record: Record, _: Registration) -> tuple[Turns, list[Any] | None]:
    turns = [in_openai_form(message) for column in _columns(record) for message in record[column]]
    return turns, as_tools(record.get("tools"))


def _fit(tokens: ChatTokens, limit: int, record: Record, told: Registration) -> Fit:
    kept = min(tokens.total, limit)
    masked = "prompt" in record or bool(told.get("assistant_only_loss"))
    trained = tokens.last if "prompt" in record else tokens
    return Fit(kept, tokens.trained(kept), nothing_left(trained, kept) if masked else None)


trl = Consumer("trl", "trl 1.16.0", _faults, _conversation, _fit)

"""What TRL's `SFTTrainer` makes of rows of `messages` and `tools`, by the rules of trl 1.16.0.

Every row is rendered with the chat template; an error of the template, or of the tools' JSON, ends the preparation. No
role is refused by TRL itself. Sequences are cut at the end to `max_length`; a row that has nothing left to train on is
dropped. Every token of a row of `messages` is trained on, with `assistant_only_loss: true` in the registration the
assistant's alone; of a row of `prompt` and `completion`, the completion.
"""

from collections.abc import Iterator

from mig_dagster.conversation import Conversation
from mig_dagster.export.consumers.chat_tokens import ChatTokens
from mig_dagster.export.consumers.consumer import Consumer, Fit, Record, Registration
from mig_dagster.export.consumers.findings import Finding
from mig_dagster.export.consumers.turns import as_conversation, bad_tools, messages_of, nothing_left, without_role


def _columns(record: Record) -> tuple[str, ...]:
    return ("prompt", "completion") if "prompt" in record else ("messages",)


def _faults(record: Record, _: Registration) -> Iterator[Finding]:
    for column in _columns(record):
        messages = messages_of(record, column)
        if isinstance(messages, Finding):
            yield messages
        else:
            yield from without_role(messages)
    yield from bad_tools(record.get("tools"))


def _conversation(record: Record, _: Registration) -> Conversation:
    turns = [message for column in _columns(record) for message in record[column]]
    return as_conversation(turns, record.get("tools"))


def _fit(tokens: ChatTokens, limit: int, record: Record, told: Registration) -> Fit:
    kept = min(tokens.total, limit)
    masked = "prompt" in record or bool(told.get("assistant_only_loss"))
    trained = tokens.last if "prompt" in record else tokens
    return Fit(kept, tokens.trained(kept), nothing_left(trained, kept) if masked else None)


trl = Consumer("trl", "trl 1.16.0", _faults, _conversation, _fit)

"""Alpaca and Dolly: `instruction`, optional `input` or `context`, and the answer; `history` pairs come first."""

from typing import Any

from mig_dagster.conversation import Message
from mig_dagster.sources.fields import (
    kind_of,
    listed,
    optional_text,
    own_names,
    remaining,
    system_messages,
    text_field,
    tools_field,
)
from mig_dagster.sources.parsed import Format, Parsed, Record
from mig_dagster.sources.reasons import Defect

_FIELDS = ("instruction", "input", "output", "system", "history", "tools")
_ALIASES = {
    "context": "input",
    "response": "output",
    "completion": "output",
    "answer": "output",
    "system_prompt": "system",
}


def matches(record: Record) -> bool:
    """Return whether there is an instruction and an answer."""
    return "instruction" in record and "output" in own_names(record, _ALIASES)


def parse(record: Record) -> Parsed:
    """Return system, history, question and answer; beside an `output`, a `response` is a column like any other."""
    record = own_names(record, _ALIASES)
    messages = [
        *system_messages(record),
        *_history(record.get("history")),
        Message("user", question_of(record, "instruction", "input")),
        Message("assistant", text_field(record, "output")),
    ]
    return Parsed(messages, tools_field(record), remaining(record, _FIELDS))


def question_of(record: Record, question: str, context: str) -> str:
    """Return the field that asks, with the field that it is about on lines of its own unless that one is blank."""
    text = text_field(record, question)
    about = optional_text(record, context)
    return f"{text}\n{about}" if about and not about.isspace() else text


def _history(history: Any) -> list[Message]:
    history = listed(history)
    if history in (None, ""):
        return []
    if not isinstance(history, list):
        raise Defect("wrong_type", f"field 'history' is {kind_of(history)}, expected a list of pairs")
    messages = []
    for index, pair in enumerate(history):
        if not (isinstance(pair, list) and len(pair) == 2 and all(isinstance(text, str) for text in pair)):
            raise Defect("wrong_type", f"history[{index}] is no pair of strings: question and answer")
        messages += [Message("user", pair[0]), Message("assistant", pair[1])]
    return messages


FORMAT = Format("alpaca", _FIELDS, matches, parse)

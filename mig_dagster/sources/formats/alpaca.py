"""Alpaca: `instruction`, optional `input`, and the answer in `output` or `response`; `history` pairs come first."""

from typing import Any

from mig_dagster.conversation import Message
from mig_dagster.sources.fields import kind_of, optional_text, remaining, text_field, tools_field
from mig_dagster.sources.parsed import Format, Parsed, Record
from mig_dagster.sources.reasons import Defect

_FIELDS = ("instruction", "input", "output", "response", "system", "history", "tools")
_WITH_OUTPUT = frozenset(_FIELDS) - {"response"}
_WITH_RESPONSE = frozenset(_FIELDS)


def matches(record: Record) -> bool:
    """Return whether there is an instruction and an answer."""
    return "instruction" in record and ("output" in record or "response" in record)


def parse(record: Record) -> Parsed:
    """Return history, question and answer; beside an `output`, a `response` is a column like any other."""
    answer = "response" if "output" not in record and "response" in record else "output"
    question = Message("user", question_of(record))
    messages = [question, Message("assistant", text_field(record, answer))]
    if record.get("history") is not None:
        messages = _history(record["history"]) + messages
    if system := optional_text(record, "system"):
        messages = [Message("system", system), *messages]
    meta = remaining(record, _WITH_OUTPUT if answer == "output" else _WITH_RESPONSE)
    return Parsed(messages, tools_field(record), meta)


def question_of(record: Record) -> str:
    """Return the instruction, with the input on lines of its own unless it is blank."""
    instruction = text_field(record, "instruction")
    context = optional_text(record, "input")
    return f"{instruction}\n{context}" if context and not context.isspace() else instruction


def _history(history: Any) -> list[Message]:
    if not isinstance(history, list):
        raise Defect("wrong_type", f"field 'history' is {kind_of(history)}, expected a list of pairs")
    messages = []
    for index, pair in enumerate(history):
        if not (isinstance(pair, list) and len(pair) == 2 and all(isinstance(text, str) for text in pair)):
            raise Defect("wrong_type", f"history[{index}] is no pair of strings: question and answer")
        messages += [Message("user", pair[0]), Message("assistant", pair[1])]
    return messages


FORMAT = Format("alpaca", _FIELDS, matches, parse)

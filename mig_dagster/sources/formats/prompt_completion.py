"""A `prompt` and its `completion` (or `response`), each a string or a list of messages."""

from mig_dagster.conversation import Message
from mig_dagster.sources.fields import optional_text, remaining, text_field, tools_field
from mig_dagster.sources.parsed import Format, Parsed, Record
from mig_dagster.sources.turns import add_turns

_FIELDS = ("prompt", "completion", "response", "system", "tools")


def matches(record: Record) -> bool:
    """Return whether there is a prompt that is text or messages, and what follows it."""
    return isinstance(record.get("prompt"), str | list) and ("completion" in record or "response" in record)


def parse(record: Record) -> Parsed:
    """Return prompt and completion; beside a `completion`, a `response` is a column like any other."""
    answer = "response" if "completion" not in record and "response" in record else "completion"
    parsed = Parsed([], tools_field(record), remaining(record, frozenset(("prompt", answer, "system", "tools"))))
    if system := optional_text(record, "system"):
        parsed.messages.append(Message("system", system))
    for name, role in (("prompt", "user"), (answer, "assistant")):
        if isinstance(record.get(name), list):
            add_turns(parsed, record[name], name)
        else:
            parsed.messages.append(Message(role, text_field(record, name)))
    return parsed


FORMAT = Format("prompt_completion", _FIELDS, matches, parse)

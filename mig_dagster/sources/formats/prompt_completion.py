"""A `prompt` and its `completion` (or `response`), each a string or a list of messages."""

from mig_dagster.conversation import Message
from mig_dagster.sources.fields import own_names, remaining, system_messages, text_field, tools_field
from mig_dagster.sources.parsed import Format, Parsed, Record
from mig_dagster.sources.turns import add_turns

_FIELDS = ("prompt", "completion", "system", "tools")
_ALIASES = {"response": "completion", "system_prompt": "system"}


def matches(record: Record) -> bool:
    """Return whether there is a prompt that is text or messages, and what follows it."""
    return isinstance(record.get("prompt"), str | list) and "completion" in own_names(record, _ALIASES)


def parse(record: Record) -> Parsed:
    """Return prompt and completion; beside a `completion`, a `response` is a column like any other."""
    record = own_names(record, _ALIASES)
    parsed = Parsed(system_messages(record), tools_field(record), remaining(record, _FIELDS))
    for name, role in (("prompt", "user"), ("completion", "assistant")):
        if isinstance(record.get(name), list):
            add_turns(parsed, record[name], name)
        else:
            parsed.messages.append(Message(role, text_field(record, name)))
    return parsed


FORMAT = Format("prompt_completion", _FIELDS, matches, parse)

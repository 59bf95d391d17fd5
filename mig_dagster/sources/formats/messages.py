"""Messages with OpenAI's roles, under `messages` or `conversation(s)`: text or typed parts, tool calls and answers."""

from mig_dagster.sources.parsed import Format, Parsed, Record
from mig_dagster.sources.turns import begins_with, turns_of

_LISTS = ("messages", "conversations", "conversation")
_FIELDS = ("messages", "system", "tools")


def matches(record: Record) -> bool:
    """Return whether the first message has a role."""
    return any(begins_with(record.get(name), "role") for name in _LISTS)


def parse(record: Record) -> Parsed:
    """Return the messages; beside `messages`, `conversations` is a column like any other."""
    return turns_of(record, _LISTS)


FORMAT = Format("messages", _FIELDS, matches, parse)

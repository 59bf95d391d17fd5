"""Messages with OpenAI's roles, under `messages` or `conversations`: text or typed parts, tool calls, tool answers."""

from mig_dagster.sources.fields import list_field, remaining, tools_field
from mig_dagster.sources.parsed import Format, Parsed, Record
from mig_dagster.sources.turns import add_turns, is_turns

_FIELDS = ("messages", "conversations", "tools")


def matches(record: Record) -> bool:
    """Return whether the first message has a role."""
    return is_turns(record.get("messages"), "role") or is_turns(record.get("conversations"), "role")


def parse(record: Record) -> Parsed:
    """Return the messages; beside `messages`, `conversations` is a column like any other."""
    name = "conversations" if "messages" not in record and "conversations" in record else "messages"
    parsed = Parsed([], tools_field(record), remaining(record, frozenset((name, "tools"))))
    add_turns(parsed, list_field(record, name), name)
    return parsed


FORMAT = Format("messages", _FIELDS, matches, parse)

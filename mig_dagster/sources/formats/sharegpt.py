"""ShareGPT: `conversations` of `from`/`value` turns, with `system` and `tools` beside them."""

from mig_dagster.conversation import Message
from mig_dagster.sources.fields import list_field, optional_text, remaining, tools_field
from mig_dagster.sources.parsed import Format, Parsed, Record
from mig_dagster.sources.turns import add_turns, is_turns

_FIELDS = ("conversations", "system", "tools")


def matches(record: Record) -> bool:
    """Return whether the first turn says who it is from."""
    return is_turns(record.get("conversations"), "from")


def parse(record: Record) -> Parsed:
    """Return the turns; `function_call` calls tools for the assistant, `observation` is what a tool says."""
    parsed = Parsed([], tools_field(record), remaining(record, frozenset(_FIELDS)))
    if system := optional_text(record, "system"):
        parsed.messages.append(Message("system", system))
    add_turns(parsed, list_field(record, "conversations"), "conversations")
    return parsed


FORMAT = Format("sharegpt", _FIELDS, matches, parse)

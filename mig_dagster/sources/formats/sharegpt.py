"""ShareGPT: `conversations` (or `messages`) of `from`/`value` turns, with `system` and `tools` beside them."""

from mig_dagster.sources.parsed import Format, Parsed, Record
from mig_dagster.sources.turns import begins_with, turns_of

_LISTS = ("conversations", "conversation", "messages")
_FIELDS = ("conversations", "system", "tools")


def matches(record: Record) -> bool:
    """Return whether the first turn says who it is from."""
    return any(begins_with(record.get(name), "from") for name in _LISTS)


def parse(record: Record) -> Parsed:
    """Return the turns; `function_call` calls tools for the assistant, `observation` is what a tool says."""
    return turns_of(record, _LISTS)


FORMAT = Format("sharegpt", _FIELDS, matches, parse)

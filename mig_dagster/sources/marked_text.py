"""Records whose conversation is one text with markers: which field it is, and its turns beside `system` and `tools`."""

from collections.abc import Sequence

from mig_dagster.sources.fields import own_names, remaining, system_messages, text_field, tools_field
from mig_dagster.sources.markers import Style, marked_turns, style_of
from mig_dagster.sources.parsed import Parsed, Record
from mig_dagster.sources.reasons import Defect

FIELDS = ("text", "system", "tools")
_TEXTS = ("text", "transcript", "conversation", "conversations", "dialogue", "dialog", "messages", "content")
_ALIASES = {"system_prompt": "system"}


def has_turns(record: Record, styles: Sequence[Style]) -> bool:
    """Return whether one of the fields for a text has marked turns."""
    return any(type(record.get(name)) is str and style_of(record[name], styles) for name in _TEXTS)


def parse_turns(record: Record, styles: Sequence[Style]) -> Parsed:
    """Return the turns of the first text that has any.

    Raises:
        Defect: among others `no_turn_markers` and `text_outside_turns`.
    """
    record = own_names(record, _ALIASES)
    texts = [name for name in _TEXTS if type(record.get(name)) is str]
    for name in texts:
        if style := style_of(record[name], styles):
            turns = marked_turns(record[name], style)
            used = (name, "system", "tools")
            return Parsed([*system_messages(record), *turns], tools_field(record), remaining(record, used))
    text = text_field(record, texts[0] if texts else next((name for name in _TEXTS if name in record), "text"))
    expected = "; ".join(style.name for style in styles)
    raise Defect("no_turn_markers", f"{text[:60]!r} has no turns of exactly one style of: {expected}")

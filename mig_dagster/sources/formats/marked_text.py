"""Dialogues written into one text with the markers of a chat template.

Known are `### Human:`, `USER:`, `<|user|>`, ChatML's `<|im_start|>user` and Llama 2's `[INST]`, each with its markers
of the assistant and the system. A text counts where exactly one of them marks a user's turn and an assistant's after
it; where several do, the one that the text begins with. What stands before the first marker is what the system says in
the first two styles, and a rejection in those whose markers are tokens of their own; so is what stands between
`<|im_end|>` and the next turn. White space around a turn, and tokens that end one, are no part of it.
"""

from mig_dagster.sources.marked_text import FIELDS, has_turns, parse_turns
from mig_dagster.sources.markers import STYLES
from mig_dagster.sources.parsed import Format, Parsed, Record


def matches(record: Record) -> bool:
    """Return whether a field is such a text."""
    return has_turns(record, STYLES)


def parse(record: Record) -> Parsed:
    """Return the turns of the text."""
    return parse_turns(record, STYLES)


FORMAT = Format("marked_text", FIELDS, matches, parse)

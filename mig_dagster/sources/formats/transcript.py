r"""Transcripts as of Anthropic's HH data: one text in which `\n\nHuman:` and `\n\nAssistant:` begin the turns.

What stands before the first of them is what the system says. A text counts as a transcript where a user's turn comes
before an assistant's.
"""

from mig_dagster.sources.marked_text import FIELDS, has_turns, parse_turns
from mig_dagster.sources.markers import TRANSCRIPT
from mig_dagster.sources.parsed import Format, Parsed, Record


def matches(record: Record) -> bool:
    """Return whether a field is a transcript."""
    return has_turns(record, [TRANSCRIPT])


def parse(record: Record) -> Parsed:
    """Return the turns of the text."""
    return parse_turns(record, [TRANSCRIPT])


FORMAT = Format("transcript", FIELDS, matches, parse)

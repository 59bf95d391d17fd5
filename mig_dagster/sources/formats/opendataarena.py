"""OpenDataArena: instruction and output, with the scores of many scorers in `Q_scores` and `QA_scores`."""

from mig_dagster.sources.formats import alpaca
from mig_dagster.sources.parsed import Format, Record

_SCORES = ("Q_scores", "QA_scores")


def matches(record: Record) -> bool:
    """Return whether there is an instruction, its output, and scores of either kind."""
    return any(name in record for name in _SCORES) and alpaca.matches(record)


# The scores stay in `meta` as they are, be it an object or Python's text of one: they are on scales of their own.
FORMAT = Format("opendataarena", alpaca.FORMAT.fields, matches, alpaca.parse)

"""Which format the records of a file have, from the first of them."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from mig_dagster.sources.fields import kind_of
from mig_dagster.sources.formats import FORMATS
from mig_dagster.sources.parsed import Format, Record
from mig_dagster.sources.reasons import Defect
from mig_dagster.sources.records import SourceFileError

SAMPLE_RECORDS = 50
_SHOWN = 60


def detect(records: Sequence[Record], uri: str, lost: Sequence[str] = ()) -> Format:
    """Return the first format in the order of `FORMATS` that more than half of the records fit.

    Not the one that most fit: beside labels or scores, of which some records may have none, many formats fit them all.

    Args:
        records: at least one.
        uri: the file, for the message.
        lost: what `columns` names and no record has, for the message.

    Raises:
        SourceFileError: no format fits; it says what fields the records have and how to name format and columns.
    """
    counts = {name: sum(map(form.matches, records)) for name, form in FORMATS.items()}
    if fitting := [name for name in FORMATS if 2 * counts[name] > len(records)]:
        return FORMATS[fitting[0]]
    fields = Counter(name for record in records for name in record)
    seen = ", ".join(f"{name} ({count})" for name, count in fields.most_common(12)) or "none"
    fits = ", ".join(f"{name} {count}" for name, count in counts.items() if count) or "none"
    problem = f"no format fits more than half of the first {len(records)} records; fields seen: {seen}; fits: {fits}"
    if lost:
        problem += f"; none has what `columns` names as {', '.join(lost)}"
    remedy = (
        "Name the format and where its fields are: `format: question_answer` with `columns: {question: <column>, "
        "answer: <column>}`, or --format question_answer --column question=<column> --column answer=<column>. "
        f"Formats: {', '.join(FORMATS)}. A file beside the data is left out by a pattern such as data/*.jsonl"
    )
    raise SourceFileError(uri, None, problem, remedy)


def no_objects(uri: str, position: int, value: Any, raw: bytes | str | None) -> SourceFileError:
    """Return the failure of a file that begins with records of which none is a JSON object.

    Args:
        uri: the file.
        position: of the first record that is not blank.
        value: what it is: a JSON value or a `Defect`.
        raw: its text.
    """
    found = str(value) if isinstance(value, Defect) else kind_of(value)
    text = raw.decode("utf-8", "backslashreplace") if isinstance(raw, bytes) else raw or ""
    problem = f"none of the first records is a JSON object; this one begins with {text[:_SHOWN]!r} ({found})"
    remedy = (
        "Give JSON Lines, a JSON array, Parquet, or a table named .csv or .tsv, plain, gzip or zstd; convert others to "
        "one of these"
    )
    return SourceFileError(uri, f"record {position}", problem, remedy)

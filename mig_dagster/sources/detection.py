"""Which format the records of a file have, from the first of them."""

from collections import Counter
from collections.abc import Mapping, Sequence

from mig_dagster.sources.formats import FORMATS
from mig_dagster.sources.parsed import Format, Record
from mig_dagster.sources.records import SourceFileError

SAMPLE_RECORDS = 50


def detect(records: Sequence[Record], uri: str) -> Format:
    """Return the format that most of the records fit: more than half of them, and ties by the order of `FORMATS`.

    Raises:
        SourceFileError: no format fits; it says what fields the records have and how to name the format.
    """
    counts = {name: sum(map(form.matches, records)) for name, form in FORMATS.items()}
    best = max(counts, key=counts.__getitem__)
    if 2 * counts[best] > len(records):
        return FORMATS[best]
    fields = Counter(name for record in records for name in record)
    seen = ", ".join(f"{name} ({count})" for name, count in fields.most_common(12)) or "no record that is an object"
    fits = ", ".join(f"{name} {count}" for name, count in counts.items() if count) or "none"
    problem = f"no format fits more than half of the first {len(records)} records; fields seen: {seen}; fits: {fits}"
    remedy = f"Set `format:` to one of {', '.join(FORMATS)}, with `columns:` where the fields have other names"
    raise SourceFileError(uri, None, problem, remedy)


def renamed(record: Record, columns: Mapping[str, str]) -> tuple[Record, Record]:
    """Return the record under the format's own field names, and the columns that had to make room for them."""
    moved = {field: record[column] for field, column in columns.items() if column in record}
    taken = set(columns.values())
    rest = {name: value for name, value in record.items() if name not in taken and name not in columns}
    displaced = {name: record[name] for name in columns if name in record and name not in taken}
    return moved | rest, displaced

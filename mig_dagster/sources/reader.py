"""From a source to records: every one of them ends as exactly one of accepted, rejected or blank."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, islice
from types import MappingProxyType
from typing import Any

from mig_dagster.sources.columns import parse_renamed, renamed
from mig_dagster.sources.containers import BLANK, RawRecord, raw_records
from mig_dagster.sources.detection import SAMPLE_RECORDS, detect, no_objects
from mig_dagster.sources.fields import kind_of
from mig_dagster.sources.files import files_of
from mig_dagster.sources.formats import FORMATS, fields_of
from mig_dagster.sources.parsed import Format, Parsed, Record
from mig_dagster.sources.reasons import Defect
from mig_dagster.sources.records import Accepted, Blank, Rejected, SourceFileError, cut_raw
from mig_dagster.sources.registry import Source, suggestion
from mig_dagster.sources.revisions import Revision
from mig_dagster.sources.validate import validate

NO_COLUMNS: Mapping[str, str] = MappingProxyType({})
_SAMPLE_POSITIONS = 1000


@dataclass(slots=True)
class Read:
    """One record before anyone judges it.

    Attributes:
        origin: as of the record it will become.
        outcome: what was parsed, a defect, or None for a blank line.
        raw: the record as it was read.
    """

    origin: str
    outcome: Parsed | Defect | None
    raw: bytes | str | Record


def read_source(source: Source, revision: Revision | None = None) -> Iterator[Accepted | Rejected | Blank]:
    """Yield every record of every file of a source, in the order of the origins.

    Args:
        source: what to read.
        revision: the state to read, as of `files_of`.

    Raises:
        SourceFileError: a file that cannot be read as a whole, or a source without files.
    """
    for file in files_of(source, revision):
        yield from read_file(file.uri, origin=file.relative, format=source.format, columns=source.columns)


def read_file(
    uri: str, *, origin: str, format: str | None = None, columns: Mapping[str, str] = NO_COLUMNS
) -> Iterator[Accepted | Rejected | Blank]:
    """Yield every record of one file, in order.

    Args:
        uri: a path or URI of a file in one of the containers.
        origin: what the origin of each record begins with: the path of the file within its source.
        format: a name of `FORMATS`; None detects it on the first records.
        columns: the file's own column for a field of the format, where the names differ.

    Raises:
        SourceFileError: the file as a whole cannot be read, holds nothing, or fits no format.
        ValueError: there is no format of that name.
    """
    form, records = form_and_records(uri, format, columns)
    yield from judged_records(form, records, origin, columns)


def parse_file(
    uri: str, *, origin: str, format: str | None = None, columns: Mapping[str, str] = NO_COLUMNS
) -> Iterator[Read]:
    """Yield every record of one file as it was parsed: blank prompts and answers, trailing turns and all.

    Raises:
        SourceFileError: as `read_file`.
    """
    form, records = form_and_records(uri, format, columns)
    yield from _parsed(form, records, origin, columns)


def judged_records(
    form: Format, records: Iterable[RawRecord], origin: str, columns: Mapping[str, str]
) -> Iterator[Accepted | Rejected | Blank]:
    """Yield what becomes of each record of a file whose format is known."""
    return map(_judged, _parsed(form, records, origin, columns))


def _parsed(form: Format, records: Iterable[RawRecord], origin: str, columns: Mapping[str, str]) -> Iterator[Read]:
    parse = form.parse
    for position, value, raw in records:
        name = f"{origin}:{position:09d}"
        outcome: Parsed | Defect | None
        if type(value) is dict:
            try:
                outcome = parse_renamed(form, value, columns) if columns else parse(value)
            except Defect as defect:
                outcome = defect
        else:
            outcome = _not_an_object(value)
        yield Read(name, outcome, value if raw is None else raw)


def form_and_records(uri: str, format: str | None, columns: Mapping[str, str]) -> tuple[Format, Iterator[RawRecord]]:
    """Return the format of a file, named or detected on its first records, and all its records.

    Raises:
        SourceFileError: as `read_file`.
        ValueError: there is no format of that name, or none has a field that `columns` names.
    """
    if format is not None and format not in FORMATS:
        raise ValueError(f"format is {format!r}; {suggestion(format, tuple(FORMATS))}")
    known = fields_of(format)
    for name in columns:
        if name not in known:
            raise ValueError(f"columns names {name!r}, no field of the format; {suggestion(name, known)}")
    records = raw_records(uri)
    return (FORMATS[format], records) if format is not None else _detected(uri, records, columns)


def _detected(uri: str, records: Iterator[RawRecord], columns: Mapping[str, str]) -> tuple[Format, Iterator[RawRecord]]:
    head: list[RawRecord] = []
    objects: list[Record] = []
    for record in islice(records, _SAMPLE_POSITIONS):
        head.append(record)
        if type(record[1]) is dict:
            objects.append(renamed(record[1], columns)[0])
            if len(objects) == SAMPLE_RECORDS:
                break
    if not objects:
        raise no_objects(uri, *next((record for record in head if record[1] is not BLANK), head[0]))
    lost = [f"{name}: {column}" for name, column in columns.items() if all(name not in record for record in objects)]
    form = detect(objects, uri, lost)
    if unread := [name for name in columns if name not in form.fields]:
        problem = f"the records look like {form.name}, which does not read {unread}, the fields that `columns` names"
        raise SourceFileError(uri, None, problem, f"Name the format, or map its own fields: {', '.join(form.fields)}")
    return form, chain(head, records)


def _not_an_object(value: Any) -> Defect | None:
    if value is BLANK:
        return None
    return value if isinstance(value, Defect) else Defect("not_an_object", f"the record is {kind_of(value)}")


def _judged(read: Read) -> Accepted | Rejected | Blank:
    outcome = read.outcome
    if outcome is None:
        return Blank(read.origin)
    if isinstance(outcome, Parsed):
        try:
            return Accepted(read.origin, *validate(outcome))
        except Defect as defect:
            outcome = defect
    return Rejected(read.origin, outcome.reason, outcome.detail, cut_raw(read.raw))

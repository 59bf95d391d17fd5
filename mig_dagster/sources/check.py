"""Read a source without storing anything, and count what became of its records."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from mig_dagster.sources.locations import list_files
from mig_dagster.sources.reader import NO_COLUMNS, form_and_records, judged_records
from mig_dagster.sources.records import Accepted, Rejected, SourceFileError


def check(uri: str, format: str | None = None, columns: Mapping[str, str] = NO_COLUMNS) -> dict[str, Any]:
    """Return what reading every file of a URI gives; a file that fails is reported and the next one is read.

    Returns:
        `{"files": [{"path", "format", "records", "accepted", "rejected": {reason: count}, "blank", "failure"}]}`.
        `records` is accepted + rejected + blank; a file that failed has the counts up to there, and `failure` says
        why. A URI without files is one file that failed.
    """
    try:
        files = list_files(uri)
    except SourceFileError as error:
        return {"files": [_report(uri, None, Counter(), Counter(), str(error))]}
    return {"files": [_check_file(file.uri, file.relative, format, columns) for file in files]}


def _check_file(uri: str, origin: str, format: str | None, columns: Mapping[str, str]) -> dict[str, Any]:
    kinds: Counter[type] = Counter()
    reasons: Counter[str] = Counter()
    name, failure = format, None
    try:
        form, records = form_and_records(uri, format, columns)
        name = form.name
        for record in judged_records(form, records, origin, columns):
            kinds[type(record)] += 1
            if isinstance(record, Rejected):
                reasons[record.reason] += 1
    except SourceFileError as error:
        failure = str(error)
    return _report(uri, name, kinds, reasons, failure)


def _report(
    path: str, format: str | None, kinds: Counter[type], reasons: Counter[str], failure: str | None
) -> dict[str, Any]:
    records, accepted, rejected = kinds.total(), kinds[Accepted], reasons.total()
    return {
        "path": path,
        "format": format,
        "records": records,
        "accepted": accepted,
        "rejected": dict(sorted(reasons.items())),
        "blank": records - accepted - rejected,
        "failure": failure,
    }

"""Read a source without storing anything, and count what became of its records."""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from mig_dagster.sources.files import files_of
from mig_dagster.sources.joined_scores import JoinedScores, joined_scores
from mig_dagster.sources.locations import SourceFile
from mig_dagster.sources.reader import NO_COLUMNS, form_and_records, judged_records
from mig_dagster.sources.records import Accepted, Rejected, SourceFileError
from mig_dagster.sources.registry import Source

PROGRESS_RECORDS = 5000


def check(
    uri: str,
    format: str | None = None,
    columns: Mapping[str, str] = NO_COLUMNS,
    on_progress: Callable[[str, int], None] = lambda path, records: None,
    *,
    revision: str | None = None,
    config: str | None = None,
    split: str | None = None,
    scores: str | None = None,
) -> dict[str, Any]:
    """Return what reading every file of a URI gives; a file that fails is reported and the next one is read.

    Args:
        uri: a path, glob, folder or URI.
        format: a name of `FORMATS`; None detects it for each file.
        columns: the file's own column for a field of the format.
        on_progress: told the path within the source and the records read so far, every `PROGRESS_RECORDS`.
        revision: as of `Source`, like the next two.
        config: on the Hub, which configuration of the dataset.
        split: on the Hub, which split.
        scores: files of scores, as of `Source`.

    Returns:
        `{"files": [{"path", "format", "records", "accepted", "rejected": {reason: count}, "blank", "failure"}]}`.
        `records` is accepted + rejected + blank; a file that failed has the counts up to there, and `failure` says
        why. A URI without files is one file that failed; so are scores that cannot be read, or find no record. With
        scores there is also `"scores": {"ids", "joined"}`: how many they are, and how many records have one.
    """
    source = Source("check", uri, revision=revision, config=config, split=split, scores=scores)
    try:
        files = files_of(source)
    except SourceFileError as error:
        return {"files": [_failure(uri, error)]}
    try:
        joined = joined_scores(source)
    except SourceFileError as error:
        return {"files": [_failure(error.path, error)]}
    reports = [_check_file(file, format, columns, joined, on_progress) for file in files]
    try:
        joined.check(sum(report["accepted"] for report in reports))
    except SourceFileError as error:
        reports.append(_failure(error.path, error))
    return {"files": reports, **joined.info()}


def _failure(path: str, error: SourceFileError) -> dict[str, Any]:
    """Return the report of a file, or of what should be one, that nothing was read of."""
    return _report(path, None, Counter(), Counter(), str(error))


def _check_file(
    file: SourceFile,
    format: str | None,
    columns: Mapping[str, str],
    scores: JoinedScores,
    on_progress: Callable[[str, int], None],
) -> dict[str, Any]:
    kinds: Counter[type] = Counter()
    reasons: Counter[str] = Counter()
    name, failure = format, None
    try:
        form, records = form_and_records(file.uri, format, columns)
        name = form.name
        for count, record in enumerate(judged_records(form, records, file.relative, columns)):
            if count % PROGRESS_RECORDS == 0:
                on_progress(file.relative, count)
            kinds[type(record)] += 1
            if isinstance(record, Accepted):
                scores.join(record.meta)
            elif isinstance(record, Rejected):
                reasons[record.reason] += 1
    except SourceFileError as error:
        failure = str(error)
    return _report(file.uri, name, kinds, reasons, failure)


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

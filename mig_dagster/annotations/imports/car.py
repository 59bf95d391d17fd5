"""Scores of CaR's files: `score`, the output of its instruction quality scorer, beside `label`, its cluster."""

from mig_dagster.annotations.annotator import Row
from mig_dagster.annotations.flags import Defect
from mig_dagster.annotations.imports.values import numbers


def iqs_scores(row: Row) -> list[float] | Defect | None:
    """Return `score` as a list of one; a `score` without a `label` that is text is somebody else's.

    Returns:
        None where the row is none of CaR's; a `Defect` where its score is not a finite number.
    """
    if "score" not in row.meta or not isinstance(row.meta.get("label"), str):
        return None
    found = numbers(row.meta["score"])
    return found if isinstance(found, list) and len(found) == 1 else Defect("invalid_import")

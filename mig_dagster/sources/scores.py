"""Scores of the DEITA scorers that come with a record: quality and complexity, one number of each per turn."""

from typing import Any

from mig_dagster.sources.reasons import Defect


def check_scores(quality: Any, complexity: Any, place: str) -> None:
    """Check that two values are lists of as many numbers each, at least one; both may be null: then there are none.

    Raises:
        Defect: `wrong_type`, `empty_scores` or `unequal_scores`.
    """
    if quality is None and complexity is None:
        return
    for values in (quality, complexity):
        if not isinstance(values, list) or not all(type(value) in (int, float) for value in values):
            raise Defect("wrong_type", f"{place}: expected two lists of numbers, found {values!r:.60}")
        if not values:
            raise Defect("empty_scores", f"{place} has an empty list of scores")
    if len(quality) != len(complexity):
        raise Defect("unequal_scores", f"{place}: {quality!r:.60} and {complexity!r:.60}")

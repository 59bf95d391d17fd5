"""OpenDataArena's scores: one number each, of the question in `Q_scores` and of question and answer in `QA_scores`.

Both are objects, or Python's text of one. Of its columns three have a meaning of their own here: `Deita_Complexity` and
`Deita_Quality` (the DEITA scorers, under a prompt that lacks a space of theirs) and `IFD` (a ratio of perplexities).
All others are on scales of their own and reached by name.
"""

from typing import Any

from mig_dagster.annotations.annotator import Row
from mig_dagster.annotations.flags import Defect
from mig_dagster.annotations.imports.values import numbers, opened, products

_Read = list[float] | Defect | None


def deita_scores(row: Row) -> list[float] | Defect | None:
    """Return quality times complexity of the row's one turn.

    Returns:
        None where the row lacks either; a `Defect` where one is not a finite number.
    """
    complexity = _numbers(row, "Q_scores", "Deita_Complexity")
    quality = _numbers(row, "QA_scores", "Deita_Quality")
    if isinstance(complexity, list) and isinstance(quality, list):
        return products(quality, complexity)
    return next((found for found in (complexity, quality) if isinstance(found, Defect)), None)


def ifd_ratio(row: Row) -> dict[str, Any] | Defect | None:
    """Return `IFD` as `{"ifd_ppl": ...}`; None where the row has none, a `Defect` where it is not a positive number."""
    found = _numbers(row, "QA_scores", "IFD")
    if isinstance(found, list):
        return {"ifd_ppl": found[0]} if len(found) == 1 and found[0] > 0 else Defect("invalid_import")
    return found


def _numbers(row: Row, column: str, name: str) -> _Read:
    scores = opened(row.meta.get(column))
    if isinstance(scores, Defect):
        return scores
    return numbers(scores.get(name)) if isinstance(scores, dict) else None

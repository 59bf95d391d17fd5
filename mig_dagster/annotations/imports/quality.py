"""Which scores that came with rows count for which scorer of `quality_scores`."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from mig_dagster.annotations.annotator import Annotator, Row
from mig_dagster.annotations.flags import Defect
from mig_dagster.annotations.imports import car, deita, opendataarena, xsample
from mig_dagster.annotations.imports.importer import Imported
from mig_dagster.annotations.imports.values import numbers, opened

TurnScores: TypeAlias = Callable[[Row], list[float] | Defect | None]
"""Returns one score per turn of a row; None where it carries none."""

Aggregate: TypeAlias = Callable[[Sequence[float]], float]

COLUMN_SCORER = "imported:"
"""Begins the name of a scorer that takes the numbers of one column as they are."""

_SCORERS: Mapping[str, Mapping[str, TurnScores]] = {
    "deita": {
        "annotation.deita": deita.deita_scores,
        "OpenDataArena Deita_Complexity, Deita_Quality": opendataarena.deita_scores,
    },
    "iqs": {"CaR score": car.iqs_scores, "xsample annotation.CaR": xsample.car_scores},
}
"""By scorer: where its values stand, and who reads them there; each place is an importer, as its values were made by
other people's run of the scorer. Of two in one row the first counts."""


def quality_imports(scorer: str, aggregation: str, aggregate: Aggregate) -> list[Imported]:
    """Return the origins whose scores count for a scorer; none for one whose scores nobody publishes.

    Args:
        scorer: name of a scorer; `imported:<column>` reads the numbers of one column (`imported_column`).
        aggregation: name of how the scores of turns become one; part of the annotators.
        aggregate: the aggregation itself.
    """
    if scorer.startswith(COLUMN_SCORER):
        column = scorer.removeprefix(COLUMN_SCORER)
        origins: Mapping[str, TurnScores] = {column: imported_column(column)}
    else:
        origins = _SCORERS.get(scorer, {})
    parameters = {"aggregation": aggregation}
    name = COLUMN_SCORER.rstrip(":") if scorer.startswith(COLUMN_SCORER) else scorer
    return [
        Imported(Annotator(name, origin, parameters=parameters), _aggregated(read, aggregate))
        for origin, read in origins.items()
    ]


def imported_column(column: str) -> TurnScores:
    """Return what reads a column: a number, or a list of one per turn.

    Args:
        column: its name or, where a row has none of that name, a path into objects, as `scores.QA.All.Correctness`.

    Raises:
        ValueError: `column` is empty.
    """
    if not column:
        raise ValueError(f"scorer {COLUMN_SCORER!r} names no column: write {COLUMN_SCORER}<column>")

    def read(row: Row) -> list[float] | Defect | None:
        found = _at(row.meta, column)
        return found if isinstance(found, Defect) else numbers(found)

    return read


def _at(meta: Mapping[str, Any], column: str) -> Any:
    if column in meta:
        return meta[column]
    found: Any = meta
    for step in column.split("."):
        found = opened(found)
        if isinstance(found, Defect):
            return found
        found = found.get(step) if isinstance(found, Mapping) else None
    return found


def _aggregated(read: TurnScores, aggregate: Aggregate) -> Callable[[Row], Mapping[str, Any] | Defect | None]:
    def score(row: Row) -> Mapping[str, Any] | Defect | None:
        found = read(row)
        return {"score": aggregate(found)} if isinstance(found, list) else found

    return score

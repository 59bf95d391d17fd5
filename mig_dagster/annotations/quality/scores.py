"""Quality scores: how good a row's answers are, by one named scorer and one named aggregation over its turns.

Scorers differ in scale (`scales.py`), so a pool has one, and a value that came with a row counts only where it is that
scorer's.
"""

from collections.abc import Iterable, Sequence
from typing import Protocol

from mig_dagster.annotations.annotator import Annotations, Annotator, Row
from mig_dagster.annotations.cache import FragmentCache
from mig_dagster.annotations.imports import imported_first, quality_imports
from mig_dagster.annotations.quality.turns import AGGREGATIONS
from mig_dagster.annotations.scoring import OnTokens


class Scorer(Protocol):
    """Who scores rows that bring no score."""

    @property
    def name(self) -> str:
        """Key of `scales.SCORERS`, or "imported:<column>"."""

    def annotator(self, aggregation: str) -> Annotator:
        """Who speaks of rows; known without loading a model."""

    def score(
        self, rows: Sequence[Row], aggregation: str, cache: FragmentCache | None, progress: OnTokens | None
    ) -> Annotations:
        """Return "score" (n,) float64 of distinct rows, in their order."""


def score_rows(
    rows: Iterable[Row],
    scorer: Scorer,
    aggregation: str = "turn_mean",
    cache: FragmentCache | None = None,
    progress: OnTokens | None = None,
) -> Annotations:
    """Score each distinct row: the scorer's own values that came with it or a copy of it first, then the scorer.

    Args:
        rows: may repeat a `row_id`; the first counts.
        scorer: on whose scale.
        aggregation: one of `AGGREGATIONS`. `constant` and `tag_count` have one value per row whichever it is.
        cache: of imported scores, and of what models said of single turns, so that another aggregation costs nothing.
        progress: told after each batch of a model; rules report nothing.

    Returns:
        value "score" (n,) float64, NaN where flagged, within `scale_of(scorer.name).limits(aggregation)`; counts
        "turns", "truncated_turns" and "blank_turns" where a model judged turns (`turns.rows_of_turns`).

    Raises:
        ValueError: the aggregation is unknown.
        ModelError: the scorer's model cannot be had.
        CacheError: a fragment of the cache is corrupt.
    """
    if aggregation not in AGGREGATIONS:
        raise ValueError(f"aggregation must be one of {', '.join(AGGREGATIONS)}, got {aggregation!r}")
    imports = quality_imports(scorer.name, aggregation, AGGREGATIONS[aggregation])
    return imported_first(rows, imports, lambda rest: scorer.score(rest, aggregation, cache, progress), cache)

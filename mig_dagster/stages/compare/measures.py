"""What a subset is worth, in measures of several methods: whatever chose it, it is measured over the whole pool."""

from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np

from mig_dagster.report.information import default_problem
from mig_dagster.report.inputs import ReportPool
from mig_dagster.selection.base import Rows
from mig_dagster.selection.mig_problem import Problem

Measures: TypeAlias = dict[str, float | int | None]

MEASURES = (
    "tokens",
    "mean_score",
    "labels_covered",
    "information",
    "facility_location",
    "facility_location_share",
    "nearest_distance",
)
"""The measures of a subset that `PoolMeasures.of` gives; each is null where the pool lacks what it is made from."""


@dataclass(frozen=True, eq=False)
class PoolMeasures:
    """A pool in the form that subsets of it are measured in.

    A row without a score or without tags gives no information and is in no mean; a row without an embedding neither
    stands for others nor has to be stood for.

    Attributes:
        pool: what there is of it; its tokens are those of the rows that are counted, 0 of all others.
        device: where similarities are computed; None is the CPU.
    """

    pool: ReportPool
    device: str | None = None

    @property
    def labels_in_pool(self) -> int | None:
        """How many labels at least one row of the pool carries."""
        return None if self.pool.tags is None else len(np.unique(self.pool.tags.indices))

    def of(self, chosen: Rows) -> Measures:
        """Return the `MEASURES` of some rows.

        Args:
            chosen: (k,) distinct pool indices, in any order.
        """
        pool = self.pool
        located = self._facility_location(chosen)
        n = 0 if pool.embeddings is None else len(pool.embeddings)
        return {
            "tokens": None if pool.tokens is None else int(pool.tokens[chosen].sum()),
            "mean_score": self._mean_score(chosen),
            "labels_covered": None if pool.tags is None else len(np.unique(pool.tags[chosen].indices)),
            "information": None if self._problem is None else self._problem.value(chosen),
            "facility_location": located,
            "facility_location_share": located / n if located is not None and n else None,
            "nearest_distance": self._nearest_distance(chosen),
        }

    def _mean_score(self, chosen: Rows) -> float | None:
        if "score" not in self.pool.scores:
            return None
        scores = self.pool.scores["score"][chosen]
        known = scores[np.isfinite(scores)]
        return float(known.mean()) if len(known) else None

    @cached_property
    def _problem(self) -> Problem | None:
        """MIG's objective under its defaults."""
        pool = self.pool
        if pool.tags is None or pool.label_graph is None or "score" not in pool.scores:
            return None
        return default_problem(pool.tags, pool.scores["score"], pool.label_graph)

    def _facility_location(self, chosen: Rows) -> float | None:
        """Return the sum, over the rows of the pool, of the largest cosine with a chosen row."""
        if self.pool.embeddings is None:
            return None
        from mig_dagster.selection.coverage import facility_location  # loads torch

        return float(facility_location(self._embedded(chosen), self.pool.embeddings, device=self.device))

    def _nearest_distance(self, chosen: Rows) -> float | None:
        """Return the mean Euclidean distance of a chosen row's unit vector to the nearest other chosen one."""
        places = self._embedded(chosen)
        if self.pool.embeddings is None or len(places) < 2:
            return None
        from mig_dagster.selection.neighbours import knn_distances  # loads torch

        return float(np.mean(knn_distances(self.pool.embeddings[places], i=1, device=self.device)))

    def _embedded(self, chosen: Rows) -> Rows:
        if self.pool.place is None:
            return np.empty(0, np.int64)
        places: Rows = self.pool.place[chosen]
        return places[places >= 0]

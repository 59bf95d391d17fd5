"""What a subset is worth, in measures of several methods: whatever chose it, it is measured over the whole pool."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import csr_array

from mig_dagster.selection import objective
from mig_dagster.selection.base import Rows
from mig_dagster.stages.align import PoolFrames
from mig_dagster.stages.label_space import graph_weights
from mig_dagster.stages.row_signals import join_signals
from mig_dagster.stages.tag_matrix import tag_matrix
from mig_dagster.stages.wide_inputs import embedding_matrix

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
        rows: (n,) `row_id`, `source`, `origin` of the pool.
        scores: (n,) NaN where a row has none; None where the pool has no scores.
        tags: (n, m) which row carries which label; None where the pool has no labels.
        label_graph: (m, m) None where the pool has none.
        embeddings: (e, d) of the e rows that have one; None where the pool has no embeddings.
        place: (n,) of each row in `embeddings`, -1 where it has none.
        tokens: (n,) tokens of the rows that are counted, 0 of all others; None where nothing is counted.
        device: where similarities are computed.
    """

    rows: pl.DataFrame
    scores: NDArray[np.float64] | None
    tags: csr_array | None
    label_graph: csr_array | None
    embeddings: NDArray[np.float32] | None
    place: Rows
    tokens: NDArray[np.int64] | None = None
    device: str | None = None

    @classmethod
    def over(cls, frames: PoolFrames, device: str | None = None) -> "PoolMeasures":
        """Bring what there is of a pool's signals into one order."""
        rows = frames.pool.select("row_id", "source", "origin").collect()
        given = {"tags": frames.tags, "quality_scores": frames.quality_scores, "row_embeddings": frames.row_embeddings}
        joined = {name: join_signals(rows, {name: signal}, {}) for name, signal in given.items() if signal is not None}
        scores = joined["quality_scores"]["score"] if "quality_scores" in joined else None
        tags, graph = _labelled(frames, joined.get("tags"))
        vectors, place = _embedded(frames, joined.get("row_embeddings"))
        return cls(
            rows,
            None if scores is None else scores.cast(pl.Float64).fill_null(float("nan")).to_numpy(),
            tags,
            graph,
            vectors,
            np.full(rows.height, -1) if place is None else place,
            device=device,
        )

    @property
    def labels_in_pool(self) -> int | None:
        """How many labels at least one row of the pool carries."""
        return None if self.tags is None else len(np.unique(self.tags.indices))

    def of(self, chosen: Rows) -> Measures:
        """Return the `MEASURES` of some rows.

        Args:
            chosen: (k,) distinct pool indices, in any order.
        """
        located = self._facility_location(chosen)
        n = 0 if self.embeddings is None else len(self.embeddings)
        return {
            "tokens": None if self.tokens is None else int(self.tokens[chosen].sum()),
            "mean_score": self._mean_score(chosen),
            "labels_covered": None if self.tags is None else len(np.unique(self.tags[chosen].indices)),
            "information": self._information(chosen),
            "facility_location": located,
            "facility_location_share": located / n if located is not None and n else None,
            "nearest_distance": self._nearest_distance(chosen),
        }

    def _mean_score(self, chosen: Rows) -> float | None:
        if self.scores is None:
            return None
        known = self.scores[chosen][np.isfinite(self.scores[chosen])]
        return float(known.mean()) if len(known) else None

    def _information(self, chosen: Rows) -> float | None:
        """Return MIG's objective under its defaults."""
        if self.tags is None or self.scores is None or self.label_graph is None:
            return None
        # MIG's objective is defined for scores of at least 0; a row that has none says nothing.
        scores = np.where(np.isfinite(self.scores) & (self.scores > 0), self.scores, 0.0)
        return objective(chosen, tags=self.tags, quality_scores=scores, label_graph=self.label_graph)

    def _facility_location(self, chosen: Rows) -> float | None:
        """Return the sum, over the rows of the pool, of the largest cosine with a chosen row."""
        if self.embeddings is None:
            return None
        from mig_dagster.selection.coverage import facility_location  # loads torch

        return float(facility_location(self._embedded(chosen), self.embeddings, device=self.device))

    def _nearest_distance(self, chosen: Rows) -> float | None:
        """Return the mean Euclidean distance of a chosen row's unit vector to the nearest other chosen one."""
        places = self._embedded(chosen)
        if self.embeddings is None or len(places) < 2:
            return None
        from mig_dagster.selection.neighbours import knn_distances  # loads torch

        return float(np.mean(knn_distances(self.embeddings[places], i=1, device=self.device)))

    def _embedded(self, chosen: Rows) -> Rows:
        places: Rows = self.place[chosen]
        return places[places >= 0]


def _labelled(frames: PoolFrames, tags: pl.DataFrame | None) -> tuple[csr_array | None, csr_array | None]:
    """Return the labels of every row, none for a row without tags, and their graph."""
    if tags is None or frames.vocabulary is None:
        return None, None
    labels = list(frames.vocabulary.labels) if frames.labels is None else frames.labels.collect()["label"].to_list()
    matrix = tag_matrix(tags["tags"].fill_null([]), frames.vocabulary, labels)
    return matrix, None if frames.edges is None else graph_weights(frames.edges.collect(), len(labels))


def _embedded(frames: PoolFrames, joined: pl.DataFrame | None) -> tuple[NDArray[np.float32] | None, Rows | None]:
    """Return the embeddings of the rows that have one, and each row's place among them."""
    if joined is None or frames.row_embeddings is None:
        return None, None
    there = joined["reason"].is_null()
    place = np.where(there.to_numpy(), np.cumsum(there.to_numpy()) - 1, -1)
    return embedding_matrix(joined.filter(there), frames.row_embeddings), place

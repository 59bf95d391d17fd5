"""The labels whose information each row chosen by MIG raised, directly and by propagation, and what that was worth."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array

from mig_dagster.selection.base import Rows, Vector
from mig_dagster.selection.mig_problem import PhiType, Problem, problem
from mig_dagster.selection.mig_rules import information

TOP = 5
"""Labels of a row that are kept by name."""


@dataclass(frozen=True, eq=False)
class LabelGains:
    """One entry for each label that a chosen row told something, by rank and label.

    Attributes:
        starts: (k + 1,) where the entries of each rank begin, as in CSR.
        labels: (entries,) label indices, ascending within a rank.
        direct: what the row's own label told itself: its weight times P[label, label]; 0 of labels it does not carry.
        propagated: what its other labels told the label through the graph.
        before: what the label had been told by the rows of lower rank.
        gain: phi(before + direct + propagated) - phi(before).
    """

    starts: Rows
    labels: NDArray[Any]
    direct: Vector
    propagated: Vector
    before: Vector
    gain: Vector

    @property
    def owners(self) -> Rows:
        """(entries,) the rank of each, from 0."""
        return np.repeat(np.arange(len(self.starts) - 1), np.diff(self.starts))

    def totals(self) -> Vector:
        """Return (k,) the true gain of every row; together they are the objective."""
        return np.bincount(self.owners, self.gain, minlength=len(self.starts) - 1).astype(np.float64)

    def top(self, count: int = TOP) -> Rows:
        """Return the entries of the `count` highest gains of each row, by rank and gain; of equal ones the lower label.

        Args:
            count: at least 1; rows with fewer entries give all they have.
        """
        filled = np.flatnonzero(np.diff(self.starts))
        owners, left = self.owners, self.gain.copy()
        best = np.full((len(filled), count), -1)
        for place in range(min(count, int(np.diff(self.starts).max(initial=0)))):
            highest = np.full(len(self.starts) - 1, -1.0)
            highest[filled] = np.maximum.reduceat(left, self.starts[filled])
            hits = np.flatnonzero((left == highest[owners]) & (left >= 0))
            first = hits[np.diff(owners[hits], prepend=-1) != 0]
            best[np.searchsorted(filled, owners[first]), place] = first
            left[first] = -1.0
        return best[best >= 0]


def label_gains(
    rows: Rows,
    *,
    tags: Any,
    quality_scores: ArrayLike,
    label_graph: Any,
    phi_type: PhiType = "pow",
    phi_alpha: float = 1.0,
    phi_a: float = 1e-6,
    phi_b: float = 0.8,
    prop_weight: float = 1.0,
    norm: bool = False,
) -> LabelGains:
    """Return what each row told each label, for any rows in any order (Chen et al. 2025, section 3).

    The sum of all gains is `objective` of the rows but for rounding: phi(x) - phi(0) of every label, cut at each row
    that told it something. What a label had been told is added up row by row, as the greedy loop does. Only the rows
    given are looked at: time is that of sorting their entries, whatever the size of the pool.

    Args:
        rows: (k,) distinct pool indices, in the order chosen.
        tags: (n, m) sparse; see `mig`, like all that follow.
        quality_scores: (n,)
        label_graph: (m, m)
        phi_type: option
        phi_alpha: option
        phi_a: option
        phi_b: option
        prop_weight: option
        norm: option

    Raises:
        ValueError: as `mig` does.
    """
    given = problem(
        tags=tags[rows],
        quality_scores=np.asarray(quality_scores)[rows],
        label_graph=label_graph,
        phi_type=phi_type,
        phi_alpha=phi_alpha,
        phi_a=phi_a,
        phi_b=phi_b,
        prop_weight=prop_weight,
        norm=norm,
    )
    told = information(given.tags, given.weights, given.propagation)
    told.eliminate_zeros()  # of rows with score 0
    direct = direct_shares(given, told)
    before = told_before(told)
    gain = given.phi.gains(before, told.data)
    return LabelGains(
        told.indptr.astype(np.int64), told.indices, direct, np.maximum(told.data - direct, 0.0), before, gain
    )


def direct_shares(given: Problem, told: csr_array) -> Vector:
    """Return (entries,) of `told`, the information of the rows of a problem, what comes from the label itself."""
    counts, m = np.diff(given.tags.indptr), told.shape[1]
    own = given.weights.repeat(counts) * given.propagation.diagonal()[given.tags.indices]
    keys = np.arange(told.shape[0]).repeat(np.diff(told.indptr)) * m + told.indices
    wanted = np.arange(told.shape[0]).repeat(counts) * m + given.tags.indices
    direct = np.zeros(told.nnz)
    there = own > 0  # those of rows with score 0 are no entries
    direct[np.searchsorted(keys, wanted[there])] = own[there]
    return direct


def told_before(told: csr_array) -> Vector:
    """Return (entries,) the sum of the entries above each one in its column, added up from the first row down.

    Args:
        told: (k, m) at least 0, canonical.
    """
    places = csr_array((np.arange(told.nnz), told.indices, told.indptr), shape=told.shape).tocsc()
    by_label = told.data[places.data]
    sums = np.zeros(told.nnz)
    for start, end in zip(places.indptr[:-1].tolist(), places.indptr[1:].tolist(), strict=True):
        np.cumsum(by_label[start : end - 1], out=sums[start + 1 : end])
    before = np.empty(told.nnz)
    before[places.data] = sums
    return before

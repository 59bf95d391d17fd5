"""Rows with the same labels and the same weight: their gains are equal for ever, so only the first can be next.

Without this a pool of constant or coarse scores has thousands of rows that tie at the top, and each pick would score
them all again.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from mig_dagster.selection.base import Rows, Vector

Flags = NDArray[np.bool_]
Hashes = NDArray[np.uint64]

NO_TWIN = -1


def next_twins(tags: csr_array, weights: Vector) -> Rows:
    """Return (n,) the next row with exactly the labels and weight of each row, or `NO_TWIN`.

    Args:
        tags: (n, m) canonical.
        weights: (n,) finite.
    """
    ordered = np.sort(weights)
    repeated = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
    rows = np.flatnonzero(np.isin(weights, repeated))
    twins = np.full(len(weights), NO_TWIN)
    if len(rows):
        some = tags[rows]
        order = np.lexsort((_hashes(some), weights[rows]))  # stable: equal rows stay in pool order
        first, second = order[:-1], order[1:]
        same = _same(some, weights[rows], first, second)
        twins[rows[first[same]]] = rows[second[same]]
    return twins


def _hashes(tags: csr_array) -> Hashes:
    """Return (n,) a number for each set of labels; sets that share one cost time, `_same` keeps them apart."""
    numbers = np.random.default_rng(0).integers(2**64, size=tags.shape[1], dtype=np.uint64)
    sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(numbers[tags.indices], dtype=np.uint64)])
    hashes: Hashes = sums[tags.indptr[1:]] - sums[tags.indptr[:-1]]  # wraps around, which is fine
    return hashes


def _same(tags: csr_array, weights: Vector, first: Rows, second: Rows) -> Flags:
    """Return which pairs have equal weights and equal labels."""
    counts = np.diff(tags.indptr)
    same: Flags = (weights[first] == weights[second]) & (counts[first] == counts[second])
    pairs = np.flatnonzero(same)
    left, right = tags[first[pairs]], tags[second[pairs]]
    owners = np.repeat(pairs, counts[first[pairs]])
    same[owners[left.indices != right.indices]] = False
    return same

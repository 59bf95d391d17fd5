"""The k highest of many scores, in order, and where that order hangs on next to nothing."""

import numpy as np

from mig_dagster.selection.base import NEAR, Rows, Vector


def top_k(k: int, scores: Vector) -> Rows:
    """Return the rows of the `k` highest scores, highest first, of equal scores the lowest row first.

    Time is O(n + k log k). Equal to the first k of a stable descending sort.

    Args:
        k: 0..n.
        scores: (n,) without NaN.
    """
    n = len(scores)
    if k == 0:
        return np.empty(0, np.int64)
    if k == n:
        return np.argsort(-scores, kind="stable").astype(np.int64)
    last = np.partition(scores, n - k)[n - k]
    above = np.flatnonzero(scores > last)
    level = np.flatnonzero(scores == last)[: k - len(above)]
    return np.concatenate([above[np.argsort(-scores[above], kind="stable")], level]).astype(np.int64)


def near_ranks(scores: Vector, rows: Rows) -> Rows:
    """Return the ranks, from 1, of `rows` whose score a lower one comes within `NEAR` of.

    Args:
        scores: (n,) without NaN.
        rows: (k,) as `top_k` gives them.
    """
    levels, taken = np.unique(scores), scores[rows]
    below = levels[np.maximum(np.searchsorted(levels, taken) - 1, 0)]
    near = (below < taken) & (below >= taken - NEAR * np.abs(taken))
    return np.flatnonzero(near) + 1

"""A sample of rows that has some of every kind."""

from collections.abc import Sequence

import numpy as np

from mig_dagster.selection.base import Rows

SEED = 0
LEAST = 5
"""Rows of each kind that come before all others."""


def spread(kinds: Sequence[object] | np.ndarray, size: int) -> Rows:
    """Return the places of a random sample: of each kind `LEAST` if there is room, beyond that as many as its share.

    The same for the same input.

    Args:
        kinds: (n,) of each row, anything that numpy sorts.
        size: at most so many places; all of them where there are no more.

    Returns:
        (min(size, n),) rising.
    """
    n = len(kinds)
    if n <= size:
        return np.arange(n)
    kind = np.unique(np.asarray(kinds), return_inverse=True)[1].ravel()
    order = np.random.default_rng(SEED).permutation(n)
    grouped = order[np.argsort(kind[order], kind="stable")]
    sizes = np.bincount(kind)
    starts = np.repeat(np.cumsum(sizes) - sizes, sizes)
    place = np.arange(n) - starts  # of each row within its kind, in random order
    turn = np.where(place < LEAST, place - n, (place - LEAST) / np.repeat(np.maximum(sizes - LEAST, 1), sizes))
    return np.sort(grouped[np.argsort(turn, kind="stable")[:size]])

"""How far each row is from its i-th nearest other row: the Knn_i of InstructMining, exact.

The code seen of it takes an approximate neighbour graph (NN-descent, which is random). Here a blocked float32 product,
and a float64 one where that tells too little, finds the rows that can be among the nearest. Their distances are
computed in float64 from differences, so that near-duplicates suffer no cancellation and copies are at distance 0
exactly.
"""

from operator import index
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mig_dagster.selection.arguments import check_embeddings
from mig_dagster.selection.base import Rows, Vector

if TYPE_CHECKING:
    import torch

Embeddings = NDArray[np.float32] | NDArray[np.float64]

PAIRS = 1024
"""Pairs of rows measured at once."""
EXPONENTS = 64
"""Where the largest number is within 2 ** -64 and 2 ** 64, squares neither overflow nor vanish."""


def knn_distances(row_embeddings: ArrayLike, i: int = 6, *, device: str | None = None) -> Vector:
    """Return the Euclidean distance from each row to its `i`-th nearest other row, float64 (n,).

    A copy of a row is another row, at distance 0. Where a row has fewer than `i` others the farthest counts. Rows are
    not scaled; between unit vectors the distance is sqrt(2 - 2 cosine). A distance is off by at most (d + 4) 2 ** -54
    of itself, however near the rows are. The result does not depend on `device`.

    Above the input it takes 4 n d bytes on `device`, up to 8 n d beside it, and some 200 MB, never n x n. Time
    grows with n * n * d. Where float32 leaves one pair in 32 or more in doubt, as among thousands of near-copies, it
    takes 8 n d bytes more on `device` and about three times as long. Only rows that float64 products cannot tell apart
    either are measured pair by pair, which takes some forty times as long: thousands all at the same distance from
    each other, or thousands of copies but for the last bit in more than one place.

    Args:
        row_embeddings: (n, d) finite.
        i: which neighbour, at least 1; InstructMining's rule takes 6.
        device: None or "cpu"; "cuda" or "cuda:0" to look for the nearest there.

    Raises:
        ValueError: if `i` is below 1, there is one row alone, a number is NaN or infinite, or there is no such device.
            TypeError if `i` is no whole number.
    """
    if isinstance(i, bool) or not hasattr(i, "__index__"):
        raise TypeError(f"i must be an int, got {i!r}")
    if index(i) < 1:
        raise ValueError(f"i must be at least 1, got {i}; 1 is the nearest other row")
    given = check_embeddings(row_embeddings)
    from mig_dagster.selection.devices import check_device  # torch takes seconds to import

    place = check_device(device or "cpu")
    n = len(given)
    if n == 1:
        raise ValueError(
            "row_embeddings must have at least 2 rows, got 1, which has no other row; add rows to the pool"
        )
    first, kind, copies = _distinct(given)
    if len(first) < 2:
        return np.zeros(n)
    vectors = given if len(first) == n else given[first]
    wanted = min(index(i), n - 1) - (copies - 1)  # of the neighbours that are no copies
    return _distances(vectors, copies, wanted, min(index(i), len(first) - 1), place)[kind]


def _distinct(vectors: Embeddings) -> tuple[Rows, Rows, Rows]:
    """Return the first row of each kind of equal rows, the kind of each row, and the rows of each kind."""
    kinds: dict[bytes, int] = {}
    kind = np.empty(len(vectors), np.int64)
    for row, vector in enumerate(vectors):
        kind[row] = kinds.setdefault((vector + 0.0).tobytes(), len(kinds))  # -0.0 + 0.0 is 0.0
    first = np.unique(kind, return_index=True)[1]
    return first, kind, np.bincount(kind)


def _distances(vectors: Embeddings, copies: Rows, wanted: Rows, count: int, device: "torch.device") -> Vector:
    """Return the distance at which so many rows as `wanted` are reached, each vector counted `copies` times."""
    from mig_dagster.selection.near_pairs import NearPairs

    exponent = int(np.frexp(np.abs(vectors).max())[1])
    if abs(exponent) <= EXPONENTS:
        exponent = 0
    else:
        vectors = np.ldexp(vectors.astype(np.float64), -exponent)  # by a power of two: exact
    distances = np.zeros(len(vectors))
    for rows, one, other in NearPairs(vectors, count, device).blocks():
        apart = _apart(vectors, one, other)
        order = np.lexsort((apart, one))  # pairs come row by row; now nearest first within a row
        reached = np.cumsum(copies[other[order]])
        before = np.concatenate([[0], reached])[np.searchsorted(one, rows)]
        rest = wanted[rows] > 0  # the others have copies enough, at distance 0
        at = np.searchsorted(reached, (before + wanted[rows])[rest])
        distances[rows[rest]] = apart[order[at]]
    return np.ldexp(np.sqrt(distances), exponent)


def _apart(vectors: Embeddings, one: Rows, other: Rows) -> Vector:
    """Return the squared distance of each pair."""
    apart = np.empty(len(one))
    for start in range(0, len(one), PAIRS):
        at = slice(start, start + PAIRS)
        gaps = np.take(vectors, one[at], axis=0).astype(np.float64, copy=False)
        gaps -= np.take(vectors, other[at], axis=0)
        apart[at] = np.einsum("pd,pd->p", gaps, gaps)
    return apart

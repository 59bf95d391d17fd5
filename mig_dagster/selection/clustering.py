"""Rows to clusters: principal components of their embeddings, then k-means."""

import warnings
from math import isqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mig_dagster.selection.arguments import check_embeddings, check_number, check_whole
from mig_dagster.selection.base import Rows, SelectionWarning

SEEDS = 2**32  # numpy.random.RandomState takes seeds below this
SQUARABLE = 256  # exponents of 2 up to here, either way: squares and their sums stay far within float64

Embeddings = NDArray[np.float32] | NDArray[np.float64]


def cluster_rows(
    row_embeddings: ArrayLike,
    *,
    clusters: int | None = None,
    variance: float = 0.95,
    seed: int = 42,
    device: str | None = None,
) -> Rows:
    """Return the cluster of every row, int64 (n,), 0 to below `clusters`.

    Principal components that hold more than `variance` of the variance, then k-means: k-means++ once (scikit-learn's
    n_init=1) and Lloyd's iterations. All in float64: in float32 the labels already differ from one number of threads
    to another. Away from float ties they are those of scikit-learn's `PCA` and `KMeans` on float64 embeddings. Labels
    depend on the order of the rows. Time is O(n clusters d) an iteration, memory 8 n (d + clusters) bytes at most.

    Args:
        row_embeddings: (n, d) finite; used as they are, not scaled to unit length. Not changed.
        clusters: how many, at least 1; None for int(sqrt(n / 2)), at least 1. Never more than there are distinct rows.
        variance: share of the variance to keep, above 0 and at most 1; 1 keeps every dimension.
        seed: of the draws of k-means++, 0 to 2**32 - 1.
        device: None or "cpu" for the CPU; "cuda" or "cuda:0". Same labels away from float ties.

    Raises:
        ValueError: naming the argument, its value and what was expected. TypeError where a count is no whole number.

    Warns:
        SelectionWarning: when fewer clusters than that have rows, because rows repeat.
    """
    vectors = check_embeddings(row_embeddings)
    n = len(vectors)
    wanted = max(1, isqrt(n // 2)) if clusters is None else check_whole(clusters, "clusters", 1)
    seed = check_whole(seed, "seed", 0, SEEDS - 1)
    variance = check_number(variance, "variance", above=0, most=1, remedy="it is a share")
    from mig_dagster.selection.devices import check_device  # torch takes seconds to import
    from mig_dagster.selection.k_means import k_means
    from mig_dagster.selection.principal_components import principal_components

    place = check_device(device or "cpu")
    if n == 0:
        return np.empty(0, np.int64)
    labels: Rows = (
        k_means(principal_components(_squarable(vectors), variance, place), min(wanted, n), seed).cpu().numpy()
    )
    made = len(np.unique(labels))
    if made < wanted:
        warnings.warn(
            f"{made} of {wanted} clusters have rows: the {n} rows of the pool have too few distinct embeddings",
            SelectionWarning,
            stacklevel=2,
        )
    return labels


def _squarable(vectors: Embeddings) -> Embeddings:
    """Return the vectors, scaled by a power of two where their squares would leave float64: labels have no scale."""
    exponent = int(np.frexp(max(vectors.max(initial=0), -vectors.min(initial=0)))[1])
    return np.ldexp(vectors, -exponent) if abs(exponent) > SQUARABLE else vectors

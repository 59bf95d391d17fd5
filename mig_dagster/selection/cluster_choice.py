"""CaR's choice from a ranking and clusters: the top of the one, then the best rows of each of the others."""

import warnings

import numpy as np
from numpy.typing import ArrayLike

from mig_dagster.selection.arguments import check_array, check_k, check_numbers, check_whole
from mig_dagster.selection.base import Rows, Selection, SelectionWarning, Vector
from mig_dagster.selection.top_k import top_k

RANKED, CLUSTERED = 1000, 161  # n1 and clusters * n2 of the reference for Alpaca; MIG keeps their ratio for any budget
LARGEST_LABEL = np.iinfo(np.int64).max


def choose_from_clusters(
    k: int, *, quality_scores: ArrayLike, clusters: ArrayLike, n1: int | None = None, n2: int | None = None
) -> Selection:
    """Choose as `car` does, from clusters that are known, in O(n log n).

    The top n1 of the ranking, then the top n2 of every cluster that are not there yet, clusters in descending order of
    their number as text: 99, 98, ..., 10, 1, 0. Without `n1`, as many from the ranking as make exactly k rows.

    Args:
        k: how many rows, 0..n.
        quality_scores: (n,) finite, of either sign.
        clusters: (n,) the cluster of every row, integers. Not changed.
        n1: as in `car`.
        n2: as in `car`.

    Returns:
        The rows in that order, the score of each as its gain, and the clusters; `nested` only with `n1` and `n2`, where
        k only says how many of the rows are kept.

    Raises:
        ValueError: naming the argument, its value and what was expected. TypeError where a count is no whole number.

    Warns:
        SelectionWarning: when `n1` and `n2` give more than k rows, or n2 rows of every cluster alone do.
    """
    scores = check_numbers(quality_scores, None, "quality_scores")
    k = check_k(k, len(scores))
    labels = _check_clusters(clusters, len(scores))
    check_counts(n1, n2)
    numbers, cluster_of = np.unique(labels, return_inverse=True)
    ranking = top_k(len(scores), scores)
    best = _best_of_clusters(ranking, numbers, cluster_of, _share_of_a_cluster(k, len(numbers)) if n2 is None else n2)
    if n1 is not None:
        rows = _union(ranking[:n1], best)
        text = f"n1={n1} and n2={n2} give {len(rows)} of the pool's {len(scores)} rows"
    else:
        rows = _shortest_union(k, ranking, best)
        text = f"the best rows of the {len(numbers)} clusters are {len(rows)}"
    if len(rows) > k > 0:
        without = len(numbers) - len(np.unique(cluster_of[rows[:k]]))
        warnings.warn(
            f"{text}, more than k={k}: the last {len(rows) - k} are cut, {without} of {len(numbers)} clusters have no "
            "row in the choice; raise k, or lower n1, n2 or the number of clusters",
            SelectionWarning,
            stacklevel=2,
        )
    shortfall = f"{text}, fewer than k={k}; raise n1 or n2, or leave n1 out for exactly k rows"
    return Selection(
        rows[:k],
        scores[rows[:k]],
        shortfall if len(rows) < k else None,
        clusters=labels,
        nested=n1 is not None,  # both numbers fixed: k only cuts
    )


def _share_of_a_cluster(k: int, clusters: int) -> int:
    """Return n2 for k rows by MIG's ratio: 10 for 50,000 rows and the 685 clusters of 939K rows."""
    return max(1, round(k * CLUSTERED / (RANKED + CLUSTERED) / max(1, clusters)))


def _best_of_clusters(ranking: Rows, numbers: Rows, cluster_of: Rows, n2: int) -> Rows:
    """Return the `n2` first of the ranking in every cluster: clusters by descending text of their number."""
    turn = np.empty(len(numbers), np.int64)
    turn[sorted(range(len(numbers)), key=lambda place: str(numbers[place]), reverse=True)] = np.arange(len(numbers))
    turns = turn[cluster_of]
    by_cluster = ranking[np.argsort(turns[ranking], kind="stable")]
    sizes = np.bincount(turns, minlength=len(numbers))
    rank_in_cluster = np.arange(len(ranking)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return by_cluster[rank_in_cluster < n2]


def _union(top: Rows, best: Rows) -> Rows:
    return np.concatenate([top, best[~np.isin(best, top)]])


def _shortest_union(k: int, ranking: Rows, best: Rows) -> Rows:
    """Return the shortest start of the ranking that makes k rows with `best`, and `best`.

    Where `best` alone is more than k: `best` in the order of the ranking.
    """
    if k < len(best):
        return ranking[np.isin(ranking, best)]
    return _union(ranking[: _top_beside(k, ranking, best)], best)


def _top_beside(k: int, ranking: Rows, best: Rows) -> int:
    """Return how far down the ranking to go for k rows with `best`."""
    others = np.flatnonzero(~np.isin(ranking, best))  # each of these places in the ranking adds a row, the others none
    return int(others[k - len(best) - 1]) + 1 if k > len(best) else 0


def rows_taken_by_rank(k: int, scores: Vector, clusters: Rows, n1: int | None, n2: int | None) -> tuple[int, int]:
    """Return how many rows `choose_from_clusters` takes from the top of the ranking and of every cluster: n1 and n2.

    Args:
        k: how many rows it chose.
        scores: (n,) as it had them.
        clusters: (n,) as it gives them.
        n1: the option.
        n2: the option.
    """
    numbers, cluster_of = np.unique(clusters, return_inverse=True)
    n2 = _share_of_a_cluster(k, len(numbers)) if n2 is None else n2
    if n1 is not None:
        return n1, n2
    ranking = top_k(len(scores), scores)
    return _top_beside(k, ranking, _best_of_clusters(ranking, numbers, cluster_of, n2)), n2


def check_counts(n1: int | None, n2: int | None) -> None:
    """Refuse numbers of rows below 0, and an `n1` without an `n2`.

    Raises:
        ValueError: naming the argument. TypeError where it is no whole number.
    """
    if n2 is not None:
        check_whole(n2, "n2", 0)
    if n1 is not None:
        check_whole(n1, "n1", 0)
        if n2 is None:
            raise ValueError(f"n1={n1} needs n2, the rows of every cluster: give both, or n2 alone for exactly k rows")


def _check_clusters(clusters: ArrayLike, n: int) -> Rows:
    labels = check_array(clusters, "clusters")
    if labels.shape != (n,) or (n and labels.dtype.kind not in "iu"):
        raise ValueError(
            f"clusters must be one integer for each of the {n} rows, got shape {labels.shape} of {labels.dtype}"
        )
    if n and labels.max() > LARGEST_LABEL:
        raise ValueError(f"clusters must be below 2**63, got {labels.max()}; number the clusters from 0")
    return labels.astype(np.int64)

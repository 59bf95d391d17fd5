"""Exact distances to the sixth neighbour, at pool size, and beside scikit-learn's brute force on a part of the pool.

One thread, CPU seconds. scikit-learn takes |x|^2 + |y|^2 - 2xy, so its distances are compared to 1e-5; `of_differences`
is the distance as it is defined, from differences in float64, of some rows to all others: equal to rounding.
`hard` are pools of rows that a float32 product cannot tell apart as they are.

    OMP_NUM_THREADS=1 python benchmarks/neighbours.py [n] [part] [hard_n]
"""

import sys
from typing import Any

import numpy as np
import torch
from clustered_embeddings import clustered_embeddings
from measuring import measured, record
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors

from mig_dagster.selection.neighbours import knn_distances

ROWS = 200
REPEATS = 3


def of_differences(row_embeddings: NDArray[np.float32], row: int) -> float:
    """Return the distance of one row to its sixth neighbour."""
    gaps = row_embeddings.astype(np.float64) - row_embeddings[row]
    return float(np.sort(np.sqrt((gaps**2).sum(axis=1)))[6])


def brute_force(row_embeddings: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the distances by scikit-learn: column 0 is the row itself."""
    index = NearestNeighbors(n_neighbors=7, algorithm="brute", n_jobs=1).fit(row_embeddings)
    distances, _ = index.kneighbors(row_embeddings)
    return distances[:, 6]


def hard_pools(n: int, d: int = 384) -> dict[str, NDArray[np.float32]]:
    """Return pools of near-copies, of several clusters of them, with one row far out and with a common offset."""
    rng = np.random.default_rng(3)

    def clusters(count: int) -> NDArray[Any]:
        vectors = rng.normal(size=(count, d))[rng.integers(0, count, n)] + 1e-4 * rng.normal(size=(n, d))
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    outlier = clustered_embeddings(n, d)
    outlier[n // 2] *= 1e6
    pools = {
        "near_copies": clusters(1),
        "five_clusters_of_near_copies": clusters(5),
        "one_row_far_out": outlier,
        "common_offset": 100 + 0.01 * rng.normal(size=(n, d)),
        "spread": clustered_embeddings(n, d),
    }
    return {name: vectors.astype(np.float32) for name, vectors in pools.items()}


def hard(n: int) -> dict[str, Any]:
    """Run over every hard pool, and check some rows by the definition."""
    results = {}
    for name, pool in hard_pools(n).items():
        distances, run = measured(lambda pool=pool: knn_distances(pool))
        rows = np.random.default_rng(0).choice(n, min(n, 20), replace=False)
        expected = [of_differences(pool, row) for row in rows]
        results[name] = {
            "n": n,
            "cpu_s": run["cpu_s"],
            "same_to_1e-14": bool(np.allclose(distances[rows], expected, 1e-14, 0)),
        }
    return results


def beside_scikit_learn(row_embeddings: NDArray[np.float32]) -> dict[str, Any]:
    """Run both on one pool, best of some runs, and compare what they give."""
    ours = [measured(lambda: knn_distances(row_embeddings)) for _ in range(REPEATS)]
    theirs = [measured(lambda: brute_force(row_embeddings)) for _ in range(REPEATS)]
    seconds, brute = (min(run["cpu_s"] for _, run in runs) for runs in (ours, theirs))
    return {
        "n": len(row_embeddings),
        "knn_distances_cpu_s": seconds,
        "sklearn_brute_cpu_s": brute,
        "ratio": brute / seconds,
        "largest_difference": float(np.abs(ours[0][0] - theirs[0][0]).max()),
        "same_to_1e-5": bool(np.allclose(ours[0][0], theirs[0][0], rtol=1e-5)),
    }


def main(n: int = 50_000, part: int = 10_000, hard_n: int = 6_000) -> None:
    """Time both on a part of the pool and ours on all of it, and check some of its rows by the definition."""
    torch.set_num_threads(1)
    pool = clustered_embeddings(n)
    knn_distances(pool[:20])  # what is loaded on first use is not the function's
    distances, run = measured(lambda: knn_distances(pool))
    rows = np.random.default_rng(0).choice(n, min(n, ROWS), replace=False)
    expected = np.array([of_differences(pool, row) for row in rows])
    results = {
        "d": pool.shape[1],
        "i": 6,
        "whole": {
            "n": n,
            **run,
            "rows_checked": len(rows),
            "same_to_1e-14": bool(np.allclose(distances[rows], expected, rtol=1e-14, atol=0)),
        },
        "part": beside_scikit_learn(pool[:part]),
        "hard": hard(hard_n),
    }
    record(__file__, results)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

"""CaR's clusters against scikit-learn's, same pool, same run: seconds of one thread, memory, share of equal labels.

`scikit_learn` is what the reference runs, PCA and KMeans, in the float64 that `cluster_rows` uses. In the float32 that
the reference leaves it to, its labels depend on the number of threads: `float32_labels_equal_on_one_and_two_threads`.

    OMP_NUM_THREADS=1 python benchmarks/car.py [n] [large_n]
"""

import sys
import time
from math import isqrt
from typing import Any

import numpy as np
import torch
from measuring import measured, record
from numpy.typing import DTypeLike, NDArray
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from threadpoolctl import threadpool_limits

from mig_dagster.selection import choose_from_clusters, cluster_rows

TOPICS = 400


def text_like(n: int, d: int = 384, seed: int = 0) -> NDArray[np.float32]:
    """Return unit vectors as text encoders give them: a common direction, a falling spectrum, topics of uneven size."""
    rng = np.random.default_rng(seed)
    spectrum = 1 / np.sqrt(np.arange(d) + 10)
    share = 1 / (np.arange(TOPICS) + 10)
    vectors = 0.8 * (rng.normal(size=(TOPICS, d)) * spectrum)[rng.choice(TOPICS, n, p=share / share.sum())]
    vectors += 0.5 * rng.normal(size=d) * spectrum + rng.normal(size=(n, d)) * spectrum
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def scikit_learn(vectors: NDArray[np.float32], dtype: DTypeLike = np.float64, threads: int = 1) -> tuple[Any, int]:
    """Return the labels of PCA and KMeans, and the iterations."""
    with threadpool_limits(threads):
        points = PCA(n_components=0.95, random_state=42).fit_transform(vectors.astype(dtype))
        found = KMeans(isqrt(len(vectors) // 2), n_init=1, random_state=42).fit(points)
    return found.labels_, found.n_iter_


def timed(name: str, function: Any) -> tuple[Any, dict[str, float]]:
    """Return the result of one run, and its wall and CPU seconds and memory under `name`."""
    start = time.perf_counter()
    result, run = measured(function)
    return result, {f"{name}_wall_s": time.perf_counter() - start, **{f"{name}_{key}": run[key] for key in run}}


def against_scikit_learn(n: int) -> dict[str, Any]:
    """Run both over one pool, and choose a twentieth of it by the clusters."""
    vectors = text_like(n)
    ours, our_run = timed("cluster_rows", lambda: cluster_rows(vectors))
    (theirs, iterations), their_run = timed("scikit_learn", lambda: scikit_learn(vectors))
    scores = np.random.default_rng(1).normal(size=n)
    _, choice = timed("choice", lambda: choose_from_clusters(n // 20, quality_scores=scores, clusters=ours))
    return {
        "n": n,
        "clusters": isqrt(n // 2),
        "iterations": iterations,
        **our_run,
        **their_run,
        "cpu_ratio": their_run["scikit_learn_cpu_s"] / our_run["cluster_rows_cpu_s"],
        "labels_equal": float((ours == theirs).mean()),
        "choice_cpu_s": choice["choice_cpu_s"],
    }


def main(n: int = 20_000, large_n: int = 50_000) -> None:
    """Time both at two sizes, and compare scikit-learn's own float32 labels on one thread and on two."""
    torch.set_num_threads(1)
    cluster_rows(text_like(200))  # what is loaded on first use is not the method's
    results: dict[str, Any] = {"d": 384, "pools": [against_scikit_learn(size) for size in (n, large_n)]}
    vectors = text_like(n)
    one, two = (scikit_learn(vectors, np.float32, threads)[0] for threads in (1, 2))
    results["float32_labels_equal_on_one_and_two_threads"] = float((one == two).mean())
    one, two = (scikit_learn(vectors, np.float64, threads)[0] for threads in (1, 2))
    results["float64_labels_equal_on_one_and_two_threads"] = float((one == two).mean())
    record(__file__, results)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

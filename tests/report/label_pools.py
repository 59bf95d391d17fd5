"""Pools whose labels differ in how often they occur, and the smallest one."""

from dataclasses import replace

import numpy as np
from scipy.sparse import csr_array

from mig_dagster.report.inputs import ReportInputs, ReportSubset
from tests.report.small_report import small_pool


def many_labels(n: int = 300, m: int = 80, k: int = 40, seed: int = 0) -> ReportInputs:
    rng = np.random.default_rng(seed)
    tags = csr_array((rng.random((n, m)) < rng.uniform(0, 0.1, m)).astype(np.float64))
    labels = [f"label {at}" for at in range(m)]
    pool = small_pool(n, seed, tags=tags, labels=labels, label_graph=csr_array(np.eye(m)))
    info = {"nested": True}
    return ReportInputs(pool, [ReportSubset("mig_subset", "mig", rng.permutation(n)[:k], np.zeros(k), info)])


def one_row() -> ReportInputs:
    """Return a pool of one row, chosen, with one label."""
    pool = small_pool(3)
    only = replace(
        pool,
        rows=pool.rows[:1],
        scores={"score": np.array([3.0])},
        labels=["algebra"],
        tags=csr_array(np.ones((1, 1))),
        label_graph=csr_array(np.eye(1)),
        embeddings=pool.embeddings[:1],
        place=np.array([0]),
    )
    return ReportInputs(only, [ReportSubset("one", "mig", np.array([0]), np.zeros(1), {"nested": True})])

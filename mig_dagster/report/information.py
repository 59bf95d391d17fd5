"""MIG's information of rows of a pool, under MIG's defaults: one yardstick for every subset, whatever chose it."""

from collections.abc import Sequence

import numpy as np
from scipy.sparse import csr_array

from mig_dagster.selection import METHODS, options
from mig_dagster.selection.base import Rows, Vector
from mig_dagster.selection.mig_problem import Problem, problem


def default_problem(tags: csr_array, scores: Vector, label_graph: csr_array) -> Problem:
    """Return MIG's problem over a pool, with the options that MIG has when nobody sets them.

    MIG's objective is defined for scores of at least 0: a row that has none, or a negative one, says nothing.

    Args:
        tags: (n, m) which row carries which label.
        scores: (n,) NaN where a row has none.
        label_graph: W (m, m), with the diagonal.
    """
    known = np.where(np.isfinite(scores) & (scores > 0), scores, 0.0)
    defaults = {name: default for name, (_, default) in options(METHODS["mig"]).items() if name != "gain"}
    return problem(tags=tags, quality_scores=known, label_graph=label_graph, **defaults)


def prefix_values(given: Problem, rows: Rows, ends: Sequence[int]) -> Vector:
    """Return E of the first rows for each of some numbers of them; every row is read once.

    Args:
        given: the pool.
        rows: (k,) distinct pool indices by rank.
        ends: how many of them, rising, each in 0..k.
    """
    said = np.zeros(given.tags.shape[1])
    values, start = np.empty(len(ends)), 0
    for place, end in enumerate(ends):
        part = rows[start:end]
        said += given.weights[part] @ given.tags[part]
        told = said @ given.propagation
        values[place] = given.phi.gains(np.zeros_like(told), told).sum()
        start = end
    return values

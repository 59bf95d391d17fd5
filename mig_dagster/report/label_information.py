"""What part of a subset's information each label holds."""

import numpy as np
from scipy.sparse import csr_array

from mig_dagster.report.information import default_problem
from mig_dagster.selection.base import Rows, Vector


def information_shares(tags: csr_array, scores: Vector | None, label_graph: csr_array, chosen: Rows) -> Vector:
    """Return, for each label, (phi(x) - phi(0)) over its sum over all labels: x is what the rows tell it (Eq. 13).

    MIG's defaults. Where the pool has no scores every row counts 1. All 0 where the rows tell nothing.

    Args:
        tags: (n, m)
        scores: (n,) NaN where a row has none; None where the pool has none.
        label_graph: W (m, m)
        chosen: (k,) pool indices.
    """
    given = default_problem(tags, np.ones(tags.shape[0]) if scores is None else scores, label_graph)
    told = (given.weights[chosen] @ given.tags[chosen]) @ given.propagation
    known = given.phi.gains(np.zeros_like(told), told)
    total = float(known.sum())
    return known / total if total > 0 else np.zeros_like(known)

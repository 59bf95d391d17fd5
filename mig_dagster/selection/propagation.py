"""How labels share information: the label graph's weights, normalised for each label that gives."""

import math
from typing import Any

import numpy as np
from scipy.sparse import csr_array


def propagation(label_graph: Any, prop_weight: float = 1.0) -> csr_array:
    """Return P (m, m), the label graph with every column summing to 1 (Chen et al. 2025, section 3).

    Row l says where information about label l goes: `tags_row @ P` is what a row tells every label. A column of zeros
    stays zero.

    Args:
        label_graph: W (m, m), sparse or dense, weights at least 0, the diagonal included. Not changed.
        prop_weight: at least 0, the weight of the edges against the diagonal; 0 keeps information where it is.

    Raises:
        ValueError: if the graph is not square, a weight is negative or not finite, or `prop_weight` is.
    """
    if not (math.isfinite(prop_weight) and prop_weight >= 0):
        raise ValueError(f"prop_weight must be finite and at least 0, got {prop_weight}; use 0 for no propagation")
    graph = csr_array(label_graph, dtype=np.float64, copy=True)
    if graph.ndim != 2 or graph.shape[0] != graph.shape[1]:
        raise ValueError(f"label_graph must be square, labels by labels, got shape {graph.shape}")
    graph.sum_duplicates()
    wrong = graph.data[~(np.isfinite(graph.data) & (graph.data >= 0))]
    if len(wrong):
        raise ValueError(f"label_graph must have finite weights of at least 0, got {wrong[0]}; use a threshold above 0")
    givers = np.repeat(np.arange(graph.shape[0]), np.diff(graph.indptr))
    graph.data[givers != graph.indices] *= prop_weight
    graph.eliminate_zeros()
    totals = np.bincount(graph.indices, graph.data, minlength=graph.shape[1])
    graph.data /= totals[graph.indices]
    return graph

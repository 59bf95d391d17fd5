"""How labels share information: the label graph's weights, normalised for each label that gives."""

from typing import Any

import numpy as np
from scipy.sparse import csr_array

from mig_dagster.selection.arguments import check_matrix, check_number


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
    prop_weight = check_number(prop_weight, "prop_weight", least=0, remedy="use 0 for no propagation")
    graph = csr_array(check_matrix(label_graph, "label_graph"), dtype=np.float64, copy=True)
    if graph.ndim != 2 or graph.shape[0] != graph.shape[1]:
        raise ValueError(f"label_graph must be square, labels by labels, got shape {graph.shape}")
    graph.sum_duplicates()
    wrong = graph.data[~(np.isfinite(graph.data) & (graph.data >= 0))]
    if len(wrong):
        raise ValueError(f"label_graph must have finite weights of at least 0, got {wrong[0]}; use a threshold above 0")
    _scale_columns(graph)
    givers = np.repeat(np.arange(graph.shape[0]), np.diff(graph.indptr))
    graph.data[givers != graph.indices] *= prop_weight
    graph.eliminate_zeros()
    _scale_columns(graph)  # again: prop_weight may be of any size
    totals = np.bincount(graph.indices, graph.data, minlength=graph.shape[1])
    graph.data /= totals[graph.indices]
    return graph


def _scale_columns(graph: csr_array) -> None:
    """Bring each column's largest weight to 0.5..1 by a power of two: that is exact, and no sum overflows."""
    largest = np.zeros(graph.shape[1])
    np.maximum.at(largest, graph.indices, graph.data)
    graph.data = np.ldexp(graph.data, -np.frexp(largest)[1][graph.indices])

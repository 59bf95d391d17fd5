"""What a person wants to see of a label graph: degrees, the strongest edges, neighbours, components."""

from collections.abc import Sequence

import numpy as np
from scipy.sparse import csr_array, triu
from scipy.sparse.csgraph import connected_components


def degree_histogram(weights: csr_array) -> dict[int, int]:
    """Return labels per number of neighbours, self not counted, by rising number.

    Args:
        weights: W (m, m) with its diagonal, as `label_graph` gives it.
    """
    degrees, labels = np.unique(np.diff(weights.indptr) - 1, return_counts=True)
    return {int(degree): int(count) for degree, count in zip(degrees, labels, strict=True)}


def top_edges(weights: csr_array, labels: Sequence[str], count: int = 20) -> list[tuple[str, str, float]]:
    """Return the strongest edges between two labels, strongest first, ties in the order of labels.

    Args:
        weights: W (m, m).
        labels: the m label names in index order.
        count: edges returned at most.
    """
    edges = triu(weights, k=1, format="coo")
    order = np.lexsort((edges.col, edges.row, -edges.data))[:count]
    return [(labels[edges.row[i]], labels[edges.col[i]], float(edges.data[i])) for i in order]


def neighbours(weights: csr_array, labels: Sequence[str], label: str) -> list[tuple[str, float]]:
    """Return the neighbours of a label and their weights, strongest first, ties in the order of labels.

    Args:
        weights: W (m, m).
        labels: the m label names, sorted, in index order.
        label: one of them.

    Raises:
        ValueError: there is no such label.
    """
    if label not in labels:
        raise ValueError(f"label {label!r} is not in the graph; expected one of its {len(labels)} labels")
    index = labels.index(label)
    row = slice(weights.indptr[index], weights.indptr[index + 1])
    found = [(int(j), float(w)) for j, w in zip(weights.indices[row], weights.data[row], strict=True) if j != index]
    return [(labels[j], weight) for j, weight in sorted(found, key=lambda pair: (-pair[1], pair[0]))]


def component_count(weights: csr_array) -> int:
    """Return the number of connected components; an isolated label is one."""
    count, _ = connected_components(weights, directed=False)
    return int(count)

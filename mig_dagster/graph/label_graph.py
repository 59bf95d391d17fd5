"""The label graph: which labels are close enough to share information, and how close they are.

Paper: MIG, section 3: W_ij = cos(e_i, e_j) where that is at least T, otherwise 0, diagonal included.
Departures: weights are float64 cosines; the diagonal is exactly 1, so that T = 1 leaves no label without weight (the
reference's float32 diagonal rounds below 1 and then divides by zero).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array

from mig_dagster.graph.similarity import BLOCK, Pairs, similar_pairs, strongest_pairs

SIMILARITY_THRESHOLD = 0.9  # MIG, table of edge thresholds: the best for e5-mistral-7b-instruct


@dataclass(frozen=True)
class LabelGraph:
    """Labels and their similarity.

    Attributes:
        weights: W (m, m), float64 in (0, 1]; symmetric bit for bit, diagonal exactly 1, column indices sorted.
        threshold: smallest similarity that is an edge; 1.0 where a target degree asked for no edge or found none.
        mean_degree: edges to other labels per label.
        isolated: labels without an edge to another label.
    """

    weights: csr_array
    threshold: float
    mean_degree: float
    isolated: int


def label_graph(
    embeddings: NDArray[np.float32],
    *,
    threshold: float | None = SIMILARITY_THRESHOLD,
    target_mean_degree: float | None = None,
    block: int = BLOCK,
) -> LabelGraph:
    """Connect the labels whose embeddings are similar.

    Args:
        embeddings: unit vectors (m, d), float32.
        threshold: smallest cosine of an edge, in (0, 1]; None with `target_mean_degree`.
        target_mean_degree: edges per label; the threshold is then the weight of the E-th strongest pair,
            E = round(m * degree / 2), and pairs that tie with it stay. Pairs of cosine <= 0 are never edges.
        block: rows and columns multiplied at a time; changes memory and speed, not the result.

    Returns:
        The graph. Memory follows its edges and one dense block.

    Raises:
        ValueError: not exactly one of `threshold` and `target_mean_degree`, a value out of range, or `embeddings` that
            are not float32 unit vectors.
    """
    _check_choice(threshold, target_mean_degree)
    m = len(embeddings)
    if target_mean_degree is not None:
        pairs = strongest_pairs(embeddings, round(m * target_mean_degree / 2), block)
        threshold = float(pairs.cosine.min(initial=1.0))
    else:
        assert threshold is not None  # _check_choice
        pairs = similar_pairs(embeddings, threshold, block)
    weights = _symmetric(pairs, m)
    degrees = np.diff(weights.indptr) - 1
    return LabelGraph(
        weights=weights,
        threshold=threshold,
        mean_degree=float(degrees.mean()) if m else 0.0,
        isolated=int((degrees == 0).sum()),
    )


def _symmetric(pairs: Pairs, m: int) -> csr_array:
    """Return W with both triangles from the same numbers."""
    diagonal = np.arange(m, dtype=np.int32)
    row = np.concatenate([pairs.row, pairs.column, diagonal])
    column = np.concatenate([pairs.column, pairs.row, diagonal])
    weight = np.concatenate([pairs.cosine, pairs.cosine, np.ones(m)])
    weights = csr_array(coo_array((weight, (row, column)), shape=(m, m)))
    weights.sort_indices()
    return weights


def _check_choice(threshold: float | None, target_mean_degree: float | None) -> None:
    if (threshold is None) == (target_mean_degree is None):
        raise ValueError(
            f"threshold is {threshold} and target_mean_degree is {target_mean_degree}; expected exactly one of them: "
            "set the other to None"
        )
    if threshold is not None and not 0 < threshold <= 1:
        raise ValueError(f"threshold is {threshold}; expected a cosine in (0, 1]: below, weights turn negative")
    if target_mean_degree is not None and not 0 <= target_mean_degree < np.inf:
        raise ValueError(f"target_mean_degree is {target_mean_degree}; expected edges per label, 0 or more, as 4")

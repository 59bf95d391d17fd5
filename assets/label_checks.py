"""Checks of label_vocabulary, label_embeddings and label_graph."""

import numpy as np
import polars as pl

from assets.checks import Result, holds, warns
from mig_dagster.graph import LabelGraph, Vocabulary

VOCABULARY_CHECKS = {"size": "at least one label, and no more labels than tags"}
EMBEDDING_CHECKS = {
    "one_per_label": "one embedding for each label of the vocabulary",
    "dimension": "unit vectors of one dimension",
}
GRAPH_CHECKS = {
    "size": "one node for each label",
    "symmetric": "the same weight in both directions, diagonal 1",
}
GRAPH_WARNINGS = {"degree": "labels have on average 0.5 to 50 neighbours"}
_DEGREES = (0.5, 50.0)
_NORM_TOLERANCE = 1e-3


def vocabulary_checks(vocabulary: Vocabulary) -> list[Result]:
    """Check a new vocabulary."""
    labels, tags = len(vocabulary.labels), len(vocabulary.entries)
    return [holds("size", 0 < labels <= tags, f"{labels} labels of {tags} tags")]


def embedding_checks(embeddings: pl.DataFrame, vocabulary: Vocabulary) -> list[Result]:
    """Check new label embeddings against the vocabulary they are made for."""
    missing = set(vocabulary.labels) ^ set(embeddings["label"])
    norms = np.linalg.norm(embeddings["embedding"].to_numpy(), axis=1)
    unit = bool(np.all(np.abs(norms - 1) < _NORM_TOLERANCE))
    dimension = embeddings.schema["embedding"].shape  # type: ignore[attr-defined]
    return [
        holds("one_per_label", not missing, f"{embeddings.height} embeddings of {len(vocabulary.labels)} labels"),
        holds("dimension", unit, f"dimension {dimension[0]}, norms {norms.min():.4f} to {norms.max():.4f}"),
    ]


def graph_checks(graph: LabelGraph, labels: int) -> list[Result]:
    """Check a new label graph against its number of labels."""
    weights = graph.weights
    symmetric = abs(weights - weights.T).max() == 0 and bool(np.all(weights.diagonal() == 1))
    m = weights.shape[0]
    low, high = _DEGREES
    return [
        holds("size", m == labels, f"{m} nodes of {labels} labels"),
        holds("symmetric", symmetric, f"{weights.nnz} weights"),
        warns("degree", low <= graph.mean_degree <= high, f"mean degree {graph.mean_degree:.2f}"),
    ]

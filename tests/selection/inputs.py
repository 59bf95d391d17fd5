"""Inputs of every selection method by argument name: the one place that knows how to make each of them up."""

from typing import Any

import numpy as np
from scipy.sparse import csr_array

from mig_dagster.selection import METHODS, reads

Inputs = dict[str, Any]

WORDS = ["river", "stone", "quick", "amber", "lantern", "forty", "seven", "orbit", "pepper", "violet", "ocean"]


def inputs(n: int, seed: int = 0) -> Inputs:
    """Return every input for a pool of n rows that do not tie: scores are continuous, no two rows have equal tags."""
    rng = np.random.default_rng(seed)
    m = n + 3
    return {
        "tags": _tags_of_different_sizes(n, m, rng),
        "quality_scores": rng.lognormal(1, 0.6, n),
        "label_graph": _graph(m, rng),
        "row_embeddings": _embeddings(n, rng),
        "ifd_scores": rng.uniform(0.2, 1.1, n),
        "indicators": {name: rng.uniform(0.1, 3, n) for name in ("rew", "len", "knn_6", "und", "nat", "coh")},
        "serialized_rows": [_text(rng, 2 * row + 3) for row in range(n)],
        "responses": [_text(rng, 8) for _ in range(n)],
        "row_ids": [f"{number:032x}" for number in rng.permutation(10 * n)[:n].tolist()],
        "sources": [f"source-{number}" for number in rng.integers(0, 3, n).tolist()],
        "lengths": rng.permutation(10 * n)[:n].astype(np.int64),
    }


def needed(name: str, given: Inputs) -> Inputs:
    """Return what one method reads."""
    return {argument: given[argument] for argument in reads(METHODS[name])}


def rows_of(given: Inputs, rows: np.ndarray) -> Inputs:
    """Return the inputs of some rows, in that order; a row may come more than once."""
    return {name: value if name == "label_graph" else _take(value, rows) for name, value in given.items()}


def _take(value: Any, rows: np.ndarray) -> Any:
    if isinstance(value, dict):
        return {key: each[rows] for key, each in value.items()}
    return [value[row] for row in rows] if isinstance(value, list) else value[rows]


def _tags_of_different_sizes(n: int, m: int, rng: np.random.Generator) -> csr_array:
    dense = np.zeros((n, m))
    for row, size in enumerate(rng.permutation(n) + 1):
        dense[row, rng.permutation(m)[:size]] = 1
    return csr_array(dense)


def _graph(m: int, rng: np.random.Generator) -> csr_array:
    upper = np.triu(np.where(rng.random((m, m)) < 0.2, rng.uniform(0.5, 1, (m, m)), 0), 1)
    return csr_array(upper + upper.T + np.eye(m))


def _embeddings(n: int, rng: np.random.Generator, d: int = 6) -> np.ndarray:
    vectors = rng.normal(size=(n, d))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def _text(rng: np.random.Generator, words: int) -> str:
    return " ".join(rng.choice(WORDS, words).tolist()) + f" {rng.integers(10**9)}"

"""Small pools for the tests of MIG, and the algorithm as the paper has it, dense and naive."""

from typing import Any

import numpy as np
from scipy.sparse import csr_array

from mig_dagster.selection import propagation

LABELS, WEIGHTS = [[0], [1], [2], [0, 2], []], [[1, 0.95, 0], [0.95, 1, 0], [0, 0, 1]]
WORKED: dict[str, Any] = {
    "tags": csr_array([[int(j in row) for j in range(3)] for row in LABELS]),
    "quality_scores": np.array([10.0, 9, 5, 6, 30]),
    "label_graph": csr_array(WEIGHTS),
}


def random_pool(seed: int, n: int = 40, m: int = 12, quantised: bool = False, density: float = 0.25) -> dict[str, Any]:
    """Return a pool with rows of 0 to m labels and a graph with about 3 edges a label."""
    rng = np.random.default_rng(seed)
    tags = csr_array((rng.random((n, m)) < density).astype(float))
    scores = rng.integers(0, 4, n).astype(float) if quantised else rng.lognormal(1, 1, n)
    upper = np.triu(np.where(rng.random((m, m)) < 0.2, rng.uniform(0.5, 1, (m, m)), 0), 1)
    return {"tags": tags, "quality_scores": scores, "label_graph": csr_array(upper + upper.T + np.eye(m))}


def dense_parts(pool: dict[str, Any], prop_weight: float = 1.0, norm: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Return v (n, m) and P (m, m), from the definitions of the paper."""
    tags, weights = pool["tags"].toarray(), pool["label_graph"].toarray()
    scores = np.asarray(pool["quality_scores"], float)
    counts = np.maximum(tags.sum(axis=1), 1)
    v = tags * (scores / counts if norm else scores)[:, None]
    omega = np.where(np.eye(len(weights)) == 1, 1.0, prop_weight)
    return v, omega * weights / (omega * weights).sum(axis=0)


def phi_of(phi_type: str = "pow", phi_alpha: float = 1.0, phi_a: float = 1e-6, phi_b: float = 0.8):
    """Return phi and its derivative."""
    if phi_type == "pow":
        return lambda x: (x + phi_a) ** phi_b, lambda x: phi_b * (x + phi_a) ** (phi_b - 1)
    return lambda x: 1 - np.exp(-phi_alpha * x), lambda x: phi_alpha * np.exp(-phi_alpha * x)


def step_gains(told: np.ndarray, x: np.ndarray, gain: str, **options: Any) -> np.ndarray:
    """Return the gain of every row at x, by the formula of the rule."""
    phi, slope = phi_of(**options)
    return told @ slope(x) if gain == "gradient" else (phi(x + told) - phi(x)).sum(axis=1)


def naive(k: int, pool: dict[str, Any], gain: str, prop_weight: float = 1.0, norm: bool = False, **options: Any):
    """Score every row at every step, dense, and take the best; return rows, and each step's regret-free gains."""
    v, p = dense_parts(pool, prop_weight, norm)
    told, x, rows = v @ p, np.zeros(v.shape[1]), []
    for _ in range(k):
        gains = step_gains(told, x, gain, **options)
        gains[rows] = -1
        rows.append(int(np.argmax(gains)))
        x = x + told[rows[-1]]
    return rows


def regrets(rows: list[int], pool: dict[str, Any], gain: str, prop_weight: float = 1.0, norm: bool = False, **options):
    """Return by how much each pick falls short of the best at its step, relative to the largest gain of all."""
    v, p = dense_parts(pool, prop_weight, norm)
    told, x, short = v @ p, np.zeros(v.shape[1]), []
    scale = max(step_gains(told, x, gain, **options).max(initial=0), 1e-300)
    for at, row in enumerate(rows):
        gains = step_gains(told, x, gain, **options)
        left = np.setdiff1d(np.arange(len(v)), rows[:at])
        short.append((gains[left].max() - gains[row]) / scale)
        x = x + told[row]
    return np.array(short)


def eager(k: int, pool: dict[str, Any], slope: Any, prop_weight: float = 1.0) -> list[int]:
    """Score every row at every step in the order of additions the engine states, so that equal means bit for bit."""
    tags, scores = pool["tags"].toarray(), np.asarray(pool["quality_scores"], float).tolist()
    labels = [np.flatnonzero(row).tolist() for row in tags]
    p = propagation(pool["label_graph"], prop_weight).toarray().tolist()
    m, rows = len(p), []
    x, slopes = [0.0] * m, [slope(0.0)] * m
    for _ in range(k):
        worth = [0.0] * m
        for label in range(m):
            for other in range(m):
                worth[label] += p[label][other] * slopes[other]
        best = max(set(range(len(labels))) - set(rows), key=lambda i: (_gain(scores[i], labels[i], worth), -i))
        rows.append(best)
        for other in range(m):
            told = 0.0
            for label in labels[best]:
                told += p[label][other]
            x[other] += scores[best] * told
            slopes[other] = min(slopes[other], slope(x[other]))
    return rows


def _gain(score: float, labels: list[int], worth: list[float]) -> float:
    total = 0.0
    for label in labels:
        total += worth[label]
    return score * total

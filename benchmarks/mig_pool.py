"""A seeded pool the size and shape of MIG's: rows about topics, Zipf-like labels, clustered label embeddings."""

from typing import Any

import numpy as np
from scipy.sparse import csr_array

TOPICS = 2000
LABELS = 4531  # Tulu3's label set in the MIG paper


def synthetic_pool(n: int, m: int = LABELS, threshold: float = 0.9, seed: int = 0) -> dict[str, Any]:
    """Return `tags` (n, m), `quality_scores` (n,) and `label_graph` (m, m) as `mig` takes them."""
    rng = np.random.default_rng(seed)
    zipf = 1.0 / (np.arange(m) + 8.0)
    zipf /= zipf.sum()
    topics = rng.choice(m, (TOPICS, 16), p=zipf)  # a topic draws on a few labels, the first ones most
    popularity = 1.0 / (np.arange(TOPICS) + 30.0)
    counts = np.minimum(1 + rng.poisson(2.4, n), 10)
    row = np.repeat(np.arange(n), counts)
    topic = np.repeat(rng.choice(TOPICS, n, p=popularity / popularity.sum()), counts)
    label = topics[topic, np.minimum(rng.geometric(0.2, len(row)) - 1, 15)]
    stray = rng.random(len(row)) < 0.15
    label[stray] = rng.choice(m, int(stray.sum()), p=zipf)
    tags = csr_array((np.ones(len(row), np.float32), (row, label)), shape=(n, m))
    tags.data[:] = 1
    scores = np.clip(rng.normal(3.9, 0.95, n), 1, 6) * np.clip(rng.lognormal(0.85, 0.35, n), 1, 6)
    return {"tags": tags, "quality_scores": scores, "label_graph": clustered_graph(m, threshold, rng)}


def clustered_graph(m: int, threshold: float, rng: np.random.Generator, d: int = 64) -> csr_array:
    """Return the cosines at or above `threshold` of m unit vectors in clusters of uneven size and spread."""
    cluster = rng.choice(m // 6, m, p=rng.dirichlet(np.full(m // 6, 0.5)))
    vectors = rng.normal(size=(m // 6, d))[cluster]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors += rng.normal(size=(m, d)) * rng.uniform(0.02, 0.08, (m, 1))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines = vectors @ vectors.T
    cosines[cosines < threshold] = 0
    return csr_array(cosines)

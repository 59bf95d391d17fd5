"""Semantic merging: label names that mean the same become the most frequent of them."""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from mig_dagster.graph.similarity import similar_pairs

Encode = Callable[[list[str]], NDArray[np.float32]]
MERGE_DISTANCE = 0.05  # DBSCAN threshold of InsTag [2nd] and of MIG (paper A.1)


def merge_by_meaning(counts: Mapping[str, int], encode: Encode, distance: float = MERGE_DISTANCE) -> dict[str, str]:
    """Map each name to the name it merges into.

    This is DBSCAN with `min_samples=1` on cosine distance: the connected components of the graph that joins names at
    most `distance` apart. No name is noise, so none is lost.

    Args:
        counts: rows per name.
        encode: gives float32 unit vectors (m, d) for m names.
        distance: largest cosine distance of two names that are joined, in [0, 1).

    Returns:
        Name to the most frequent name of its component, ties to the lexicographically first.

    Raises:
        ValueError: `distance` is out of range, or `encode` gave something else than m unit vectors.
    """
    if not 0 <= distance < 1:
        raise ValueError(f"merge_distance is {distance}; expected a cosine distance in [0, 1), as 0.05")
    names = sorted(counts)
    if not names:
        return {}
    embeddings = encode(names)
    if len(embeddings) != len(names):
        raise ValueError(f"encode gave {len(embeddings)} vectors for {len(names)} names; expected one each")
    pairs = similar_pairs(embeddings, 1 - distance)
    joined = coo_array((np.ones(pairs.row.size), (pairs.row, pairs.column)), shape=(len(names), len(names)))
    _, component = connected_components(joined, directed=False)
    canonical: dict[int, str] = {}
    for index in sorted(range(len(names)), key=lambda i: (-counts[names[i]], names[i])):
        canonical.setdefault(int(component[index]), names[index])
    return {name: canonical[int(component[index])] for index, name in enumerate(names)}

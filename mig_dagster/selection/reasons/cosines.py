"""Cosines of one row with some others, for reasons: in float64, copies exactly 1."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mig_dagster.selection.base import Rows, Vector
from mig_dagster.selection.unit_vectors import unit_vectors

CHUNK = 8192


def cosines_with(row_embeddings: NDArray[Any], row: int, others: Rows) -> Vector:
    """Return the cosine of a row with each of some others, at most 1; a row of zeros is like no row.

    Args:
        row_embeddings: (n, d) finite, of any length.
        row: an index.
        others: (k,) indices.
    """
    mine = unit_vectors(row_embeddings[[row]])[0]
    found = np.empty(len(others))
    for start in range(0, len(others), CHUNK):
        vectors = unit_vectors(row_embeddings[others[start : start + CHUNK]])
        part = vectors @ mine
        part[(vectors == mine).all(axis=1) & mine.any()] = 1.0
        found[start : start + CHUNK] = np.minimum(part, 1.0)
    return found


def nearest(row_embeddings: NDArray[Any], row: int, others: Rows) -> tuple[int, float] | None:
    """Return the row among `others` that is nearest, itself left out, and the cosine; the first of equals."""
    apart = others[others != row]
    if not len(apart):
        return None
    cosines = cosines_with(row_embeddings, row, apart)
    at = int(np.argmax(cosines))
    return int(apart[at]), float(cosines[at])


def named(found: tuple[int, float] | None, ids: Sequence[str], ranks: Rows) -> dict[str, Any] | None:
    """Return a chosen row that was found, JSON-ready."""
    if found is None:
        return None
    return {"row_id": ids[found[0]], "rank": int(ranks[found[0]]), "cosine": found[1]}

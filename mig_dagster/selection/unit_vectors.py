"""Embeddings as unit vectors, so that a product is a cosine."""

import numpy as np
from numpy.typing import ArrayLike

from mig_dagster.selection.arguments import check_embeddings
from mig_dagster.selection.base import Vector


def unit_vectors(row_embeddings: ArrayLike, n: int | None = None) -> Vector:
    """Return each row scaled to length 1, float64 (n, d), new; equal rows give equal vectors to the last bit.

    A row of zeros stays as it is: its cosine with every row counts as 0.

    Args:
        row_embeddings: (n, d) floats.
        n: how many rows there must be; None for any.

    Raises:
        ValueError: as `check_embeddings`.
    """
    vectors = check_embeddings(row_embeddings, n).astype(np.float64)
    largest = np.abs(vectors).max(axis=1, initial=0.0)  # first to 1, so that squares neither overflow nor vanish
    vectors /= np.where(largest > 0, largest, 1.0)[:, None]
    lengths = np.sqrt(np.einsum("nd,nd->n", vectors, vectors))
    vectors /= np.where(lengths > 0, lengths, 1.0)[:, None]
    return vectors

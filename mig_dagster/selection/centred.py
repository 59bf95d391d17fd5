"""Rows less what they have in common: as far from each other, and shorter, so that products tell them apart."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from mig_dagster.selection.base import Vector

CHUNK = 4096
"""Rows in float64 at once."""
SAMPLE = 1024
"""Rows, at least, whose middle is taken off where there are so many."""


class Centred:
    """Rows less the median of each component, times a power of two that brings the largest number to 1/2..1.

    The median, unlike the mean, stays where most rows are when one of them is far out. A component less the median is
    rounded once, by 2 ** -53 of itself: as close to what it stands for as any float64.

    Args:
        vectors: (n, d) n at least 1.
    """

    def __init__(self, vectors: NDArray[np.float32] | NDArray[np.float64]) -> None:
        self.n, self.d = vectors.shape
        self._vectors = vectors
        self._centre: Vector = np.median(vectors[:: max(1, self.n // SAMPLE)], axis=0).astype(np.float64)
        self._scale = 1.0
        largest = max(np.abs(rows).max(initial=0.0) for _, rows in self.chunks())
        self._scale = 2.0 ** min(1000, -int(np.frexp(largest)[1]))

    def chunks(self) -> Iterator[tuple[int, Vector]]:
        """Yield the first row of each chunk of rows, and the chunk: float64."""
        for start in range(0, self.n, CHUNK):
            rows = self._vectors[start : start + CHUNK] - self._centre
            rows *= self._scale
            yield start, rows

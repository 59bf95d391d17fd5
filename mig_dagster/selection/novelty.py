"""What the answers taken so far leave new in every answer: sums of TF-IDF in which each phrase fades as it is used."""

from itertools import pairwise

import numpy as np
from scipy.sparse import csr_array

from mig_dagster.selection.base import Rows, Vector


class Novelty:
    """Sums of the rows of a TF-IDF matrix whose columns fade.

    The matrix stays as it is: how often a phrase was used is counted, and its weight looked up when a row is summed.
    The counts are small and stay in a cache, which weights of 8 bytes a phrase would not.

    Numbers of at least 0 are added up in an order that hangs on their count alone, and rounding is monotone: sums never
    rise, to the last bit, and equal texts have equal sums.

    Args:
        matrix: (n, phrases) at least 0, canonical; see `tfidf`. Not changed.
        decay: 0..1, what a phrase keeps each time a text with it is taken.

    Attributes:
        first: (n,) the sums before any text is taken.
    """

    def __init__(self, matrix: csr_array, decay: float) -> None:
        n, phrases = matrix.shape
        self._data, self._columns = matrix.data, matrix.indices
        bounds = matrix.indptr.tolist()
        self._spans = [slice(start, end) for start, end in pairwise(bounds)]
        self._lengths = np.diff(matrix.indptr)
        self._used = np.zeros(phrases, np.min_scalar_type(n))  # each text is taken once at most
        self._weights = np.multiply.accumulate([1.0, *[decay] * n])  # of a phrase used 0, 1, ... times
        some = np.flatnonzero(self._lengths)
        self.first: Vector = np.zeros(n)
        self.first[some] = np.add.reduceat(matrix.data, matrix.indptr[some])

    def sums(self, rows: Rows) -> Vector:
        """Return what is new in each of some texts, all with a phrase, now."""
        spans = [self._spans[row] for row in rows.tolist()]
        used = self._used.take(np.concatenate([self._columns[span] for span in spans]))
        faded = self._weights.take(used)
        faded *= np.concatenate([self._data[span] for span in spans])
        ends = np.cumsum(self._lengths[rows])
        sums: Vector = np.add.reduceat(faded, ends - self._lengths[rows])
        return sums

    def take(self, row: int) -> None:
        """Let the phrases of a text fade."""
        self._used[self._columns[self._spans[row]]] += 1

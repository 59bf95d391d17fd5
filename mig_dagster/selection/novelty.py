"""What the answers taken so far leave new in every answer: sums of TF-IDF in which each phrase fades as it is used."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from mig_dagster.selection.base import Rows, Vector


class Novelty:
    """Sums of the rows of a TF-IDF matrix whose columns fade.

    Only the weights of the columns change, never the matrix. A sum is that of the phrases no other text has, which
    never fade while the text is there to be taken, plus that of the others, added up one by one in the order of the
    phrases as strings. Both are sums of at least 0 in a fixed order, and rounding is monotone: sums never rise, to the
    last bit, and equal texts have equal sums.

    Args:
        matrix: (n, phrases) at least 0, canonical; see `tfidf`.
        decay: 0..1, what a phrase keeps each time a text with it is taken.

    Attributes:
        first: (n,) the sums before any text is taken.
    """

    def __init__(self, matrix: csr_array, decay: float) -> None:
        n = matrix.shape[0]
        shared = np.bincount(matrix.indices, minlength=matrix.shape[1]) > 1
        kept = shared[matrix.indices]
        owners = np.repeat(np.arange(n, dtype=np.int32), np.diff(matrix.indptr))
        self._own = _totals(owners, np.where(kept, 0.0, matrix.data), n)
        self._data = matrix.data[kept]
        self._columns = (np.cumsum(shared) - 1)[matrix.indices[kept]]
        owners = owners[kept]
        self._lengths = np.bincount(owners, minlength=n)
        ends = np.cumsum(self._lengths).tolist()
        self._spans = [slice(start, end) for start, end in zip([0, *ends], ends, strict=False)]
        self._weights = np.ones(int(shared.sum()))
        self._decay = decay
        self.first: Vector = self._own + _totals(owners, self._data, n)

    def sums(self, rows: Rows) -> Vector:
        """Return what is new in each of some texts, at least one, now."""
        spans = [self._spans[row] for row in rows.tolist()]
        faded = np.concatenate([self._data[span] for span in spans])
        faded *= self._weights.take(np.concatenate([self._columns[span] for span in spans]))
        owners = np.repeat(np.arange(len(rows)), self._lengths[rows])
        sums: Vector = self._own[rows] + _totals(owners, faded, len(rows))
        return sums

    def take(self, row: int) -> None:
        """Let the phrases of a text fade."""
        self._weights[self._columns[self._spans[row]]] *= self._decay


def _totals(owners: NDArray[np.integer], values: Vector, n: int) -> Vector:
    """Return (n,) sums of the values of each owner, added one by one as they stand: `numpy.sum` adds in pairs."""
    return np.bincount(owners, values, minlength=n).astype(np.float64, copy=False)

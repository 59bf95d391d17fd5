"""What the answers taken so far leave new in every answer: sums of TF-IDF in which each phrase fades as it is used."""

import numpy as np

from mig_dagster.selection.base import Rows, Vector
from mig_dagster.selection.ngrams import tfidf


class Novelty:
    """Sums of the rows of a TF-IDF matrix whose columns fade.

    Only the weights of the columns change, never the matrix. A sum is that of the phrases no other text has, which
    never fade while the text is there to be taken, plus that of the others, added up one by one in the order of the
    phrases as strings. Both are sums of at least 0 in a fixed order, and rounding is monotone: sums never rise, to the
    last bit, and equal texts have equal sums.

    Args:
        texts: n texts.
        decay: 0..1, what a phrase keeps each time a text with it is taken.
    """

    def __init__(self, texts: list[str], decay: float) -> None:
        matrix = tfidf(texts)
        owners = np.repeat(np.arange(len(texts)), np.diff(matrix.indptr))
        shared = np.bincount(matrix.indices, minlength=matrix.shape[1]) > 1
        kept = shared[matrix.indices]
        self._own: Vector = np.bincount(owners[~kept], matrix.data[~kept], minlength=len(texts)).astype(np.float64)
        self._lengths = np.bincount(owners[kept], minlength=len(texts))
        ends = np.cumsum(self._lengths).tolist()
        self._spans = [slice(start, end) for start, end in zip([0, *ends], ends, strict=False)]
        self._columns = (np.cumsum(shared) - 1)[matrix.indices[kept]]
        self._data = matrix.data[kept]
        self._weights = np.ones(int(shared.sum()))
        self._decay = decay

    def sums(self, rows: Rows) -> Vector:
        """Return what is new in each of some texts, now."""
        spans = [self._spans[row] for row in rows.tolist()]
        if not spans:
            return np.empty(0)
        faded = np.concatenate([self._data[span] for span in spans])
        faded *= self._weights.take(np.concatenate([self._columns[span] for span in spans]))
        owners = np.repeat(np.arange(len(rows)), self._lengths[rows])
        return self._own[rows] + np.bincount(owners, faded, minlength=len(rows))

    def take(self, row: int) -> None:
        """Let the phrases of a text fade."""
        self._weights[self._columns[self._spans[row]]] *= self._decay

"""Cosine similarity of all pairs of unit vectors by blocked products, never more than one block of m x m dense.

Products run in float32. Which pairs count is settled in float64 on the few that come near the threshold, so the result
depends neither on the block size nor on how many threads BLAS used.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Embeddings = NDArray[np.float32]
BLOCK = 2048
NORM_TOLERANCE = 1e-3
_CHUNK_VALUES = 1 << 22  # float64 values gathered at a time when pairs are settled: 32 MB a side
_BUFFER_PAIRS = 1 << 22


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs of rows `row < column` and their cosine similarity in [-1, 1]; each array has shape (pairs,)."""

    row: NDArray[np.int32]
    column: NDArray[np.int32]
    cosine: NDArray[np.float64]

    def where(self, kept: NDArray[np.bool_]) -> "Pairs":
        """Return the pairs for which `kept` is true."""
        return Pairs(self.row[kept], self.column[kept], self.cosine[kept])


def check_unit_vectors(embeddings: Embeddings) -> None:
    """Raise ValueError unless `embeddings` is a float32 array (m, d) of finite vectors of length 1."""
    if embeddings.ndim != 2 or embeddings.dtype != np.float32:
        raise ValueError(
            f"embeddings are {embeddings.dtype} of shape {embeddings.shape}; "
            "expected float32 of shape (labels, dimensions)"
        )
    norms = np.sqrt(_squared_norms(embeddings))
    if not np.isfinite(norms).all():
        row = int(np.flatnonzero(~np.isfinite(norms))[0])
        raise ValueError(f"embeddings hold NaN or infinity in row {row}; encode that label again")
    wrong = np.flatnonzero(np.abs(norms - 1) > NORM_TOLERANCE)
    if wrong.size:
        raise ValueError(
            f"embeddings row {wrong[0]} has length {norms[wrong[0]]:.4f}; expected 1 (within {NORM_TOLERANCE}): "
            "divide each vector by its length after the conversion to float32"
        )


def similar_pairs(embeddings: Embeddings, threshold: float, block: int = BLOCK) -> Pairs:
    """Return all pairs whose cosine is at least `threshold`.

    Args:
        embeddings: unit vectors (m, d).
        threshold: smallest cosine kept.
        block: rows and columns multiplied at a time.

    Returns:
        The pairs in no particular order; memory follows their number.

    Raises:
        ValueError: `embeddings` are not unit vectors or `block` is below 1.
    """
    check_unit_vectors(embeddings)
    slack = _rounding(embeddings)
    found = [_no_pairs()]
    for near in _candidates(embeddings, block, lambda: threshold - slack):
        exact = _settled(embeddings, near)
        found.append(exact.where(exact.cosine >= threshold))
    return _joined(found)


def strongest_pairs(embeddings: Embeddings, count: int, block: int = BLOCK) -> Pairs:
    """Return the `count` pairs of largest cosine, with everything that ties with the last of them.

    Only pairs of positive cosine are considered, so fewer may come back. Memory follows `count`, not m * m.

    Args:
        embeddings: unit vectors (m, d).
        count: pairs asked for.
        block: rows and columns multiplied at a time.

    Raises:
        ValueError: `embeddings` are not unit vectors or `block` is below 1.
    """
    check_unit_vectors(embeddings)
    if count < 1:
        return _no_pairs()
    strongest = _Strongest(count, _rounding(embeddings))
    for near in _candidates(embeddings, block, strongest.cut):
        strongest.add(near)
    exact = _settled(embeddings, strongest.kept())
    exact = exact.where(exact.cosine > 0)
    if exact.row.size <= count:
        return exact
    return exact.where(exact.cosine >= _nth_largest(exact.cosine, count))


class _Strongest:
    """A bounded buffer of the pairs that can still be among the `count` strongest."""

    def __init__(self, count: int, slack: float) -> None:
        self._count = count
        self._slack = slack
        self._cut = -slack
        self._limit = max(4 * count, _BUFFER_PAIRS)
        self._parts = [_no_pairs()]
        self._held = 0

    def cut(self) -> float:
        """Return the smallest product that still matters."""
        return self._cut

    def add(self, pairs: Pairs) -> None:
        """Take pairs in; drop what can no longer count when the buffer is full."""
        self._parts.append(pairs)
        self._held += pairs.row.size
        if self._held > self._limit:
            kept = self.kept()
            self._parts, self._held = [kept], kept.row.size
            self._limit = max(self._limit, 2 * self._held)  # ties can exceed it: do not sort them block after block

    def kept(self) -> Pairs:
        """Return the pairs that can be among the strongest, raising the cut to the weakest of them."""
        pairs = _joined(self._parts)
        if pairs.row.size > self._count:
            # A true cosine lies within `slack` of its product, hence twice the slack between two of them.
            self._cut = max(self._cut, _nth_largest(pairs.cosine, self._count) - 2 * self._slack)
        return pairs.where(pairs.cosine >= self._cut)


def _candidates(embeddings: Embeddings, block: int, cut: Callable[[], float]) -> Iterator[Pairs]:
    """Yield, block by block of the upper triangle, the pairs whose float32 product reaches `cut()`."""
    if block < 1:
        raise ValueError(f"block is {block}; expected at least 1")
    for top in range(0, len(embeddings), block):
        for left in range(top, len(embeddings), block):
            product = embeddings[top : top + block] @ embeddings[left : left + block].T
            if left == top:
                product[np.tril_indices(len(product))] = -np.inf
            row, column = np.nonzero(product >= np.float32(cut()))
            cosine = product[row, column].astype(np.float64)
            yield Pairs((row + top).astype(np.int32), (column + left).astype(np.int32), cosine)


def _settled(embeddings: Embeddings, pairs: Pairs) -> Pairs:
    """Return the same pairs with their cosine computed in float64."""
    cosine = np.empty(pairs.row.size)
    step = max(1, _CHUNK_VALUES // max(1, embeddings.shape[1]))
    for start in range(0, cosine.size, step):
        chunk = slice(start, start + step)
        left = embeddings[pairs.row[chunk]].astype(np.float64)
        right = embeddings[pairs.column[chunk]].astype(np.float64)
        # sqrt(x * x) is x in IEEE arithmetic: equal vectors get exactly 1.
        lengths = np.sqrt(np.einsum("ij,ij->i", left, left) * np.einsum("ij,ij->i", right, right))
        cosine[chunk] = np.clip(np.einsum("ij,ij->i", left, right) / lengths, -1.0, 1.0)
    return Pairs(pairs.row, pairs.column, cosine)


def _rounding(embeddings: Embeddings) -> float:
    """Return how far a float32 product can lie from the true cosine: by summation and by lengths near 1."""
    deviation = np.abs(np.sqrt(_squared_norms(embeddings)) - 1).max(initial=0.0)
    return float(3 * deviation + (embeddings.shape[1] + 4) * np.finfo(np.float32).eps)


def _squared_norms(embeddings: Embeddings) -> NDArray[np.float64]:
    squared: NDArray[np.float64] = np.einsum("ij,ij->i", embeddings, embeddings, dtype=np.float64)
    return squared


def _nth_largest(values: NDArray[np.float64], n: int) -> float:
    return float(np.partition(values, values.size - n)[values.size - n])


def _no_pairs() -> Pairs:
    return Pairs(np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0))


def _joined(parts: list[Pairs]) -> Pairs:
    return Pairs(
        np.concatenate([part.row for part in parts]),
        np.concatenate([part.column for part in parts]),
        np.concatenate([part.cosine for part in parts]),
    )

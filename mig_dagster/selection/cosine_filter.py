"""Of rows in a given order, keep those unlike every row kept before: the answer of a loop over rows, in blocks.

A float32 product per block finds nearly everything; only where it is too close to the threshold to tell, the cosine is
computed again in float64, one pair after the other, in one order. So neither the size of a block nor the device nor the
number of threads can change which rows are kept.
"""

from time import monotonic

import numpy as np
import torch
from numpy.typing import NDArray

from mig_dagster.selection.base import OnProgress, Rows, Vector
from mig_dagster.selection.devices import check_device
from mig_dagster.selection.float32_products import full_float32, relative_error
from mig_dagster.selection.unit_vectors import unit_vectors

Embeddings = NDArray[np.float32] | NDArray[np.float64]
Flags = NDArray[np.bool_]

BLOCK = 1024
"""Rows compared at once with the rows kept and with each other."""
TILE = 4096
"""Rows kept that a block is compared with at once: 16 MiB of cosines."""
PAIRS = 1024
"""Pairs compared again in float64 at once."""
TELL_EVERY = 0.3
"""Seconds between two reports of progress."""


def keep_dissimilar(
    k: int,
    order: Rows,
    row_embeddings: Embeddings,
    threshold: float,
    device: str | None,
    on_progress: OnProgress | None = None,
) -> Rows:
    """Return the first `k` rows, in `order`, whose cosine with every row kept before them is at most `threshold`.

    The cosine of equal rows is exactly 1 and no cosine is above 1. A row of zeros is like no row: it is kept.

    Args:
        k: 0..n.
        order: (n,) rows in the order they are looked at; looking stops at the k-th row kept.
        row_embeddings: (n, d) finite, of any length.
        threshold: above -1.
        device: None for "cpu", or as `check_device`.
        on_progress: told how many rows are kept.

    Returns:
        (k,) rows kept; fewer when `order` runs out.

    Raises:
        ValueError: if there is no such device.
    """
    place = check_device(device or "cpu")
    if threshold >= 1:
        return order[:k]
    kept = _Kept(k, row_embeddings, threshold, place)
    told = monotonic()
    with full_float32(place):
        for start in range(0, len(order), BLOCK):
            if kept.count == k:
                break
            kept.admit(order[start : start + BLOCK])
            if on_progress is not None and monotonic() - told > TELL_EVERY:
                told = monotonic()
                on_progress(kept.count, k)
    return kept.rows[: kept.count]


class _Kept:
    """The rows kept so far, and what they keep out."""

    def __init__(self, k: int, row_embeddings: Embeddings, threshold: float, device: torch.device) -> None:
        self.row_embeddings = row_embeddings
        self.threshold = threshold
        error = relative_error(row_embeddings.shape[1])
        self.low, self.high = threshold - error, threshold + error
        self.rows = np.empty(k, np.int64)
        self.count = 0
        self.compared = np.empty(k, np.int64)  # of the rows kept, those that are not zero: those of `vectors`
        self.compared_count = 0
        # On the CPU the system hands out this memory as it is written: it grows with the rows kept, without a copy.
        self.vectors = torch.empty((k, row_embeddings.shape[1]), dtype=torch.float32, device=device)

    def admit(self, rows: Rows) -> None:
        """Keep those of the next `rows` that are unlike all before, in order, as long as there is room."""
        units = self._units(rows)
        vectors = torch.from_numpy(units.astype(np.float32)).to(self.vectors.device)
        comparable: Flags = np.any(units, axis=1)
        left_out = comparable.copy()  # until found unlike the others; a row of zeros is like none
        at = self._unlike_kept(rows, vectors, np.flatnonzero(comparable))
        left_out[at] = self._left_out_by_earlier(rows[at], vectors[torch.from_numpy(at)])
        at = np.flatnonzero(~left_out)[: len(self.rows) - self.count]
        self.rows[self.count : self.count + len(at)] = rows[at]
        self.count += len(at)
        at = at[comparable[at]]
        end = self.compared_count + len(at)
        self.compared[self.compared_count : end] = rows[at]
        self.vectors[self.compared_count : end] = vectors[torch.from_numpy(at)]
        self.compared_count = end

    def _unlike_kept(self, rows: Rows, vectors: torch.Tensor, at: Rows) -> Rows:
        """Return those positions `at` in the block whose row is unlike every row kept before the block."""
        for start in range(0, self.compared_count, TILE):
            if not len(at):
                break
            tile = self.vectors[start : min(start + TILE, self.compared_count)]
            cosines = vectors[torch.from_numpy(at)] @ tile.T
            highest = cosines.amax(dim=1).cpu().numpy()
            out = highest > self.high
            doubtful = np.flatnonzero((highest > self.low) & ~out)
            if len(doubtful):
                one, other = _where(cosines[torch.from_numpy(doubtful)] > self.low)
                one = doubtful[one]
                out[one[self._alike(rows[at[one]], self.compared[start + other])]] = True
            at = at[~out]
        return at

    def _left_out_by_earlier(self, rows: Rows, vectors: torch.Tensor) -> Flags:
        """Return which of `rows` are like one of those before them that is not left out itself."""
        cosines = vectors @ vectors.T
        alike: Flags = torch.triu(cosines > self.high, 1).cpu().numpy()
        one, other = _where(torch.triu((cosines > self.low) & (cosines <= self.high), 1))
        alike[one, other] = self._alike(rows[one], rows[other])
        out = np.zeros(len(rows), np.bool_)
        for at in range(len(rows)):
            if not out[at]:
                out |= alike[at]
        return out

    def _alike(self, ones: Rows, others: Rows) -> Flags:
        """Return for each pair of rows whether its cosine, in float64, is above the threshold."""
        alike = np.empty(len(ones), np.bool_)
        for start in range(0, len(ones), PAIRS):
            at = slice(start, start + PAIRS)
            one, other = self._units(ones[at]), self._units(others[at])
            cosines: Vector = np.einsum("pd,pd->p", one, other)
            cosines[(one == other).all(axis=1)] = 1.0
            alike[at] = cosines > self.threshold
        return alike

    def _units(self, rows: Rows) -> Vector:
        return unit_vectors(np.take(self.row_embeddings, rows, axis=0))


def _where(flags: torch.Tensor) -> tuple[Rows, Rows]:
    """Return row and column of every True of a matrix."""
    places = torch.nonzero(flags).cpu().numpy()
    return places[:, 0], places[:, 1]

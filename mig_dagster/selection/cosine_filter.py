"""Of rows in a given order, keep those unlike every row kept before: the answer of a loop over rows, in blocks.

A product in bfloat16, where the hardware makes it, finds nearly everything. Rows for which it is too close to the
threshold to tell are multiplied in float32, and what that cannot tell is computed again in float64, one pair after the
other, in one order. So neither the size of a block nor the device nor the number of threads can change which rows are
kept.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from mig_dagster.selection.base import OnProgress, Rows, Vector
from mig_dagster.selection.devices import check_device
from mig_dagster.selection.reporting import now_and_then
from mig_dagster.selection.rounded_products import bfloat16_error, float32_error, full_precision, multiplies_bfloat16
from mig_dagster.selection.unit_vectors import unit_vectors

Embeddings = NDArray[np.float32] | NDArray[np.float64]
Flags = NDArray[np.bool_]

BLOCK = {"cpu": 512, "cuda": 4096}
"""Rows compared at once with the rows kept and with each other: what fits a core's cache, what fills a GPU."""
TILE = {"cpu": 1024, "cuda": 32_768}
"""Rows kept that a block is compared with at once."""
PAIRS = 1024
"""Pairs compared again in float64 at once."""


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
    report = now_and_then(k, on_progress)
    with full_precision(place):
        for start in range(0, len(order), BLOCK[place.type]):
            if kept.count == k:
                break
            kept.admit(order[start : start + BLOCK[place.type]])
            report(kept.count)
    return kept.rows[: kept.count]


@dataclass(frozen=True)
class _Level:
    """The rows kept, in one precision: above `high` a product is above the threshold, up to `low` it is not."""

    kept: torch.Tensor
    low: float
    high: float


class _Kept:
    """The rows kept so far, and what they keep out."""

    def __init__(self, k: int, row_embeddings: Embeddings, threshold: float, device: torch.device) -> None:
        self.row_embeddings = row_embeddings
        self.threshold = threshold
        self.rows = np.empty(k, np.int64)
        self.count = 0
        self.compared = np.empty(k, np.int64)  # of the rows kept, those that are not zero: those of the levels
        self.compared_count = 0
        self.tile = TILE[device.type]
        d = row_embeddings.shape[1]
        errors = {torch.float32: float32_error(d)}
        if multiplies_bfloat16(device):
            errors = {torch.bfloat16: bfloat16_error(d), **errors}
        # On the CPU the system hands out this memory as it is written: it grows with the rows kept, without a copy.
        self.levels = [
            _Level(torch.empty((k, d), dtype=dtype, device=device), threshold - error, threshold + error)
            for dtype, error in errors.items()
        ]
        self.finest = self.levels[-1]

    def admit(self, rows: Rows) -> None:
        """Keep those of the next `rows` that are unlike all before, in order, as long as there is room."""
        units = self._units(rows)
        vectors = torch.from_numpy(units.astype(np.float32)).to(self.finest.kept.device)
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
        for level in self.levels:
            level.kept[self.compared_count : end] = vectors[torch.from_numpy(at)]
        self.compared_count = end

    def _unlike_kept(self, rows: Rows, vectors: torch.Tensor, at: Rows) -> Rows:
        """Return those positions `at` in the block whose row is unlike every row kept before the block."""
        by_level = [vectors.to(level.kept.dtype) for level in self.levels]
        for start in range(0, self.compared_count, self.tile):
            if not len(at):
                break
            at = at[~self._like_tile(rows, by_level, at, slice(start, min(start + self.tile, self.compared_count)))]
        return at

    def _like_tile(self, rows: Rows, by_level: list[torch.Tensor], at: Rows, tile: slice) -> Flags:
        """Return for each position `at` in the block whether its row is like one of the rows kept that `tile` holds."""
        like = np.zeros(len(at), np.bool_)
        open_ = np.arange(len(at))
        for level, vectors in zip(self.levels, by_level, strict=True):
            cosines = vectors[torch.from_numpy(at[open_])] @ level.kept[tile].T
            highest = cosines.amax(dim=1).float().cpu().numpy()
            like[open_[highest > level.high]] = True
            doubtful = np.flatnonzero((highest > level.low) & (highest <= level.high))
            open_ = open_[doubtful]
            if not len(open_):
                return like
        one, other = _where(cosines[torch.from_numpy(doubtful)] > level.low)
        one = open_[one]
        like[one[self._alike(rows[at[one]], self.compared[tile.start + other])]] = True
        return like

    def _left_out_by_earlier(self, rows: Rows, vectors: torch.Tensor) -> Flags:
        """Return which of `rows` are like one of those before them that is not left out itself."""
        cosines = vectors @ vectors.T
        alike: Flags = torch.triu(cosines > self.finest.high, 1).cpu().numpy()
        one, other = _where(torch.triu((cosines > self.finest.low) & (cosines <= self.finest.high), 1))
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

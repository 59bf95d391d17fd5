"""Of rows in a given order, keep those unlike every row kept before: the answer of a loop over rows, in blocks.

A product in bfloat16, where the hardware makes it, finds nearly everything. Rows for which it is too close to the
threshold to tell are multiplied in float32, and what that cannot tell is computed again in float64: many pairs by one
more product, and what that cannot tell one pair after the other, in one order. So neither the size of a block nor the
device nor the number of threads can change which rows are kept.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from mig_dagster.selection.base import OnProgress, Rows, Vector
from mig_dagster.selection.devices import check_device
from mig_dagster.selection.reporting import now_and_then
from mig_dagster.selection.rounded_products import (
    bfloat16_error,
    float32_error,
    float64_error,
    full_precision,
    multiplies_bfloat16,
)
from mig_dagster.selection.unit_vectors import unit_vectors

Embeddings = NDArray[np.float32] | NDArray[np.float64]
Flags = NDArray[np.bool_]

BLOCK = {"cpu": 512, "cuda": 4096}
"""Rows compared at once with the rows kept and with each other: what fits a core's cache, what fills a GPU."""
TILE = {"cpu": 1024, "cuda": 32_768}
"""Rows kept that a block is compared with at once."""
PAIRS = 1024
"""Pairs compared again in float64 at once; where there are more, a product of all their rows comes before."""
COLUMNS = 4096
"""Rows that are multiplied in float64 at once with those of a block."""


def highest_cosine(threshold: float, d: int) -> float:
    """Return up to where a cosine computed in float64 counts as at the threshold: a little above it, and below 1.

    The numbers of two unit vectors are rounded twice, their lengths by (d + 2) / 2 roundings each, and their product by
    d more, in any order: a cosine that is the threshold comes out at most (2 d + 8) 2 ** -53 above it. Twice that and
    some, so that a product is enough to tell.

    Args:
        threshold: below 1.
        d: of the vectors.
    """
    return min(threshold + 4 * float64_error(d), float(np.nextafter(1.0, 0.0)))


def keep_dissimilar(
    k: int,
    order: Rows,
    row_embeddings: Embeddings,
    threshold: float,
    device: str | None,
    on_progress: OnProgress | None = None,
) -> Rows:
    """Return the first `k` rows, in `order`, whose cosine with every row kept before them is at most `threshold`.

    A cosine counts as at the threshold up to `highest_cosine`: rounding drops no row that is exactly there. The cosine
    of equal rows is exactly 1 and no cosine is above 1. A row of zeros is like no row: it is kept.

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
        d = row_embeddings.shape[1]
        self.highest = highest_cosine(threshold, d)
        self.doubt = 2 * float64_error(d)  # by which two float64 sums of the same products can differ
        self.rows = np.empty(k, np.int64)
        self.count = 0
        self.compared = np.empty(k, np.int64)  # of the rows kept, those that are not zero: those of the levels
        self.compared_count = 0
        self.tile = TILE[device.type]
        errors = {torch.float32: float32_error(d)}
        if multiplies_bfloat16(device):
            errors = {torch.bfloat16: bfloat16_error(d), **errors}
        # On the CPU the system hands out this memory as it is written: it grows with the rows kept, without a copy.
        self.levels = [
            _Level(torch.empty((k, d), dtype=dtype, device=device), self.highest - error, self.highest + error)
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
        in_doubt = cosines[torch.from_numpy(doubtful)] > level.low
        like[open_] = self._alike(rows[at[open_]], self.compared[tile], in_doubt).any(dim=1).cpu().numpy()
        return like

    def _left_out_by_earlier(self, rows: Rows, vectors: torch.Tensor) -> Flags:
        """Return which of `rows` are like one of those before them that is not left out itself."""
        cosines = vectors @ vectors.T
        in_doubt = torch.triu((cosines > self.finest.low) & (cosines <= self.finest.high), 1)
        above = torch.triu(cosines > self.finest.high, 1)
        alike: Flags = above.logical_or_(self._alike(rows, rows, in_doubt)).cpu().numpy()
        out = np.zeros(len(rows), np.bool_)
        for at in range(len(rows)):
            if not out[at]:
                out |= alike[at]
        return out

    def _alike(self, ones: Rows, others: Rows, in_doubt: torch.Tensor) -> torch.Tensor:
        """Leave, of the pairs in doubt, those whose cosine in float64 is too high: (ones, others), in place."""
        for start in range(0, len(others), COLUMNS):
            some, part = others[start : start + COLUMNS], in_doubt[:, start : start + COLUMNS]
            count = int(torch.count_nonzero(part))
            if not count:
                continue
            left = part.clone()
            if count > PAIRS:
                left = self._multiply(ones, some, part)
            one, other = torch.nonzero(left, as_tuple=True)
            alike = self._alike_one_by_one(ones[one.cpu().numpy()], some[other.cpu().numpy()])
            part[one, other] = torch.from_numpy(alike).to(part.device)
        return in_doubt

    def _multiply(self, ones: Rows, others: Rows, in_doubt: torch.Tensor) -> torch.Tensor:
        """Leave of the pairs in doubt those whose cosine may be too high, in place, and return which still may not."""
        one, other = (torch.from_numpy(self._units(rows)).to(in_doubt.device) for rows in (ones, others))
        above = (one @ other.T).sub_(self.highest)
        in_doubt &= above > -self.doubt
        return in_doubt & (above <= self.doubt)

    def _alike_one_by_one(self, ones: Rows, others: Rows) -> Flags:
        """Return for each pair of rows whether its cosine, in float64, is too high."""
        alike = np.empty(len(ones), np.bool_)
        for start in range(0, len(ones), PAIRS):
            at = slice(start, start + PAIRS)
            one, other = self._units(ones[at]), self._units(others[at])
            cosines: Vector = np.einsum("pd,pd->p", one, other)
            cosines[(one == other).all(axis=1)] = 1.0
            alike[at] = cosines > self.highest
        return alike

    def _units(self, rows: Rows) -> Vector:
        return unit_vectors(np.take(self.row_embeddings, rows, axis=0))

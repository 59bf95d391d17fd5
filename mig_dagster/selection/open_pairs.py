"""The pairs of candidate and pool row that can still add to coverage, kept once they are few."""

from collections import defaultdict
from itertools import accumulate

import torch

from mig_dagster.selection.exact_cosines import BLOCK, Products, Room, block_pairs, whole

STORE = 2**22
"""Pairs allocated at once: 32 MiB, which the system hands out as they are written."""

_Found = tuple[torch.Tensor, torch.Tensor]
"""How many pairs each candidate of a block has, int64, and the pairs in order of candidates: (2, pairs) int32, pool row
and cosine in UNITs."""


class OpenPairs:
    """Pairs whose cosine is above what is reached at the pool row: no other pair adds anything, now or later.

    What is reached only rises, so pairs close and never open. A pair takes 8 bytes, 12 while they are collected.
    """

    def __init__(self, candidates: torch.Tensor, pool: torch.Tensor, reached: torch.Tensor) -> None:
        """Compare every candidate with every pool row once.

        Args:
            candidates: (c, d) grid vectors.
            pool: (v, d) grid vectors; the same tensor as `candidates` where they are the same rows.
            reached: (v,) float64 whole UNITs: the highest cosine of each pool row so far; not changed.
        """
        self.reached = reached.to(torch.int32)
        self._size = BLOCK[pool.device.type]
        self._starts: list[list[int]] = []  # of each block of candidates: where the pairs of each begin, and the end
        self._pairs: list[torch.Tensor] = []  # of each block: (2, pairs) int32, pool row and cosine in UNITs
        found: defaultdict[int, list[_Found]] = defaultdict(list)
        waiting, done = _Store(), _Store()
        products, mirror = Products(pool.device), Room(torch.float64, pool.device)
        for rows, columns, mirrored, last in block_pairs(candidates, pool):
            tile = products.of(candidates[rows], pool[columns])
            found[rows.start].append(_open(tile, reached[columns], columns.start))
            if mirrored:
                counts, pairs = _open(mirror.of(*tile.T.shape).copy_(tile.T), reached[rows], rows.start)
                found[columns.start].append((counts, waiting.keep(pairs)))
            if last:
                counts, pairs = _by_candidate(found.pop(rows.start))
                self._starts.append(_starts(counts))
                self._pairs.append(done.keep(pairs))

    def __len__(self) -> int:
        """Return how many pairs are kept."""
        return sum(pairs.shape[1] for pairs in self._pairs)

    def close(self) -> torch.Tensor:
        """Return what every candidate would add, (c,) int64 UNITs; forget pairs that add nothing where most do not."""
        gains = []
        for block, (starts, pairs) in enumerate(zip(self._starts, self._pairs, strict=True)):
            added = pairs[1] - self.reached[pairs[0]]
            still = added > 0
            gains.append(_sums(added.clamp_(min=0), starts))
            counts = _sums(still, starts)
            if 2 * int(counts.sum()) < len(still):
                self._starts[block], self._pairs[block] = _starts(counts), pairs[:, still]
        return torch.cat(gains)

    def gains(self, rows: list[int]) -> torch.Tensor:
        """Return what each of some candidates would add, in UNITs, int64."""
        each = [self._of(row) for row in rows]
        starts = [0, *accumulate(pairs.shape[1] for pairs in each)]
        pairs = torch.cat(each, dim=1)
        return _sums(pairs[1].sub_(self.reached[pairs[0]]).clamp_(min=0), starts)

    def take(self, row: int) -> None:
        """Raise what is reached to the cosines of a candidate."""
        columns, cosines = self._of(row)
        self.reached[columns] = torch.maximum(self.reached[columns], cosines)

    def _of(self, row: int) -> torch.Tensor:
        block, place = divmod(row, self._size)
        start, end = self._starts[block][place : place + 2]
        return self._pairs[block][:, start:end]


class _Store:
    """Keeps tensors in a few large ones: thousands of small ones would leave memory in pieces, twice the peak."""

    def __init__(self) -> None:
        self._room: torch.Tensor | None = None
        self._used = 0

    def keep(self, pairs: torch.Tensor) -> torch.Tensor:
        """Return a view of a copy."""
        m = pairs.shape[1]
        if self._room is None or self._used + m > self._room.shape[1]:
            self._room = torch.empty((2, max(m, STORE)), dtype=pairs.dtype, device=pairs.device)
            self._used = 0
        kept = self._room[:, self._used : self._used + m].copy_(pairs)
        self._used += m
        return kept


def _open(tile: torch.Tensor, reached: torch.Tensor, first: int) -> _Found:
    """Return the pairs of a tile above what is reached in their column, whose first is pool row `first`."""
    width = tile.shape[1]
    flat = torch.nonzero((tile > reached).view(-1)).view(-1)
    counts = torch.bincount(flat // width, minlength=len(tile))
    return counts, torch.stack([flat % width + first, whole(tile.view(-1)[flat]).to(torch.int64)]).to(torch.int32)


def _by_candidate(found: list[_Found]) -> _Found:
    """Return the pairs of one block of candidates with those of each candidate side by side."""
    counts = torch.stack([counts for counts, _ in found])
    each = counts.sum(0)
    # All pairs that were found together and are of one candidate move by the same distance.
    now = counts.view(-1).cumsum(0).view_as(counts) - counts
    then = (each.cumsum(0) - each) + counts.cumsum(0) - counts
    place = torch.repeat_interleave((then - now).view(-1), counts.view(-1))
    place += torch.arange(len(place), device=place.device)
    pairs = torch.cat([pairs for _, pairs in found], dim=1)
    merged = torch.empty_like(pairs)
    merged[:, place] = pairs
    return each, merged


def _starts(counts: torch.Tensor) -> list[int]:
    return [0, *counts.cumsum(0).tolist()]


def _sums(values: torch.Tensor, starts: list[int]) -> torch.Tensor:
    """Return the sums of consecutive stretches of whole numbers, int64; `starts` ends with the end of the last."""
    upto = torch.cat([values.new_zeros(1, dtype=torch.int64), values.cumsum(0, dtype=torch.int64)])
    return upto[torch.tensor(starts, device=values.device)].diff()

"""The pairs of candidate and pool row that can still add to coverage, kept once they are few."""

from collections import defaultdict
from typing import NamedTuple

import torch

from mig_dagster.selection.exact_cosines import BLOCK, block_pairs, products, whole


class Part(NamedTuple):
    """Pairs of a block of candidates, in order of candidates."""

    counts: torch.Tensor
    """(b,) int64: how many pairs each candidate has."""
    columns: torch.Tensor
    """int32: the pool rows."""
    cosines: torch.Tensor
    """int32, in UNITs."""


class OpenPairs:
    """Pairs whose cosine is above what is reached at the pool row: no other pair adds anything, now or later.

    What is reached only rises, so pairs close and never open. A pair takes 8 bytes.
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
        self._blocks: list[tuple[list[int], Part]] = []
        waiting: defaultdict[int, list[Part]] = defaultdict(list)
        for rows, columns, mirrored, last in block_pairs(candidates, pool):
            tile = products(candidates[rows], pool[columns])
            waiting[rows.start].append(_open(tile, reached[columns], columns.start))
            if mirrored:
                waiting[columns.start].append(_open(tile.T.contiguous(), reached[rows], rows.start))
            if last:
                self._keep(_merged(waiting.pop(rows.start)))

    def close(self) -> torch.Tensor:
        """Forget pairs that add nothing any more, and return what every candidate would add: (c,) int64 UNITs."""
        blocks, self._blocks = self._blocks, []
        gains = []
        for starts, part in blocks:
            added = part.cosines - self.reached[part.columns]
            still = added > 0
            counts = _sums(still, starts)
            gains.append(_sums(added.clamp_(min=0), starts))
            self._keep(Part(counts, part.columns[still], part.cosines[still]))
        return torch.cat(gains)

    def gains(self, rows: list[int]) -> torch.Tensor:
        """Return what each of some candidates would add, in UNITs, int64."""
        pairs = [self._pairs(row) for row in rows]
        starts = [0]
        for columns, _ in pairs:
            starts.append(starts[-1] + len(columns))
        reached = self.reached[torch.cat([columns for columns, _ in pairs])]
        return _sums(torch.cat([cosines for _, cosines in pairs]).sub_(reached).clamp_(min=0), starts)

    def take(self, row: int) -> None:
        """Raise what is reached to the cosines of a candidate."""
        columns, cosines = self._pairs(row)
        self.reached[columns] = torch.maximum(self.reached[columns], cosines)

    def _pairs(self, row: int) -> tuple[torch.Tensor, torch.Tensor]:
        starts, part = self._blocks[row // self._size]
        at = slice(*starts[row % self._size : row % self._size + 2])
        return part.columns[at], part.cosines[at]

    def _keep(self, part: Part) -> None:
        self._blocks.append(([0, *part.counts.cumsum(0).tolist()], part))


def _sums(values: torch.Tensor, starts: list[int]) -> torch.Tensor:
    """Return the sums of consecutive stretches of whole numbers, int64; `starts` ends with the end of the last."""
    upto = torch.cat([values.new_zeros(1, dtype=torch.int64), values.cumsum(0, dtype=torch.int64)])
    return upto[torch.tensor(starts, device=values.device)].diff()


def _open(tile: torch.Tensor, reached: torch.Tensor, first: int) -> Part:
    """Return the pairs of a tile above what is reached in their column; `first` is the pool row of its first column."""
    b, width = tile.shape
    flat = torch.nonzero((tile > reached).view(-1)).view(-1)
    counts = torch.bincount(flat // width, minlength=b)
    return Part(counts, (flat % width + first).to(torch.int32), whole(tile.view(-1)[flat]).to(torch.int32))


def _merged(parts: list[Part]) -> Part:
    """Return the pairs of one block of candidates with those of each candidate side by side."""
    counts = torch.stack([part.counts for part in parts])
    each = counts.sum(0)
    # All pairs that one part has of one candidate move by the same distance.
    now = counts.view(-1).cumsum(0).view_as(counts) - counts
    then = (each.cumsum(0) - each) + counts.cumsum(0) - counts
    place = torch.repeat_interleave((then - now).view(-1), counts.view(-1))
    place += torch.arange(len(place), device=place.device)
    columns, cosines = torch.cat([part.columns for part in parts]), torch.cat([part.cosines for part in parts])
    return Part(
        each,
        torch.empty_like(columns).scatter_(0, place, columns),
        torch.empty_like(cosines).scatter_(0, place, cosines),
    )

"""Which rows can be among the nearest of a row: a float32 product finds them all, and few more.

Where it leaves many in doubt, as among near-copies, a float64 product is taken of the same rows.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from mig_dagster.selection.base import Rows, Vector
from mig_dagster.selection.centred import Centred
from mig_dagster.selection.rounded_products import float32_error, float64_error, full_precision

CELLS = 2**24
"""Distances held at once: 64 MiB in float32; half as many in float64."""
GROUP = 32
"""Rows of which only the nearest is looked at first."""
PAIRS = 2**19
"""Pairs yielded at once: so many, and those of one row."""
FEW = 4
"""Times as many pairs as are wanted: no more are no reason for a product in float64."""
MANY = 1 / 32
"""Share of all pairs from which on a product in float64 of all is quicker than the differences of those in doubt."""


class NearPairs:
    """Rows and the rows that can be among the nearest of each.

    Args:
        vectors: (n, d) n at least 2, the largest number within 2 ** -64 and 2 ** 64, or all 0.
        count: how many of the nearest are wanted, 1..n - 1.
        device: where to compare them.
    """

    def __init__(self, vectors: NDArray[np.float32] | NDArray[np.float64], count: int, device: torch.device) -> None:
        n = len(vectors)
        self.centred = Centred(vectors)
        self.count = count
        self.device = device
        # At least `count` groups have another row than the row itself.
        self.group = max(1, min(GROUP, n // (4 * count)))
        padded = -(-n // self.group) * self.group
        room = CELLS // (1 + 4 // self.group)  # small groups take up memory of their own
        self.block = min(n, max(1, room // padded))
        self.coarse = _Bounds(self.centred, torch.float32, self.block, self.group, device)
        self.fine: _Bounds | None = None

    def blocks(self) -> Iterator[tuple[Rows, Rows, Rows]]:
        """Yield blocks of rows, and pairs: rows of the block in rising order, and for each all rows it may be near to.

        No pair has a row twice. For every row the `count` others nearest by squared distance, as float64 has it from
        differences, are among its pairs, also where rounding decides which they are.
        """
        for rows in _slices(0, self.centred.n, self.block):
            near = self.coarse.near(rows, self.count)
            if near.pairs_exceed(max(FEW * self.count, int(MANY * self.centred.n))):
                yield from self._finely(rows)
            else:
                yield from near.pairs()

    def _finely(self, rows: slice) -> Iterator[tuple[Rows, Rows, Rows]]:
        half = max(1, self.block // 2)
        if self.fine is None:
            self.fine = _Bounds(self.centred, torch.float64, half, self.group, self.device)
        for part in _slices(rows.start, rows.stop, half):
            yield from self.fine.near(part, self.count).pairs()


class _Near(NamedTuple):
    """Lower bounds of a block of rows, and up to where they leave a row in doubt."""

    rows: slice
    bounds: torch.Tensor
    """(rows, groups, rows of a group)"""
    limit: torch.Tensor
    """(rows,)"""
    open: torch.Tensor
    """(rows, groups) whether a group has a row in doubt."""

    def pairs_exceed(self, each: int) -> bool:
        """Return whether there are more than so many pairs for each row."""
        most = each * len(self.limit)
        if int(torch.count_nonzero(self.open)) * self.bounds.shape[2] <= most:
            return False
        return int(torch.count_nonzero(self.bounds <= self.limit[:, None, None])) > most

    def pairs(self) -> Iterator[tuple[Rows, Rows, Rows]]:
        """Yield the pairs in doubt, for some rows at once, as `NearPairs.blocks`."""
        size = self.bounds.shape[2]
        upto = np.cumsum(self.open.sum(dim=1).cpu().numpy() * size)
        part = np.concatenate([[0], upto[:-1]]) // PAIRS
        cuts = [0, *(np.flatnonzero(np.diff(part)) + 1).tolist(), len(part)]
        for start, end in pairwise(cuts):
            row, group = torch.nonzero(self.open[start:end], as_tuple=True)
            in_doubt = self.bounds[start:end][row, group] <= self.limit[start:end][row, None]
            pair, place = torch.nonzero(in_doubt, as_tuple=True)
            first = self.rows.start + start
            one, other = (row[pair] + first).cpu().numpy(), (group[pair] * size + place).cpu().numpy()
            yield np.arange(first, self.rows.start + end), one, other


class _Bounds:
    """Lower bounds on distances, by a matrix product in one precision.

    Of x to y it bounds |y|^2 / 2 - xy, which is half the squared distance less what is the same for all y. The product
    is off by at most `error` (|x| |y| + |y|^2 / 2). One more component of the vectors, `error` |x| and |y|, takes that
    off within the product. `error` has room too for the rounding of the distances that are measured later, so that
    the nearest by these are never left out.
    """

    def __init__(self, centred: Centred, dtype: torch.dtype, block: int, group: int, device: torch.device) -> None:
        n, d = centred.n, centred.d
        padded = -(-n // group) * group
        self.d = d
        self.group = group
        self.measured = float64_error(d)  # half a measured square is off by it times (|x|^2 + 2 |x| |y| + |y|^2) / 2
        self.error = (float32_error(d + 8) if dtype == torch.float32 else float64_error(d + 8)) + self.measured
        self.least = 16 * (d + 2) * torch.finfo(dtype).tiny  # numbers below `tiny` can become 0
        self.vectors = torch.zeros((padded, d + 1), dtype=dtype, device=device)
        squares: Vector = np.zeros(padded)
        for start, rows in centred.chunks():
            part = torch.from_numpy(rows).to(dtype)
            self.vectors[start : start + len(rows), :d] = part.to(device)
            squares[start : start + len(rows)] = np.einsum("nd,nd->n", part.numpy(), part.numpy(), dtype=np.float64)
        lengths = np.sqrt(squares)
        self.vectors[:, d] = self._tensor(lengths)
        halves = squares / 2 * (1 - self.error)
        halves[n:] = np.inf
        self.halves = self._tensor(halves)
        self.group_lengths = self._tensor(lengths.reshape(-1, group).max(axis=1))
        self.group_halves = self._tensor(squares.reshape(-1, group).max(axis=1) / 2)
        self.cells = torch.empty((block, padded), dtype=dtype, device=device)

    def _tensor(self, numbers: Vector) -> torch.Tensor:
        return torch.from_numpy(numbers).to(self.vectors)

    def near(self, rows: slice, count: int) -> _Near:
        """Return which rows can be among the `count` nearest of each of some rows."""
        x = self.vectors[rows].clone()
        lengths = x[:, self.d].clone()
        x[:, self.d] *= self.error
        cells = self.cells[: len(x)]
        with full_precision(cells.device):
            torch.addmm(self.halves, x, self.vectors.T, alpha=-1, out=cells)
        at = torch.arange(len(x), device=cells.device)
        cells[at, at + rows.start] = torch.inf
        bounds = cells.view(len(x), -1, self.group)
        least = bounds.amin(dim=2)
        # The row at this lower bound is no farther than this: so many groups have such a row, so the count-th nearest
        # is no farther than the count-th of these.
        most = torch.outer(lengths, self.group_lengths).add_(self.group_halves).mul_(2 * self.error).add_(least)
        limit = torch.topk(most, count, dim=1, largest=False).values[:, -1]
        limit += lengths.square() * self.measured + self.least
        return _Near(rows, bounds, limit, least <= limit[:, None])


def _slices(start: int, stop: int, step: int) -> Iterator[slice]:
    for at in range(start, stop, step):
        yield slice(at, min(at + step, stop))

"""Which rows can be among the nearest of a row: a float32 product finds them all, and few more."""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from mig_dagster.selection.base import Rows, Vector
from mig_dagster.selection.rounded_products import float32_error, full_precision

CELLS = 2**24
"""Distances held at once: 64 MiB."""
GROUP = 32
"""Rows of which only the nearest is looked at first."""


class NearPairs:
    """Rows and the rows that can be among the nearest of each.

    Args:
        vectors: (n, d) float32; n at least 2. Exact distances may be of vectors that were rounded to these.
        count: how many of the nearest are wanted, 1..n - 1.
        device: where to compare them.
    """

    def __init__(self, vectors: NDArray[np.float32], count: int, device: torch.device) -> None:
        self.device = device
        self.count = count
        n, d = vectors.shape
        # At least `count` groups have another row than the row itself.
        self.group = max(1, min(GROUP, n // (4 * count)))
        padded = -(-n // self.group) * self.group
        self.vectors = torch.zeros((padded, d), dtype=torch.float32, device=self.device)
        self.vectors[:n] = torch.from_numpy(vectors).to(self.device)
        squares: Vector = np.einsum("nd,nd->n", vectors, vectors, dtype=np.float64)
        halves = np.full(padded, np.inf, np.float32)
        halves[:n] = squares / 2
        self.halves = torch.from_numpy(halves).to(self.device)
        self.cells = torch.empty((min(n, max(1, CELLS // padded)), padded), device=self.device, dtype=torch.float32)
        lengths = np.sqrt(squares)
        longest = lengths.max()
        # Compared is |y|^2 / 2 - xy, half a squared distance less what is the same for all y; off by at most half this.
        self.slack = 2 * float32_error(d) * (lengths * longest + longest**2 / 2)

    def blocks(self) -> Iterator[tuple[Rows, Rows, Rows]]:
        """Yield blocks of rows, and pairs: rows of the block in rising order, and for each all rows it may be near to.

        No pair has a row twice. For every row the `count` nearest others, by exact distance, are among its pairs.
        """
        n, block = len(self.slack), len(self.cells)
        for start in range(0, n, block):
            rows = np.arange(start, min(start + block, n))
            one, other = self._near(rows)
            yield rows, one, other

    def _near(self, rows: Rows) -> tuple[Rows, Rows]:
        at = torch.from_numpy(rows).to(self.device)
        cells = self.cells[: len(rows)]
        with full_precision(self.device):
            torch.addmm(self.halves, self.vectors[at], self.vectors.T, alpha=-1, out=cells)
        cells[torch.arange(len(rows), device=self.device), at] = torch.inf
        grouped = cells.view(len(rows), -1, self.group)
        least = grouped.amin(dim=2)
        # So many groups have a row at most this far, so the count-th nearest row is no farther; twice the error of one
        # distance is all by which the order of two can be wrong.
        limit = torch.topk(least, self.count, dim=1, largest=False).values[:, -1]
        limit = limit + torch.from_numpy(self.slack[rows].astype(np.float32)).to(self.device)
        row, group = torch.nonzero(least <= limit[:, None], as_tuple=True)
        pair, place = torch.nonzero(grouped[row, group] <= limit[row, None], as_tuple=True)
        return rows[row[pair].cpu().numpy()], (group[pair] * self.group + place).cpu().numpy()

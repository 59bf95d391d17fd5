"""Cosines whose sums come out the same in any order, so that equal gains are equal to the last bit, everywhere."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike

from mig_dagster.selection.arguments import check_embeddings
from mig_dagster.selection.unit_vectors import unit_vectors

UNIT = 2.0**-30
"""Cosines are rounded to whole multiples of it, and counted in them: whole numbers add up without rounding."""
GRID = 2.0**26
"""Components are rounded to multiples of 1 / GRID and kept as float32, which is exact below 1/4 and coarser above:
steps of 2 ** -25, from 1/2 on 2 ** -24. A product of two is then a multiple of 2 ** -52 and no partial sum for a cosine
reaches 2, so float64 holds each without rounding: in any order of summation, on any machine."""
ONE = 1 / UNIT
NEAR_ONE = ONE * (1 - 2.0**-22)
"""Cosines above it count as 1, so that every row stands for itself and its copies by exactly 1. Two rows that stand for
each other and for no one else add exactly the same, often: rounding must not decide between them."""
SCALE = UNIT**-0.5
"""Grid vectors have this length, so that their products are in UNITs."""
BLOCK = {"cpu": 1024, "cuda": 8192}
"""Rows compared at once with as many others: 8 MiB of float64 stay in a CPU's cache; a GPU wants more work a call."""
CHUNK = 8192
"""Rows normalised at once: no float64 copy of the whole pool."""


def grid_vectors(row_embeddings: ArrayLike, device: torch.device) -> torch.Tensor:
    """Return unit vectors on the grid, times `SCALE`: float32 (n, d) on `device`, new.

    The grid moves a vector by at most sqrt(d) half steps, float32 by 2 ** -24 of its length, and a cosine moves by what
    both vectors do: less than 2.02 (sqrt(d) / (2 GRID) + 2 ** -24), 4.2e-7 for d = 384; 1 % of that is for float64.
    About 1e-7 was met at most with 8 numbers, 4e-8 with 384. Equal rows give equal vectors. A row of zeros stays as it
    is: its cosine with every row counts as 0.

    Raises:
        ValueError: as `check_embeddings`.
    """
    given = check_embeddings(row_embeddings)
    vectors = torch.empty(given.shape, dtype=torch.float32, device=device)
    for start in range(0, len(given), CHUNK):
        units = unit_vectors(given[start : start + CHUNK])
        vectors[start : start + CHUNK] = torch.from_numpy(np.rint(units * GRID) * (SCALE / GRID)).to(device)
    return vectors


class Room:
    """Memory for tiles of one shape after the other, used again and again.

    Tiles that come and go among small tensors that stay would leave memory in pieces, at several times the peak.
    """

    def __init__(self, dtype: torch.dtype, device: torch.device) -> None:
        self._memory = torch.empty(0, dtype=dtype, device=device)

    def of(self, rows: int, columns: int) -> torch.Tensor:
        """Return an uninitialised matrix, which the next one overwrites."""
        if rows * columns > len(self._memory):
            self._memory = torch.empty(rows * columns, dtype=self._memory.dtype, device=self._memory.device)
        return self._memory[: rows * columns].view(rows, columns)


class Products:
    """Cosines of grid vectors, exact."""

    def __init__(self, device: torch.device) -> None:
        self._left, self._right, self._tile = (Room(torch.float64, device) for _ in range(3))

    def of(self, rows: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
        """Return those of (a, d) with (b, d): float64 (a, b), UNITs, not yet `whole`. The next call overwrites it."""
        left, right = self._left.of(*rows.shape).copy_(rows), self._right.of(*columns.shape).copy_(columns)
        return torch.mm(left, right.T, out=self._tile.of(len(rows), len(columns)))

    def by_block(self, rows: torch.Tensor, columns: torch.Tensor) -> Iterator[tuple[slice, torch.Tensor]]:
        """Yield those of some rows with a block of columns at a time, and which columns."""
        size = BLOCK[columns.device.type]
        for start in range(0, len(columns), size):
            at = slice(start, start + size)
            yield at, self.of(rows, columns[at])


def whole(products: torch.Tensor) -> torch.Tensor:
    """Return products as cosines in whole UNITs; overwrites them."""
    products.round_()
    return products.masked_fill_(products > NEAR_ONE, ONE)


class BlockPair(NamedTuple):
    """A block of rows and a block of columns to compare."""

    rows: slice
    columns: slice
    mirrored: bool
    """The comparison also says how the columns, as rows, compare with the rows, as columns."""
    last: bool
    """Nothing more comes for these rows."""


def block_pairs(rows: torch.Tensor, columns: torch.Tensor) -> Iterator[BlockPair]:
    """Yield blocks so that each row meets each column; two rows meet only once where both are the same tensor."""
    size = BLOCK[rows.device.type]
    same = rows is columns
    for start in range(0, len(rows), size):
        for at in range(start if same else 0, len(columns), size):
            last = at + size >= len(columns)
            yield BlockPair(slice(start, start + size), slice(at, at + size), same and at > start, last)

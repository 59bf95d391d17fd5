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
"""Components are rounded to multiples of 1 / GRID. A product of two is then a multiple of 2 ** -52 and no partial sum
for a cosine reaches 2, so float64 holds each without rounding: in any order of summation, on any machine."""
ONE = 1 / UNIT
NEAR_ONE = ONE * (1 - 2.0**-22)
"""Cosines above it count as 1, so that every row stands for itself and its copies by exactly 1. Two rows that stand for
each other and for no one else add exactly the same, often: rounding must not decide between them."""
SCALE = UNIT**-0.5
"""Grid vectors have this length, so that their products are in UNITs."""
BLOCK = {"cpu": 1024, "cuda": 8192}
"""Rows compared at once with as many others: 8 MiB of float64 stay in a CPU's cache; a GPU wants more work a call."""
CHUNK = 65_536
"""Rows normalised at once: no float64 copy of the whole pool."""


def grid_vectors(row_embeddings: ArrayLike, device: torch.device) -> torch.Tensor:
    """Return unit vectors on the grid, times `SCALE`: float32 (n, d) on `device`, new.

    Cosines differ by about 6e-9 from those of the vectors given, which as float32 are good to 6e-8. Equal rows give
    equal vectors. A row of zeros stays as it is: its cosine with every row counts as 0.

    Raises:
        ValueError: as `check_embeddings`.
    """
    given = check_embeddings(row_embeddings)
    vectors = torch.empty(given.shape, dtype=torch.float32, device=device)
    for start in range(0, len(given), CHUNK):
        units = unit_vectors(given[start : start + CHUNK])
        units = units.astype(np.float32).astype(np.float64)  # above 1/4 float32 is coarser than the grid, below finer
        vectors[start : start + CHUNK] = torch.from_numpy(np.rint(units * GRID) * (SCALE / GRID)).to(device)
    return vectors


def products(rows: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
    """Return the cosines of grid vectors (a, d) with grid vectors (b, d): float64 (a, b), in UNITs, not yet `whole`."""
    return torch.mm(rows.double(), columns.double().T)


def whole(products: torch.Tensor) -> torch.Tensor:
    """Return products as cosines in whole UNITs; overwrites them."""
    products.round_()
    return products.masked_fill_(products > NEAR_ONE, ONE)


def products_by_block(rows: torch.Tensor, columns: torch.Tensor) -> Iterator[tuple[slice, torch.Tensor]]:
    """Yield `products` of some rows with a block of columns at a time, and which columns."""
    size = BLOCK[columns.device.type]
    for start in range(0, len(columns), size):
        at = slice(start, start + size)
        yield at, products(rows, columns[at])


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

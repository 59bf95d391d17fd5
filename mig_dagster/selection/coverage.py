"""Facility location: how well the rows taken stand for the whole pool, and what one more would add.

d(A) = sum over pool rows v of the highest cosine of v with a row of A, 0 where that is negative or A is empty.
"""

import math

import numpy as np
import torch
from numpy.typing import ArrayLike

from mig_dagster.selection.arguments import check_rows
from mig_dagster.selection.base import Rows, Vector
from mig_dagster.selection.devices import check_device
from mig_dagster.selection.exact_cosines import (
    BLOCK,
    UNIT,
    Products,
    block_pairs,
    grid_vectors,
    whole,
)
from mig_dagster.selection.open_pairs import OpenPairs
from mig_dagster.selection.rounded_products import float32_error, full_precision

PAIRS = 64_000_000
"""Open pairs are kept from when there are this many: 770 MB while they are collected, then 510 MB and less."""
GPU_SHARE = 1 / 32
"""Open pairs that are kept on a GPU, per free byte of it: a quarter of what is free."""
GROWTH = 4
"""Limits pay again after so many times as many rows: gains fall fast at first, then slower and slower."""
SAMPLE = 512
"""Pool rows at which open pairs are counted to estimate how many there are: good to about 5 %."""


def facility_location(rows: ArrayLike, row_embeddings: ArrayLike, *, device: str | None = None) -> float:
    """Return d(A) of some rows: n where each row of the pool has a copy among them, 0 of none.

    Time is n k d; memory 4 n d bytes and a few MB. The same to the last bit on any device. Cosines are rounded as
    `grid_vectors` says, by 1e-7 at most as met, and one within 2.4e-7 of 1 counts as 1: so far off is d(A) for each row
    of the pool at most, and far less as a rule, as roundings up and down cancel out.

    Args:
        rows: (k,) pool indices in any order.
        row_embeddings: (n, d) finite, of any length; a row of zeros is like no row, not even itself.
        device: None for "cpu"; "cuda" or "cuda:0" to compute there.

    Raises:
        ValueError: naming the argument, its value and what was expected.
    """
    pool = grid_vectors(row_embeddings, check_device(device or "cpu"))
    chosen = pool[torch.from_numpy(check_rows(rows, len(pool))).to(pool.device)]
    products, total = Products(pool.device), 0
    for part in torch.split(pool, BLOCK[pool.device.type]):
        reached = torch.zeros(len(part), dtype=torch.float64, device=pool.device)
        for _, tile in products.by_block(part, chosen):
            reached = torch.maximum(reached, tile.amax(dim=1))
        total += int(whole(reached).to(torch.int64).sum())
    return total * UNIT


class Coverage:
    """What is reached so far, and what each candidate would add.

    At first every gain compares a candidate with the whole pool. What is reached rises with every row taken, so fewer
    and fewer pairs can still add; from when they fit into memory they are kept, and a gain costs its own few pairs.
    Both ways give the same sums to the last bit. Never n x n.
    """

    def __init__(self, candidates: torch.Tensor, pool: torch.Tensor) -> None:
        """Start with no row taken.

        Args:
            candidates: (c, d) grid vectors of the rows that can be taken.
            pool: (v, d) grid vectors of the rows to stand for; the same tensor where they are the same rows.
        """
        self._candidates = candidates
        self._pool = pool
        self._reached = torch.zeros(len(pool), dtype=torch.float64, device=pool.device)  # m, in whole UNITs
        self._open: OpenPairs | None = None
        self._taken = 0
        self.look_again = 1
        """How many rows, of all taken, to wait for before `limits` pays again."""
        self._products = Products(pool.device)

    def limits(self) -> Vector:
        """Return what every candidate would add to d(A), or slightly more: (c,). Looks at the whole pool."""
        self.look_again = max(1, GROWTH * self._taken)
        if self._open is None and self._taken:
            self._keep_pairs_if_few()
        if self._open is not None:
            return _in_cosines(self._open.close())
        with full_precision(self._pool.device):
            return _in_cosines(self._float32_limits())

    def gains(self, rows: Rows) -> Vector:
        """Return what each of some candidates would add to d(A): d(A + a) - d(A)."""
        if self._open is not None:
            return _in_cosines(self._open.gains(rows.tolist()))
        vectors = self._candidates[torch.from_numpy(rows).to(self._candidates.device)]
        total = torch.zeros(len(rows), dtype=torch.int64, device=vectors.device)
        for at, tile in self._products.by_block(vectors, self._pool):
            total += whole(tile).sub_(self._reached[at]).clamp_(min=0).sum(1).to(torch.int64)
        return _in_cosines(total)

    def take(self, row: int) -> None:
        """Add a candidate to A: m = max(m, its cosines)."""
        self._taken += 1
        if self._open is not None:
            self._open.take(row)
            return
        for at, tile in self._products.by_block(self._candidates[row : row + 1], self._pool):
            self._reached[at] = torch.maximum(self._reached[at], whole(tile[0]))

    def value(self) -> float:
        """Return d(A)."""
        reached = self._reached if self._open is None else self._open.reached
        return int(reached.to(torch.int64).sum()) * UNIT

    def _float32_limits(self) -> torch.Tensor:
        """Return limits on what every candidate would add, in UNITs, from products in float32, at twice the speed.

        Where a float32 cosine can be too low by its error, what is reached is taken to be lower by as much. Of the
        d + 8 roundings of `float32_error` the product needs d, the subtraction and what is reached one each; 4 of the
        others are the 2 ** -22 by which a cosine that counts as 1 can be below 1. A sum of b positive numbers is at
        most b roundings too low, in any order of summation.
        """
        reached = (self._reached - float32_error(self._pool.shape[1]) / UNIT).float()
        total = torch.zeros(len(self._candidates), dtype=torch.float64, device=self._pool.device)
        for rows, columns, mirrored, _ in block_pairs(self._candidates, self._pool):
            tile = torch.mm(self._candidates[rows], self._pool[columns].T)
            if mirrored:
                total[columns] += (tile - reached[rows, None]).clamp_(min=0).sum(0)
            total[rows] += tile.sub_(reached[columns]).clamp_(min=0).sum(1)
        return total * (1 + BLOCK[self._pool.device.type] * 2.0**-23)  # 2 ** -24 each, and as much to spare

    def _keep_pairs_if_few(self) -> None:
        """Keep the open pairs if there is room, or look again when there will be, if that is not far."""
        pairs, room = self._expected_pairs(), self._room()
        if pairs <= room:
            self._open = OpenPairs(self._candidates, self._pool, self._reached)
            return
        few = self._taken * max(1.25, 1.1 * pairs / max(room, 1))  # pairs fall about as one over the rows taken
        if few <= 2 * self.look_again:
            self.look_again = math.ceil(few)

    def _expected_pairs(self) -> float:
        """Return about how many pairs are open, counted at a few rows spread over the pool."""
        some = torch.arange(0, len(self._pool), max(1, len(self._pool) // SAMPLE), device=self._pool.device)
        reached = self._reached[some, None]
        tiles = self._products.by_block(self._pool[some], self._candidates)
        return sum(int((tile > reached).sum()) for _, tile in tiles) * len(self._pool) / len(some)

    def _room(self) -> float:
        if self._pool.device.type == "cpu":
            return PAIRS
        return max(PAIRS, torch.cuda.mem_get_info(self._pool.device)[0] * GPU_SHARE)


def _in_cosines(units: torch.Tensor) -> Vector:
    values: Vector = units.cpu().numpy().astype(np.float64) * UNIT
    return values

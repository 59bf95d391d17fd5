"""Lazy greedy for gains that are computed a block of rows at a time."""

from collections.abc import Callable
from heapq import heapify, heappop, heappush

import numpy as np

from mig_dagster.selection.base import NEAR, Rows, Vector
from mig_dagster.selection.twins import NO_TWIN

MOST = 1024
"""Rows in a block at most, however it grows: scoring costs more than calling by then, and memory stays small."""
LOOKED_AT = 64
"""Rows scored at a rank to look for a near-tie, at most."""


def block_lazy(
    k: int,
    limits: Vector,
    gains_of: Callable[[Rows], Vector],
    take: Callable[[int], None],
    block: int = 1,
    *,
    growth: int = 1,
    waiting: Rows | None = None,
    near_ties: list[int] | None = None,
) -> tuple[Rows, Vector]:
    """Take `k` times the row of highest gain, the lowest of equals: what scoring every row at every step would take.

    Holds only where gains never rise: a gain computed earlier, and a limit given, must be at least the gain as it is
    computed later. Then a row is scored again only while its old gain is above the best gain of now.

    Args:
        k: at most n.
        limits: (n,) no gain is above its limit; not changed. A row whose limit or gain is -inf is never taken, nor is
            one that waits for it.
        gains_of: gains of some rows, now.
        take: called with each row taken, before anything is scored again.
        block: how many rows to score at once; changes the time, not the rows.
        growth: by what a block of the same step is larger than the one before, up to `MOST`; changes the time only.
        waiting: (n,) the row that cannot come before this one, as it never has a higher gain nor, of equal ones, a
            lower number; or `NO_TWIN`. At most one waits for a row; it is not scored until that is taken.
        near_ties: gets the ranks, from 1, at which another row came within `NEAR` of the one taken; None not to look.

    Returns:
        (k,) rows in the order taken, (k,) gains; fewer when the rows that can be taken run out.
    """
    heap = _open(limits, waiting)
    behind = [NO_TWIN] * len(limits) if waiting is None else waiting.tolist()
    rows: list[int] = []
    gains: list[float] = []
    while len(rows) < k and heap:
        _score_top(heap, gains_of, block, growth)
        if heap:
            key, row = heappop(heap)
            if near_ties is not None and _any_near(heap, key, gains_of):
                near_ties.append(len(rows) + 1)
            take(row)
            rows.append(row)
            gains.append(-key)
            if behind[row] != NO_TWIN:
                heappush(heap, (key, behind[row]))
    return np.array(rows, np.int64), np.array(gains, np.float64)


def _open(limits: Vector, waiting: Rows | None) -> list[tuple[float, int]]:
    """Return the heap of the rows that can be taken and wait for no other."""
    first = np.ones(len(limits), bool)
    if waiting is not None:
        first[waiting[waiting != NO_TWIN]] = False
    rows = np.flatnonzero(first & (limits > -np.inf))
    heap = list(zip((-limits[rows]).tolist(), rows.tolist(), strict=True))
    heapify(heap)
    return heap


def _score_top(heap: list[tuple[float, int]], gains_of: Callable[[Rows], Vector], block: int, growth: int) -> None:
    """Score rows at the top of the heap until one scored now is there, or none is left."""
    fresh: set[int] = set()
    while heap and heap[0][1] not in fresh:
        stale = _stale(heap, fresh, block)
        fresh.update(stale)
        for row, gain in zip(stale, gains_of(np.array(stale, np.int64)).tolist(), strict=True):
            if gain > -np.inf:
                heappush(heap, (-gain, row))
        block = max(block, min(block * growth, MOST))


def _stale(heap: list[tuple[float, int]], fresh: set[int], block: int) -> list[int]:
    """Remove up to `block` rows from the top of the heap, those that come before any row scored in this step."""
    rows: list[int] = []
    while heap and len(rows) < block and heap[0][1] not in fresh:
        rows.append(heappop(heap)[1])
    return rows


def _any_near(heap: list[tuple[float, int]], best: float, gains_of: Callable[[Rows], Vector]) -> bool:
    """Score the rows whose limits come within `NEAR` of the best key, and return whether a gain does."""
    level = best * (1 - NEAR)
    rows: list[int] = []
    while heap and heap[0][0] <= level and len(rows) < LOOKED_AT:
        rows.append(heappop(heap)[1])
    if not rows:
        return False
    gains = gains_of(np.array(rows, np.int64))
    for row, gain in zip(rows, gains.tolist(), strict=True):
        if gain > -np.inf:
            heappush(heap, (-gain, row))
    return bool(np.any((gains < -best) & (gains >= -level)))

"""Lazy greedy for gains that are computed a block of rows at a time."""

from collections.abc import Callable
from heapq import heapify, heappop, heappush

import numpy as np

from mig_dagster.selection.base import Rows, Vector


def block_lazy(
    k: int,
    limits: Vector,
    gains_of: Callable[[Rows], Vector],
    take: Callable[[int], None],
    block: int = 1,
) -> tuple[Rows, Vector]:
    """Take `k` times the row of highest gain, the lowest of equals: what scoring every row at every step would take.

    Holds only where gains never rise: a gain computed earlier, and a limit given, must be at least the gain as it is
    computed later. Then a row is scored again only while its old gain is above the best gain of now.

    Args:
        k: at most n.
        limits: (n,) no gain is above its limit; not changed. A row whose limit or gain is -inf is never taken.
        gains_of: gains of some rows, now.
        take: called with each row taken, before anything is scored again.
        block: how many rows to score at once; changes the time, not the rows.

    Returns:
        (k,) rows in the order taken, (k,) gains; fewer when the rows that can be taken run out.
    """
    open_rows = np.flatnonzero(limits > -np.inf)
    heap = list(zip((-limits[open_rows]).tolist(), open_rows.tolist(), strict=True))
    heapify(heap)
    rows: list[int] = []
    gains: list[float] = []
    while len(rows) < k and heap:
        fresh: set[int] = set()
        while heap and heap[0][1] not in fresh:
            stale = _stale(heap, fresh, block)
            fresh.update(stale)
            for row, gain in zip(stale, gains_of(np.array(stale, np.int64)).tolist(), strict=True):
                if gain > -np.inf:
                    heappush(heap, (-gain, row))
        if heap:
            key, row = heappop(heap)
            take(row)
            rows.append(row)
            gains.append(-key)
    return np.array(rows, np.int64), np.array(gains, np.float64)


def _stale(heap: list[tuple[float, int]], fresh: set[int], block: int) -> list[int]:
    """Remove up to `block` rows from the top of the heap, those that come before any row scored in this step."""
    rows: list[int] = []
    while heap and len(rows) < block and heap[0][1] not in fresh:
        rows.append(heappop(heap)[1])
    return rows

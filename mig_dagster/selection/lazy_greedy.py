"""Lazy greedy over a pool of any size: exactly the rows that scoring every row at every step would take.

Gains never rise, so an old gain is an upper limit on the new one. A pass over the pool (`PoolScan`) gives each row such
a limit; the few thousand highest go into a heap, and only rows at its top are scored again. When nothing in the heap is
certain to beat the rows left outside, another pass follows.

On the way it is noted at which ranks another row came within `NEAR` of the one taken: there the rounding of another
machine may decide otherwise. Bit-equal gains are no near-ties: the lowest row is taken by rule.
"""

from heapq import heapify, heappop, heappush
from typing import Protocol

import numpy as np

from mig_dagster.selection.base import NEAR, Rows, Vector
from mig_dagster.selection.pool_scan import Key, PoolScan
from mig_dagster.selection.twins import NO_TWIN

HOT = 4096  # rows in the heap: small enough to stay in cache, large enough that passes are few
TIES = 8
"""So many rows tied bit for bit at a rank are scored to look behind them for a near-tie."""
WIDEST = 65_536
"""A heap of fewer rows is widened for ties between it and the rows left outside, to look for near-ties there."""

Taken = tuple[int, float, bool]
"""A row, its gain, and whether another row came near it."""


class Rule(Protocol):
    """How gains are computed and what taking a row changes.

    `slack` is at least 1: a gain times `slack` is never below a later gain of the same row, as computed.
    """

    slack: float

    def worth(self) -> Vector:
        """Return (m,) what a row with weight 1 gains for carrying a label, first order, now."""

    def attach(self, rows: Rows, limits: Vector) -> Vector:
        """Make `rows` ready for `gain` and return limits on their gains, the given ones or lower."""

    def gain(self, row: int) -> float:
        """Return the gain of a row, now."""

    def take(self, row: int) -> None:
        """Take a row: what is known grows."""

    def repeat(self, row: int, twin: int) -> None:
        """Make `twin`, a row like `row` in all that counts, ready for `gain` too."""


class Purse(Protocol):
    """A budget beside the number of rows, from which every row that is taken is paid."""

    def pays(self, row: int) -> bool:
        """Pay for a row if enough is left, and say whether it was; one that was not paid for is passed over."""

    def too_dear(self) -> Rows:
        """Return the rows that are never paid for any more, those taken or not."""


def lazy_greedy(
    k: int, rule: Rule, scan: PoolScan, twins: Rows, hot: int = HOT, purse: Purse | None = None
) -> tuple[Rows, Vector, Rows]:
    """Take `k` times the row of highest gain, the lowest of equals: what Algorithm 1 of MIG takes.

    Args:
        k: at most the rows of the pool.
        rule: see `Rule`; its gains must never rise.
        scan: limits on the gains of all rows, at most `rule.slack` times a first-order gain.
        twins: (n,) see `next_twins`; a row waits until the one before it is taken.
        hot: how many rows to keep in the heap; changes the time, not the rows.
        purse: pays for the rows; None where they cost nothing. Twins cost the same.

    Returns:
        (k,) rows in the order taken, (k,) gains, and the ranks, from 1, of near-ties. Fewer rows where the purse
        pays for no more.
    """
    chosen: list[Taken] = []
    scan.limit(twins[twins != NO_TWIN], -1.0)
    size = hot
    while len(chosen) < k:
        if purse is not None:
            scan.limit(purse.too_dear(), -1.0)
        rows, limits, last = scan.highest(rule.worth(), size)
        if not len(rows):
            break
        limits = rule.attach(rows, limits)
        heap = list(zip((-limits).tolist(), rows.tolist(), strict=True))
        heapify(heap)
        taken = _drain(k - len(chosen), rule, heap, last, twins, widen=size < WIDEST, purse=purse)
        chosen += taken
        scan.limit(np.array([row for _, row in heap], np.int64), np.array([-key for key, _ in heap]))
        scan.limit(np.array([row for row, _, _ in taken], np.int64), -1.0)
        size = hot if taken else 2 * size  # limits may hide a tie between the heap and the rest: look further
    rows = np.array([row for row, _, _ in chosen], np.int64)
    near = np.array([near for _, _, near in chosen], np.bool_)
    return rows, np.array([gain for _, gain, _ in chosen]), np.flatnonzero(near) + 1


def _drain(
    k: int, rule: Rule, heap: list[Key], last: Key, twins: Rows, *, widen: bool, purse: Purse | None
) -> list[Taken]:
    """Take up to `k` rows from the heap while the best of it comes before `last`, and not nearly at its level.

    Nor exactly at its level where the heap is to be widened then.
    """
    taken: list[Taken] = []
    edge = last[0] * (1 + 2 * NEAR)
    while len(taken) < k and heap:
        best, near = _best(rule, heap)
        if best > last or (edge <= best[0] < 0 and (widen or best[0] != last[0])):
            heappush(heap, (best[0] * rule.slack, best[1]))
            break
        key, row = best
        if purse is not None and not purse.pays(row):
            continue
        rule.take(row)
        taken.append((row, -key, near))
        twin = int(twins[row])
        if twin != NO_TWIN:
            rule.repeat(row, twin)
            heappush(heap, (key * rule.slack, twin))
    return taken


def _best(rule: Rule, heap: list[Key]) -> tuple[Key, bool]:
    """Remove and return the row of smallest key, as of now, and whether another row of the heap is near it."""
    scored: list[Key] = []
    best: Key = (1.0, -1)  # after every key, since gains are at least 0
    while heap and heap[0] < best:
        row = heappop(heap)[1]
        key = (-rule.gain(row), row)
        scored.append(key)
        best = min(best, key)
    level, near = best[0] * (1 - NEAR), False
    if heap and heap[0][0] <= level < 0:
        scored += _scored_near(rule, heap, best, level)
    for key in scored:
        near = near or best[0] < key[0] <= level
        if key is not best:
            heappush(heap, (key[0] * rule.slack, key[1]))
    return best, near


def _scored_near(rule: Rule, heap: list[Key], best: Key, level: float) -> list[Key]:
    """Remove, score and return rows of the heap whose limits reach `level`, until one of them is a near-tie."""
    scored: list[Key] = []
    ties = 0
    while heap and heap[0][0] <= level and ties < TIES:
        row = heappop(heap)[1]
        scored.append((-rule.gain(row), row))
        if best[0] < scored[-1][0] <= level:
            break
        ties += scored[-1][0] == best[0]
    return scored

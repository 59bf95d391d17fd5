"""Two choices compared rank by rank: bit for bit, or up to near-ties, where another machine may decide otherwise."""

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from mig_dagster.selection.base import NEAR


@dataclass(frozen=True)
class Pick:
    """What two choices have at one rank; None where a choice has no such rank."""

    rank: int
    row: str | None
    gain: float | None
    row_now: str | None
    gain_now: float | None


@dataclass(frozen=True)
class Flip:
    """A near-tie that was decided otherwise.

    Attributes:
        pick: what both choices have at the near-tie.
        until: the first rank at which both choices hold the same rows again; None where they never do.
        apart: how many rows each has that the other has not, where they never do; else 0.
    """

    pick: Pick
    until: int | None
    apart: int


def same_bits(stored: pl.DataFrame, now: pl.DataFrame) -> bool:
    """Return whether two choices have the same rows in the same order, with the same values to the last bit."""
    return stored.equals(now) and bool(np.array_equal(_bits(stored), _bits(now)))


def first_difference(stored: pl.DataFrame, now: pl.DataFrame) -> Pick:
    """Return the first rank at which two choices that are not the same differ: in its row, its gain or a value."""
    both = min(stored.height, now.height)
    differs = pl.Series(_bits(stored)[:both] != _bits(now)[:both])
    for column in stored.columns:
        differs |= stored[column][:both].ne_missing(now[column][:both])
    place = differs.arg_max() if differs.any() else both
    assert place is not None, "one of the two has a row more"
    return next(iter(_picks(stored[place : place + 1], now[place : place + 1], place)))


def up_to_near_ties(
    stored: pl.DataFrame, now: pl.DataFrame, near_ties: Collection[int]
) -> tuple[list[Flip], Pick | None]:
    """Compare two choices that two machines made.

    While both hold the same rows, each rank must have the same row, with gains within `NEAR` of each other, but at a
    near-tie. From there on until both hold the same rows again every rank may differ: a greedy method goes on from what
    it has taken.

    Args:
        stored: `rank`, `row_id`, `gain`, by rank.
        now: likewise.
        near_ties: ranks, from 1, at which either choice was nearly another.

    Returns:
        The near-ties that were decided otherwise, and the first difference that no near-tie explains, if there is one.
    """
    flips: list[Flip] = []
    begun: Pick | None = None
    balance: Counter[str | None] = Counter()
    for pick in _picks(stored, now):
        if begun is None and not _alike(pick):
            if pick.rank not in near_ties or pick.row == pick.row_now or None in (pick.row, pick.row_now):
                return flips, pick
            begun = pick
        if begun is not None:
            balance[pick.row] += 1
            balance[pick.row_now] -= 1
            if not any(balance.values()):
                flips.append(Flip(begun, pick.rank, 0))
                begun = None
    if begun is not None:
        flips.append(Flip(begun, None, sum(count for count in balance.values() if count > 0)))
    return flips, None


def _alike(pick: Pick) -> bool:
    if pick.row != pick.row_now or pick.gain is None or pick.gain_now is None:
        return False
    return abs(pick.gain - pick.gain_now) <= NEAR * max(abs(pick.gain), abs(pick.gain_now))


def _picks(stored: pl.DataFrame, now: pl.DataFrame, before: int = 0) -> Iterator[Pick]:
    one, other = (list(zip(each["row_id"], each["gain"], strict=True)) for each in (stored, now))
    nothing = (None, None)
    for place in range(max(len(one), len(other))):
        here, there = (picks[place] if place < len(picks) else nothing for picks in (one, other))
        yield Pick(before + place + 1, *here, *there)


def _bits(rows: pl.DataFrame) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return rows["gain"].to_numpy().view(np.int64)

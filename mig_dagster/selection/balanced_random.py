"""BALANCED_RANDOM: take equally many rows from every source, at random within a source.

Paper       none of its own: the stratified baseline, which tells a method's choice of rows from its choice of sources
Reference   none
Departures  Against drawing k / (number of sources) from each:
            - a source with fewer rows gives all it has and the others share the rest (test_water_filling);
            - what does not divide evenly goes where a hash of the rows says, not to the first names
              (test_the_remainder_does_not_go_by_name_or_size);
            - every prefix is balanced too, so that a smaller budget is a slice (test_every_prefix_is_balanced).

Here      Shape
sources   (n,)  the source of every row
level     (n,)  how many rows of the same source come before it, in the order of `random`
"""

from collections.abc import Sequence

import numpy as np

from mig_dagster.selection.arguments import check_k, check_strings
from mig_dagster.selection.base import Rows, Selection, method
from mig_dagster.selection.random import hash_keys


@method
def balanced_random(k: int, *, row_ids: Sequence[str], sources: Sequence[str], seed: int = 42) -> Selection:
    """Choose equally many rows of every source, at random, the same ones whenever the pool and the seed are the same.

    Rows come in rounds: one of every source that still has any, in an order drawn anew each round. So the numbers two
    sources have in any prefix differ by at most one while both have rows left, and the choice for k is the start of the
    choice for any larger k. Within a source the order is that of `random`: rows that join insert themselves and move
    no other. Of rows with equal ids the lowest comes first.

    Args:
        k: how many rows, 0..n.
        row_ids: (n,) any text that names a row; what a row's chance hangs on.
        sources: (n,) where each row comes from.
        seed: any int.

    Returns:
        (k,) rows, round by round. A draw has no measure: every gain is 0.

    Raises:
        ValueError: if `k` is out of range or the lengths differ. TypeError where `k` or `seed` is no whole number or an
            id or a source no str.
    """
    ids = check_strings(row_ids, None, "row_ids")
    names = check_strings(sources, len(ids), "sources")
    k = check_k(k, len(ids))
    order, _ = draw_order(ids, names, seed)
    return Selection(order[:k].astype(np.int64), np.zeros(k))


def draw_order(row_ids: Sequence[str], sources: Sequence[str], seed: int) -> tuple[Rows, Rows]:
    """Return all rows in the order drawn, and (n,) how many rows of the same source come before each."""
    keys = hash_keys(row_ids, seed)
    # the first key ranks rows within their source, so a large source has small ones early: rounds need the other key
    levels = _levels(_numbers(sources), np.argsort(keys[:, 0], kind="stable"))
    return np.lexsort((keys[:, 1], levels)), levels


def _numbers(names: Sequence[str]) -> Rows:
    """Return (n,) a number for every name, equal for equal names."""
    number: dict[str, int] = {}
    return np.array([number.setdefault(name, len(number)) for name in names], np.int64)


def _levels(sources: Rows, order: Rows) -> Rows:
    """Return (n,) how many rows of the same source come before each in `order`."""
    grouped = order[np.argsort(sources[order], kind="stable")]
    sizes = np.bincount(sources)
    levels = np.empty(len(sources), np.int64)
    levels[grouped] = np.arange(len(sources)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return levels

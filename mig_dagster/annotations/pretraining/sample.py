"""Which conversations a model is trained on, and which it is held against: decided by row ids alone.

A row id is a hash: the rows with the smallest ids, or the smallest hashes of them, are drawn at random, and they are
the same ones in whatever order rows come.
"""

import heapq
import math
from collections.abc import Iterable, Sequence

from mig_dagster.conversation import hash_text


def sampled_ids(row_ids: Iterable[str], n: int, seed: int) -> list[str]:
    """Return up to n row ids, those of the smallest keys under the seed, in the order of the keys.

    Args:
        row_ids: distinct, in any order; only n of them are kept in memory.
        n: how many.
        seed: another one gives another sample.
    """
    return heapq.nsmallest(n, row_ids, key=lambda row_id: hash_text(f"{seed} {row_id}"))


def split_held_out(row_ids: Sequence[str], share: float, most: int) -> tuple[list[int], list[int]]:
    """Return the positions to train on and those held out, both in order; at least one is held out.

    Args:
        row_ids: distinct hashes.
        share: of the rows held out, rounded up.
        most: the most rows held out.
    """
    n = min(most, math.ceil(share * len(row_ids)))
    order = sorted(range(len(row_ids)), key=lambda i: row_ids[i])
    return sorted(order[n:]), sorted(order[:n])

"""RANDOM: take k rows by the hash of their id, so that a pool that grows keeps its choice.

Paper       the baseline of every comparison; Chen et al. 2025 (MIG), arXiv:2504.13835, appendix A.1, uses seed 42
Reference   xsample/MIG @ 7ad6af1, mig/sampler.py, RandomSampler (unlicensed: one call of Python's own `random.sample`)
Departures  - a row's place is the hash of seed and id, not a draw of positions: the order of the pool does not matter,
              and new rows only insert themselves, where `random.sample` draws another subset when one row is added
              (test_new_rows_only_insert_themselves, test_the_order_of_the_pool_does_not_matter);
            - the reference's own picks are `reference_random`, not a method: its answer for k is no prefix of its
              answer for more, and depends on positions (test_reference_random_draws_what_python_draws);
            - k = n works, the reference raises (test_k_equal_to_n_is_a_permutation).

Paper  Here         Shape
N      row_ids      (n,)    content hashes
-      hash_keys    (n, 2)  128 bits of BLAKE2b over seed and id; the first 64 are the order
"""

import random as standard_library
from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from mig_dagster.selection.arguments import check_k, check_strings, check_whole
from mig_dagster.selection.base import Rows, Selection, method

Keys = NDArray[np.uint64]


@method
def random(k: int, *, row_ids: Sequence[str], seed: int = 42) -> Selection:
    """Choose rows at random, each as likely as any other, the same ones whenever the pool and the seed are the same.

    The choice for k is the start of the choice for any larger k. Rows that join the pool insert themselves somewhere in
    the order and move no other; rows that leave it close the gap. Of rows with equal ids the lowest comes first.

    Args:
        k: how many rows, 0..n.
        row_ids: (n,) any text that names a row; what a row's chance hangs on.
        seed: any int; other seeds give independent choices.

    Returns:
        (k,) rows in the order of their hashes. A draw has no measure: every gain is 0.

    Raises:
        ValueError: if `k` is out of range. TypeError where `k` or `seed` is no whole number or an id no str.
    """
    ids = check_strings(row_ids, None, "row_ids")
    k = check_k(k, len(ids))
    order = np.argsort(hash_keys(ids, seed)[:, 0], kind="stable")[:k]
    return Selection(order.astype(np.int64), np.zeros(k))


def reference_random(k: int, n: int, seed: int = 42) -> Rows:
    """Return the `k` of `n` rows that the MIG reference draws, in its order: `random.Random(seed).sample(range(n), k)`.

    Depends on the order and the size of the pool; not the start of the answer for a larger k.

    Raises:
        ValueError: if `k` is out of 0..n, or `n` below 0. TypeError where `k`, `n` or `seed` is no whole number.
    """
    n = check_whole(n, "n", 0)
    k = check_k(k, n)
    return np.array(standard_library.Random(check_whole(seed, "seed")).sample(range(n), k), np.int64)


def hash_keys(row_ids: Sequence[str], seed: int) -> Keys:
    """Return (n, 2) two numbers for every row, uniform and independent, that only its id and the seed decide.

    Raises:
        TypeError: if `seed` is no whole number.
    """
    seeded = blake2b(f"{check_whole(seed, 'seed')} ".encode(), digest_size=16)

    def digest(row_id: str) -> bytes:
        hashed = seeded.copy()
        hashed.update(row_id.encode("utf-8", "surrogatepass"))  # JSON may hold half a surrogate pair
        return hashed.digest()

    digests = b"".join([digest(row_id) for row_id in row_ids])
    return np.frombuffer(digests, ">u8").reshape(-1, 2).astype(np.uint64)

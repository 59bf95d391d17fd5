from collections import Counter
from hashlib import blake2b

import numpy as np
import pytest

from mig_dagster.selection import METHODS, balanced_random, random, reads


def pool_of(sizes, shuffle_seed=None):
    """Return ids and sources with so many rows of each source."""
    rows = [(f"{name}-{number}", name) for name, size in sizes.items() for number in range(size)]
    if shuffle_seed is not None:
        rows = [rows[at] for at in np.random.default_rng(shuffle_seed).permutation(len(rows))]
    return {"row_ids": [row_id for row_id, _ in rows], "sources": [name for _, name in rows]}


def random_sizes(seed):
    rng = np.random.default_rng(seed)
    return {f"s{number}": int(rng.integers(1, 30)) for number in range(rng.integers(1, 7))}


def round_by_round(k, row_ids, sources, seed):
    """Take from every source that has rows left its next one, the rows of a round in the order of their second key."""
    digests = [blake2b(f"{seed} {row_id}".encode(), digest_size=16).digest() for row_id in row_ids]
    queues = {
        name: sorted((r for r, s in enumerate(sources) if s == name), key=lambda r: (digests[r][:8], r))
        for name in set(sources)
    }
    chosen = []
    while any(queues.values()):
        taken = [queue.pop(0) for queue in queues.values() if queue]
        chosen += sorted(taken, key=lambda r: (digests[r][8:], r))
    return chosen[:k]


def quotas(k, sizes):
    """Pour k into the sources at one level: rows of each, up to a remainder."""
    left, given = dict(sizes), dict.fromkeys(sizes, 0)
    while k >= (open_sources := sum(size > 0 for size in left.values())) > 0:
        for name in [name for name in left if left[name]]:
            left[name] -= 1
            given[name] += 1
        k -= open_sources
    return given, k


@pytest.mark.parametrize("seed", range(200))
def test_rows_come_round_by_round(seed):
    pool = pool_of(random_sizes(seed), shuffle_seed=seed)
    if seed % 2:
        pool["row_ids"] = [f"{len(row_id)}" for row_id in pool["row_ids"]]  # many equal ids
    n = len(pool["row_ids"])
    k = int(np.random.default_rng(seed).integers(0, n + 1))
    assert balanced_random(k, **pool, seed=seed).rows.tolist() == round_by_round(k, **pool, seed=seed)


@pytest.mark.parametrize("seed", range(100))
def test_water_filling(seed):
    sizes = random_sizes(seed)
    pool = pool_of(sizes, shuffle_seed=seed)
    for k in range(sum(sizes.values()) + 1):
        counts = Counter(pool["sources"][row] for row in balanced_random(k, **pool).rows)
        full, rest = quotas(k, sizes)
        over = {name: counts[name] - full[name] for name in sizes}
        assert set(over.values()) <= {0, 1}
        assert sum(over.values()) == rest


def test_a_small_source_gives_all_and_the_others_share_the_rest():
    pool = pool_of({"small": 2, "middle": 10, "large": 100})
    counts = Counter(pool["sources"][row] for row in balanced_random(22, **pool).rows)
    assert counts == {"small": 2, "middle": 10, "large": 10}


@pytest.mark.parametrize("seed", range(20))
def test_every_prefix_is_balanced(seed):
    sizes = random_sizes(seed)
    pool = pool_of(sizes, shuffle_seed=seed)
    counts = Counter()
    for row in balanced_random(sum(sizes.values()), **pool).rows:
        counts[pool["sources"][row]] += 1
        unfinished = [counts[name] for name in sizes if counts[name] < sizes[name]]
        assert not unfinished or max(counts.values()) - min(unfinished) <= 1


def test_the_choice_for_fewer_rows_is_the_start_of_the_choice_for_more():
    pool = pool_of({"a": 20, "b": 3, "c": 11})
    whole = balanced_random(34, **pool).rows.tolist()
    assert all(balanced_random(k, **pool).rows.tolist() == whole[:k] for k in range(34))


def test_the_remainder_does_not_go_by_name_or_size():
    """One row of three sources: each gets it in a third of 600 seeds, 200 times with standard deviation 11.5."""
    pool = pool_of({"a": 2, "b": 20, "c": 200})
    first = Counter(pool["sources"][balanced_random(1, **pool, seed=seed).rows[0]] for seed in range(600))
    assert all(abs(first[name] - 200) < 5 * 11.5 for name in "abc")


def test_renaming_sources_changes_nothing():
    pool = pool_of({"a": 20, "b": 3, "c": 11})
    renamed = {**pool, "sources": [{"a": "z", "b": "y", "c": ""}[name] for name in pool["sources"]]}
    assert balanced_random(34, **pool).rows.tolist() == balanced_random(34, **renamed).rows.tolist()


def test_rows_that_join_a_source_only_insert_themselves_among_its_rows():
    old = pool_of({"a": 30, "b": 30})
    new = pool_of({"a": 45, "b": 30, "c": 9}, shuffle_seed=1)

    def order(pool, name):
        rows = balanced_random(len(pool["row_ids"]), **pool).rows
        return [pool["row_ids"][row] for row in rows if pool["sources"][row] == name]

    assert [row_id for row_id in order(new, "a") if row_id in set(old["row_ids"])] == order(old, "a")
    assert order(new, "b") == order(old, "b")


def test_the_order_of_the_pool_does_not_matter():
    sizes = {"a": 20, "b": 3, "c": 11}
    chosen = [
        [pool["row_ids"][row] for row in balanced_random(15, **pool).rows]
        for pool in (pool_of(sizes), pool_of(sizes, shuffle_seed=3))
    ]
    assert chosen[0] == chosen[1]


def test_one_source_is_drawn_as_random_draws():
    pool = pool_of({"a": 50})
    assert balanced_random(20, **pool).rows.tolist() == random(20, row_ids=pool["row_ids"]).rows.tolist()


def test_rows_with_equal_ids_come_lowest_first():
    assert balanced_random(4, row_ids=["same"] * 4, sources=list("aabb")).rows.tolist() == [0, 2, 1, 3]


def test_gains_are_zero_and_an_empty_pool_gives_none():
    assert balanced_random(2, **pool_of({"a": 3})).gains.tolist() == [0.0, 0.0]
    empty = balanced_random(0, row_ids=[], sources=[])
    assert (empty.rows.dtype, empty.gains.dtype, len(empty.rows)) == (np.int64, np.float64, 0)


def test_it_is_a_method_that_reads_ids_and_sources():
    assert METHODS["balanced_random"] is balanced_random
    assert reads(balanced_random) == ("row_ids", "sources")


def test_wrong_arguments_are_refused():
    pool = pool_of({"a": 3})
    with pytest.raises(ValueError, match="k must be at most the 3 rows of the pool, got 4"):
        balanced_random(4, **pool)
    with pytest.raises(TypeError, match="k must be an int, got '1'"):
        balanced_random("1", **pool)
    with pytest.raises(ValueError, match="sources must have one str for each of the 3 rows, got 1"):
        balanced_random(1, row_ids=pool["row_ids"], sources=["a"])
    with pytest.raises(TypeError, match="sources must hold str, got None at row 2"):
        balanced_random(1, row_ids=pool["row_ids"], sources=["a", "a", None])
    with pytest.raises(TypeError, match=r"seed must be an int, got 4\.2"):
        balanced_random(1, **pool, seed=4.2)

from hashlib import blake2b

import numpy as np
import pytest

from mig_dagster.selection import METHODS, options, random, reads, reference_random


def ids(n, prefix="row"):
    return [f"{prefix}-{number}" for number in range(n)]


def by_definition(k, row_ids, seed):
    """Sort the rows by the first 64 bits of their hash."""
    place = [blake2b(f"{seed} {row_id}".encode(), digest_size=16).digest()[:8] for row_id in row_ids]
    return sorted(range(len(row_ids)), key=lambda row: (place[row], row))[:k]


@pytest.mark.parametrize("seed", range(200))
def test_rows_are_those_of_the_smallest_hashes(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(0, 40))
    row_ids = [f"{number}" for number in rng.integers(0, 30, n)]  # with repeats
    k = int(rng.integers(0, n + 1))
    assert random(k, row_ids=row_ids, seed=seed).rows.tolist() == by_definition(k, row_ids, seed)


def test_the_draw_for_some_ids_never_changes():
    """A lock file names the seed alone: the order behind it is part of what a release promises."""
    assert random(10, row_ids=ids(10)).rows.tolist() == [4, 3, 1, 0, 2, 7, 5, 8, 6, 9]
    assert random(3, row_ids=ids(10), seed=0).rows.tolist() == [3, 4, 5]


def test_the_same_seed_gives_the_same_rows_and_another_seed_others():
    first, again, other = (random(50, row_ids=ids(1000), seed=seed).rows.tolist() for seed in (1, 1, 2))
    assert first == again
    assert len(set(first) & set(other)) < 15, "independent choices of 50 from 1000 share 2.5 rows on average"


def test_the_choice_for_fewer_rows_is_the_start_of_the_choice_for_more():
    whole = random(100, row_ids=ids(100)).rows.tolist()
    assert all(random(k, row_ids=ids(100)).rows.tolist() == whole[:k] for k in range(100))


def test_new_rows_only_insert_themselves():
    old, new = ids(300), ids(40, "new")
    pool = [*old[:100], *new, *old[100:]]
    order = [pool[row] for row in random(len(pool), row_ids=pool).rows]
    assert [row_id for row_id in order if row_id in set(old)] == [old[row] for row in random(300, row_ids=old).rows]


def test_the_order_of_the_pool_does_not_matter():
    pool = ids(200)
    shuffled = [pool[row] for row in np.random.default_rng(0).permutation(200)]
    assert [shuffled[row] for row in random(20, row_ids=shuffled).rows] == [
        pool[r] for r in random(20, row_ids=pool).rows
    ]


def test_rows_with_equal_ids_come_lowest_first():
    assert random(4, row_ids=["same"] * 4).rows.tolist() == [0, 1, 2, 3]


def test_every_row_is_as_likely_as_any_other():
    """400 seeds of 10 from 50: each row 80 times on average, standard deviation 8."""
    taken = np.zeros(50)
    for seed in range(400):
        taken[random(10, row_ids=ids(50), seed=seed).rows] += 1
    assert (np.abs(taken - 80) < 5 * 8).all()
    assert ((taken - 80) ** 2 / 64).sum() < 50 + 5 * 10, "chi-square of 50 cells"


def test_gains_are_zero_and_an_empty_pool_gives_none():
    assert random(2, row_ids=ids(5)).gains.tolist() == [0.0, 0.0]
    empty = random(0, row_ids=[])
    assert (empty.rows.dtype, empty.gains.dtype, len(empty.rows)) == (np.int64, np.float64, 0)


def test_any_text_can_be_an_id():
    assert sorted(random(4, row_ids=["", "é", "\ud800", "a\0b"]).rows.tolist()) == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("k", "n", "rows"), [(3, 10, [1, 0, 4]), (5, 100, [81, 14, 3, 94, 35]), (2, 939_000, [670487, 116739])]
)
def test_reference_random_draws_what_python_draws(k, n, rows):
    drawn = reference_random(k, n)
    assert (drawn.tolist(), drawn.dtype) == (rows, np.int64)


def test_k_equal_to_n_is_a_permutation():
    assert sorted(reference_random(20, 20).tolist()) == list(range(20))
    assert sorted(random(20, row_ids=ids(20)).rows.tolist()) == list(range(20))
    assert reference_random(0, 0).dtype == np.int64


def test_reference_random_is_no_method():
    assert "reference_random" not in METHODS
    assert METHODS["random"] is random
    assert (reads(random), options(random)) == (("row_ids",), {"seed": (int, 42)})


@pytest.mark.parametrize("call", [lambda k: random(k, row_ids=ids(3)), lambda k: reference_random(k, 3)])
def test_k_outside_the_pool_is_refused(call):
    with pytest.raises(ValueError, match="k must be at most the 3 rows of the pool, got 4"):
        call(4)
    with pytest.raises(ValueError, match="k must be at least 0, got -1"):
        call(-1)
    with pytest.raises(TypeError, match=r"k must be an int, got 0\.5"):
        call(0.5)


@pytest.mark.parametrize("seed", [1.0, "1", None, True])
def test_a_seed_that_is_no_int_is_refused(seed):
    with pytest.raises(TypeError, match="seed must be an int, got"):
        random(1, row_ids=ids(3), seed=seed)
    with pytest.raises(TypeError, match="seed must be an int, got"):
        reference_random(1, 3, seed=seed)


def test_a_number_of_rows_that_is_none_is_refused():
    with pytest.raises(ValueError, match="n must be at least 0, got -1; raise it to 0"):
        reference_random(0, -1)
    with pytest.raises(TypeError, match=r"n must be an int, got 3\.0"):
        reference_random(0, 3.0)


def test_a_seed_may_be_a_numpy_int_and_below_zero():
    assert random(3, row_ids=ids(9), seed=np.int32(-4)).rows.tolist() == by_definition(3, ids(9), -4)


def test_ids_that_are_no_str_are_refused():
    with pytest.raises(TypeError, match="row_ids must hold str, got 7 at row 1"):
        random(1, row_ids=["a", 7])
    with pytest.raises(TypeError, match="row_ids must be a list of str, got one str"):
        random(1, row_ids="abc")

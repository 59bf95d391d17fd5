import numpy as np
import pytest

from mig_dagster.selection import METHODS, longest, options, reads


@pytest.mark.parametrize("seed", range(200))
def test_rows_are_the_start_of_a_stable_sort(seed):
    rng = np.random.default_rng(seed)
    lengths = rng.integers(0, 8 if seed % 2 else 10_000, int(rng.integers(0, 50)))
    k = int(rng.integers(0, len(lengths) + 1))
    before = lengths.copy()
    chosen = longest(k, lengths=lengths)
    assert chosen.rows.tolist() == sorted(range(len(lengths)), key=lambda row: (-lengths[row], row))[:k]
    assert chosen.gains.tolist() == lengths[chosen.rows].tolist()
    assert (lengths == before).all()


def test_ties_go_to_the_lower_row():
    assert longest(3, lengths=[2, 7, 7, 0, 7]).rows.tolist() == [1, 2, 4]


def test_the_choice_for_fewer_rows_is_the_start_of_the_choice_for_more():
    lengths = np.random.default_rng(0).integers(0, 9, 60)
    whole = longest(60, lengths=lengths).rows.tolist()
    assert all(longest(k, lengths=lengths).rows.tolist() == whole[:k] for k in range(60))


@pytest.mark.parametrize("kind", [np.int64, np.uint64, list])
def test_integers_that_float64_cannot_tell_apart_are_ranked_as_integers(kind):
    lengths = [2**53, 2**53 + 1, 3, 2**53 + 2, 2**53 + 1]
    chosen = longest(4, lengths=lengths if kind is list else np.array(lengths, kind))
    assert chosen.rows.tolist() == [3, 1, 4, 0]
    assert chosen.gains.tolist() == [float(lengths[row]) for row in chosen.rows]


def test_an_empty_pool_gives_no_rows():
    empty = longest(0, lengths=[])
    assert (empty.rows.dtype, empty.gains.dtype, len(empty.rows)) == (np.int64, np.float64, 0)


def test_it_is_a_method_that_reads_lengths():
    assert METHODS["longest"] is longest
    assert (reads(longest), options(longest)) == (("lengths",), {})


def test_wrong_arguments_are_refused():
    with pytest.raises(ValueError, match="k must be at most the 2 rows of the pool, got 3"):
        longest(3, lengths=[1, 2])
    with pytest.raises(TypeError, match=r"k must be an int, got 1\.0"):
        longest(1.0, lengths=[1, 2])
    with pytest.raises(ValueError, match=r"lengths must be at least 0, got -2\.0 at row 1 \(1 such rows\); leave"):
        longest(1, lengths=[1, -2])
    with pytest.raises(ValueError, match="lengths must be finite, got nan at row 0"):
        longest(1, lengths=[np.nan, 2])
    with pytest.raises(ValueError, match=r"lengths must have one number for each row, got shape \(1, 2\)"):
        longest(1, lengths=[[1, 2]])

import numpy as np
import pytest

from mig_dagster.selection.copies import next_copies


def test_a_copy_waits_for_the_one_of_the_next_higher_score():
    assert next_copies(np.array([0.1, 0.9, 0.5, 0.7]), ["a", "a", "a", "b"]).tolist() == [-1, 2, 0, -1]


def test_of_equal_scores_the_higher_row_waits():
    assert next_copies(np.full(4, 0.5), ["a", "b", "a", "a"]).tolist() == [2, -1, 3, -1]
    assert next_copies(np.zeros(2), ["a", "a"]).tolist() == [1, -1]


def test_scores_that_differ_by_rounding_alone_keep_no_one_waiting():
    """Times some numbers both are the same, so that the lower row comes first, though its score is the lower."""
    low = 0.9
    high = np.nextafter(low, 1)
    products = [number * factor for number in (low, high) for factor in [0.1 + 1e-3 * np.arange(900)]]
    assert (products[0] == products[1]).any()
    assert next_copies(np.array([low, high]), ["a", "a"]).tolist() == [-1, -1]


@pytest.mark.parametrize("seed", range(100))
def test_a_row_that_waits_never_has_the_higher_product_nor_a_tie_with_a_lower_number(seed):
    rng = np.random.default_rng(seed)
    base = rng.uniform(0.1, 1, 4)
    scores = base[rng.integers(0, 4, 60)] * (1 + rng.integers(-8, 9, 60) * 2.0**-52)
    texts = [str(at) for at in rng.integers(0, 3, 60)]
    waiting = next_copies(scores, texts)
    first = np.flatnonzero(waiting >= 0)
    second = waiting[first]
    assert len(np.unique(second)) == len(second)
    assert all(texts[a] == texts[b] for a, b in zip(first, second, strict=True))
    for factor in rng.uniform(0, 5, 200):
        one, other = scores[first] * factor, scores[second] * factor
        assert ((one > other) | ((one == other) & (first < second))).all()


def test_no_rows():
    assert next_copies(np.empty(0), []).tolist() == []

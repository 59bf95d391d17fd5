import numpy as np
import pytest

from mig_dagster.selection.top_k import top_k


def stable_sort(scores):
    return sorted(range(len(scores)), key=lambda row: -scores[row])  # Python's sort keeps equal ones in order


def random_scores(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(0, 40))
    if seed % 3 == 0:
        return rng.normal(size=n)
    return rng.integers(-2, 3, n).astype(float) if seed % 3 == 1 else rng.choice([-np.inf, -0.0, 0.0, 1.0, np.inf], n)


@pytest.mark.parametrize("seed", range(300))
def test_equals_a_stable_descending_sort_for_every_k(seed):
    scores = random_scores(seed)
    before = scores.copy()
    expected = stable_sort(scores.tolist())
    for k in range(len(scores) + 1):
        rows = top_k(k, scores)
        assert rows.tolist() == expected[:k]
        assert rows.dtype == np.int64
    assert (scores == before).all()


@pytest.mark.parametrize("k", [0, 1, 7, 8])
def test_all_equal_scores_come_in_pool_order(k):
    assert top_k(k, np.full(8, 2.5)).tolist() == list(range(k))


def test_nothing_of_nothing():
    assert top_k(0, np.empty(0)).tolist() == []

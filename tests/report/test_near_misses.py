"""Near misses of MIG are the rows that it would have gained most from next, to the last bit."""

import warnings
from functools import partial

import numpy as np
import pytest

from mig_dagster.report.inputs import ReportInputs, ReportPool, ReportSubset
from mig_dagster.report.reading.near_misses import BY_GAIN, BY_SCORE, near_misses
from mig_dagster.selection import METHODS, SelectionWarning, objective
from tests.report.small_report import small_inputs, small_pool


def chosen_by_mig(pool: ReportPool, k: int, **options) -> ReportInputs:
    """Choose from the rows that have a score."""
    scores = pool.scores["score"]
    part = np.flatnonzero(np.isfinite(scores))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SelectionWarning)
        found = METHODS["mig"](
            k, tags=pool.tags[part], quality_scores=scores[part], label_graph=pool.label_graph, **options
        )
    return ReportInputs(pool, [ReportSubset("mig", "mig", part[found.rows], found.gains, {"options": options})])


@pytest.mark.parametrize("options", [{}, {"gain": "exact"}, {"phi_b": 0.5, "prop_weight": 2.0, "norm": True}])
@pytest.mark.parametrize("k", [0, 1, 20, 58])
def test_the_first_near_miss_is_the_row_that_one_more_would_have_added(k, options):
    pool = small_pool(seed=k)
    near = near_misses(chosen_by_mig(pool, k, **options), 8)
    more = chosen_by_mig(pool, k + 1, **options).chosen
    if more.gains[-1] > 0:
        assert (near.rows[0], near.values[0]) == (more.rows[-1], more.gains[-1])
    else:
        assert not len(near.rows)
    assert near.by == BY_GAIN


def naive_gains(given: ReportInputs, gain: str) -> dict[int, float]:
    """Return what every row left would gain after the last one chosen, by the paper's formulas on dense matrices."""
    pool, chosen = given.pool, given.chosen.rows.tolist()
    left = [row for row in range(pool.n) if row not in chosen and np.isfinite(pool.scores["score"][row])]
    if gain == "exact":
        scores = np.nan_to_num(pool.scores["score"])
        worth = partial(objective, tags=pool.tags, quality_scores=scores, label_graph=pool.label_graph)
        return {row: worth([*chosen, row]) - worth(chosen) for row in left}
    graph = pool.label_graph.toarray()
    told = pool.scores["score"][:, None] * pool.tags.toarray() @ (graph / graph.sum(axis=0))
    slopes = 0.8 * (told[chosen].sum(axis=0) + 1e-6) ** -0.2
    return {row: float(told[row] @ slopes) for row in left}


@pytest.mark.parametrize("gain", ["gradient", "exact"])
@pytest.mark.parametrize("seed", range(5))
def test_near_misses_are_the_highest_of_the_gains_of_all_rows_left(seed, gain):
    given = chosen_by_mig(small_pool(120, seed), 10, gain=gain)
    near = near_misses(given, 8)
    gains = naive_gains(given, gain)
    expected = sorted(gains, key=lambda row: -gains[row])[:8]
    assert near.rows.tolist() == expected
    np.testing.assert_allclose(near.values, [gains[row] for row in expected], rtol=1e-9)


def test_twins_come_one_after_the_other_in_the_order_of_the_pool():
    pool = small_pool(30)
    tags = pool.tags[np.zeros(30, int)]
    given = chosen_by_mig(small_pool(30, tags=tags, scores={"score": np.ones(30)}), 5)
    assert near_misses(given, 8).rows.tolist() == [*range(5, 13)]


def test_another_method_s_near_misses_are_the_best_scores_left():
    given = small_inputs()
    given = ReportInputs(given.pool, given.subsets[1:])
    near = near_misses(given, 8)
    left = [row for row in range(60) if row not in given.chosen.rows and row != 0]
    assert near.rows.tolist() == sorted(left, key=lambda row: -given.pool.scores["score"][row])[:8]
    assert near.by == BY_SCORE


def test_without_scores_nothing_is_near():
    near = near_misses(small_inputs(scores={}), 8)
    assert not len(near.rows)
    assert near.by == ""

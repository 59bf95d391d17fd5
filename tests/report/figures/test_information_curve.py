from dataclasses import replace

import numpy as np
import pytest

from mig_dagster.report.figure import Chart
from mig_dagster.report.figures.information_curve import BUDGETS, budgets, information_curve
from mig_dagster.selection import objective
from tests.report.small_report import small_inputs


def value(given, rows) -> float:
    scores = np.nan_to_num(given.pool.scores["score"])
    return objective(rows, tags=given.pool.tags, quality_scores=scores, label_graph=given.pool.label_graph)


@pytest.mark.parametrize("seed", range(3))
def test_every_point_is_the_objective_of_that_many_first_rows(seed):
    given = small_inputs(90, seed=seed)
    table = information_curve(given).tables["information_curve"]
    whole = value(given, np.arange(90))
    for subset in given.subsets:
        points = table.filter(subset=subset.name)
        assert points["rows"].to_list() == list(range(13))
        for rows, information, share in points.select("rows", "information", "share").iter_rows():
            assert information == pytest.approx(value(given, subset.rows[:rows]), rel=1e-12)
            assert share == pytest.approx(information / whole)


def test_a_large_subset_is_evaluated_at_few_budgets_that_reach_from_nothing_to_its_end():
    found = budgets(100_003)
    assert found[0] == 0
    assert found[-1] == 100_003
    assert len(found) <= BUDGETS + 1
    assert 100_003 - 10_000 in found


def test_a_subset_without_smaller_budgets_is_one_point_and_has_no_knee():
    given = small_inputs()
    whole = replace(given.chosen, info={"nested": False})
    figure = information_curve(replace(given, subsets=[whole, given.subsets[1]]))
    assert figure.tables["information_curve"].filter(subset="mig_subset")["rows"].to_list() == [12]
    assert "neither a knee" in figure.about


def test_the_knee_is_the_point_farthest_above_the_chord():
    given = small_inputs()
    figure = information_curve(given)
    own = [value(given, given.chosen.rows[:rows]) for rows in range(13)]
    best = max(range(13), key=lambda rows: own[rows] / own[-1] - rows / 12)
    (chart,) = figure.parts
    assert isinstance(chart, Chart)
    assert chart.data["marks"].select("mark", "rows").rows() == [("knee", best), ("budget", 12)]
    assert f"is at {best} of 12 rows" in figure.about


def test_what_the_last_tenth_adds_is_said():
    given = small_inputs(60)
    subset = replace(given.chosen, rows=np.arange(40))
    about = information_curve(replace(given, subsets=[subset])).about
    late = 1 - value(given, np.arange(36)) / value(given, np.arange(40))
    assert f"the last 10% of its rows add {late:.1%} of what it holds" in about


@pytest.mark.parametrize("lacking", [{"tags": None}, {"label_graph": None}, {"scores": {}}])
def test_a_pool_without_what_information_is_made_from_says_so(lacking):
    figure = information_curve(small_inputs(**lacking))
    assert "the pool has no" in figure.missing
    assert not figure.parts


def test_a_subset_that_tells_nothing_is_drawn():
    given = small_inputs()
    silent = replace(given.chosen, rows=np.array([0, 1]))  # one without a score, one without a label
    assert "tells the labels nothing" in information_curve(replace(given, subsets=[silent])).about
    empty = replace(given.chosen, rows=np.empty(0, np.int64))
    assert information_curve(replace(given, subsets=[empty])).tables["information_curve"]["rows"].to_list() == [0]


@pytest.mark.parametrize(
    ("k", "words"), [(0, "mig_subset holds no row."), (5, "of the information of the whole pool. ")]
)
def test_of_few_rows_no_last_tenth_is_told(k, words):
    given = small_inputs(60)
    subset = replace(given.chosen, rows=np.arange(k), gains=np.zeros(k))
    about = information_curve(replace(given, subsets=[subset])).about
    assert words in about
    assert "the last" not in about

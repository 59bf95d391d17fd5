from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from scipy.sparse import csr_array

from mig_dagster.report.figure import Chart, Listing, Readings
from mig_dagster.report.figures.label_coverage import LEAST, label_coverage
from mig_dagster.report.inputs import ReportInputs, ReportSubset
from tests.report.drawing import assert_draws
from tests.report.label_pools import many_labels, one_row
from tests.report.small_report import SCRIPT, small_inputs, small_pool


@pytest.mark.parametrize("given", [small_inputs(), many_labels(), many_labels(seed=4)])
def test_every_point_is_how_many_labels_that_many_first_rows_carry(given):
    tags = given.pool.tags.toarray() > 0
    table = label_coverage(given).tables["label_coverage"]
    for subset in given.subsets:
        points = table.filter(subset=subset.name)
        assert points["rows"].max() == len(subset.rows)
        for rows, labels, share in points.select("rows", "labels", "share").iter_rows():
            assert labels == tags[subset.rows[:rows]].any(axis=0).sum()
            assert share == pytest.approx(labels / tags.any(axis=0).sum())


@pytest.mark.parametrize("seed", range(4))
def test_labels_are_counted_and_ordered_by_coverage_and_then_by_rows_of_the_pool(seed):
    given = many_labels(seed=seed)
    tags = given.pool.tags.toarray()
    figure = label_coverage(given)
    whole, taken = tags.sum(axis=0), tags[given.chosen.rows].sum(axis=0)
    there = [at for at in range(tags.shape[1]) if whole[at]]
    coverage = {at: (taken[at] / len(given.chosen.rows)) / (whole[at] / given.pool.n) for at in there}
    expected = sorted(there, key=lambda at: (Fraction(int(taken[at]), int(whole[at])), -whole[at], at))
    table = figure.tables["label_coverage_labels"]
    assert table["index"].to_list() == expected
    assert table["coverage"].to_list() == pytest.approx([coverage[at] for at in expected])
    listing = next(part for part in figure.parts if isinstance(part, Listing))
    assert [line[0] for line in listing.lines] == [given.pool.labels[at] for at in expected[:LEAST]]


@pytest.mark.parametrize("seed", range(4))
def test_each_of_the_least_covered_labels_comes_with_the_best_row_that_was_left_out(seed):
    given = many_labels(seed=seed)
    tags, scores = given.pool.tags.toarray(), np.nan_to_num(given.pool.scores["score"], nan=-1)
    figure = label_coverage(given)
    readings = next(part for part in figure.parts if isinstance(part, Readings))
    least = figure.tables["label_coverage_least"]
    assert len(readings.items) == least.height == LEAST
    for at, row_id, item in zip(least["index"], least["example"], readings.items, strict=True):
        carriers = [row for row in np.flatnonzero(tags[:, at]) if row not in given.chosen.rows]
        best = max(carriers, key=lambda row: (scores[row], -row))
        assert row_id == f"id{best:04d}"
        assert item.facts["row"] == row_id
        assert item.facts["chosen"] == "no"
        assert item.turns[0][1].startswith(f"ask {row_id}")


def test_a_label_whose_rows_are_all_chosen_comes_with_one_of_them():
    given = small_inputs(20)
    every = ReportSubset("all", "random", np.arange(20), np.zeros(20), {"nested": True})
    figure = label_coverage(ReportInputs(given.pool, [every]))
    readings = next(part for part in figure.parts if isinstance(part, Readings))
    assert {item.facts["chosen"] for item in readings.items} == {"yes"}
    assert figure.about.endswith("Every one of the pool's 5 labels has a chosen row.")


def test_a_subset_without_smaller_budgets_is_one_point():
    given = small_inputs()
    whole = replace(given.chosen, info={"nested": False})
    table = label_coverage(ReportInputs(given.pool, [whole])).tables["label_coverage"]
    assert table["rows"].to_list() == [12]


def test_labels_that_no_chosen_row_carries_are_said_with_their_rows():
    tags = np.zeros((6, 5))
    tags[[0, 1, 2], 0] = 1
    tags[[3, 4], 1] = 1
    tags[4, 2] = 1
    pool = small_pool(6, tags=csr_array(tags))
    given = ReportInputs(pool, [ReportSubset("s", "mig", np.array([0, 5]), np.zeros(2), {"nested": True})])
    assert label_coverage(given).about.endswith("Of 3 labels 2 have no chosen row; 2 rows of the pool carry those.")


@pytest.mark.parametrize(
    ("changes", "why"),
    [({"tags": None}, "the pool has no tags"), ({"tags": csr_array((60, 5))}, "no row of the pool carries a label")],
)
def test_without_labels_there_is_no_figure_and_it_says_why(changes, why):
    figure = label_coverage(small_inputs(**changes))
    assert not figure.parts
    assert why in figure.missing


def test_a_pool_without_scores_shows_the_first_row_of_each_label():
    given = small_inputs(scores={})
    figure = label_coverage(given)
    taken = given.is_chosen()
    for at, row_id in figure.tables["label_coverage_least"].select("index", "example").iter_rows():
        first = next(row for row in range(60) if given.pool.tags.toarray()[row, at] and not taken[row])
        assert row_id == f"id{first:04d}"


def test_text_of_rows_and_labels_stays_as_it_is():
    figure = label_coverage(small_inputs())
    listing = next(part for part in figure.parts if isinstance(part, Listing))
    readings = next(part for part in figure.parts if isinstance(part, Readings))
    assert f"travel{SCRIPT}" in [line[0] for line in listing.lines]
    assert SCRIPT in readings.items[0].turns[0][1]


@pytest.mark.parametrize("given", [small_inputs(), many_labels(), one_row()])
def test_the_chart_draws_without_a_warning(given, capfd):
    figure = label_coverage(given)
    assert_draws(next(part for part in figure.parts if isinstance(part, Chart)), capfd)

"""Every method under a budget in tokens."""

import sys
import warnings

import numpy as np
import pytest

from mig_dagster.selection import METHODS, SelectionWarning, reads
from mig_dagster.selection.token_budget import choose_within, defaults_within
from tests.selection.inputs import inputs, needed

pytestmark = pytest.mark.filterwarnings("ignore::mig_dagster.selection.SelectionWarning")

N = 60
GIVEN = inputs(N, 3)
COSTS = np.random.default_rng(9).integers(1, 200, N)
NESTED = sorted(set(METHODS) - {"mig", "car"})


def within(method, budget, costs=COSTS, given=GIVEN, **settings):
    arguments = needed(method, given)
    return choose_within(method, budget, costs=costs, arguments=arguments, settings=settings, filled={})


def test_the_inputs_have_as_many_rows_as_there_are_costs():
    assert len(GIVEN["quality_scores"]) == N


@pytest.mark.parametrize("method", NESTED)
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_nested_method_takes_the_longest_start_of_its_order_that_fits(method, share):
    budget = int(share * COSTS.sum())
    whole = METHODS[method](N, **needed(method, GIVEN))
    order = whole.rows
    fit = int(np.searchsorted(np.cumsum(COSTS[order]), budget, side="right"))
    if not fit:
        pytest.skip("the first row alone is dearer")
    chosen = within(method, budget)
    own = METHODS[method](len(chosen.rows), **needed(method, GIVEN))
    np.testing.assert_array_equal(chosen.rows, own.rows)
    np.testing.assert_array_equal(chosen.gains, own.gains)
    assert chosen.objective == own.objective
    assert chosen.nested
    assert len(chosen.rows) == min(fit, len(order))


@pytest.mark.parametrize("method", sorted(METHODS))
@pytest.mark.parametrize("share", [0.05, 0.5])
def test_no_method_spends_more_than_the_budget(method, share):
    budget = int(share * COSTS.sum())
    assert 0 < COSTS[within(method, budget).rows].sum() <= budget


@pytest.mark.parametrize("share", [0.05, 0.2, 0.5, 0.8])
def test_car_takes_a_number_of_rows_that_fits_where_one_more_does_not(share):
    budget = int(share * COSTS.sum())
    chosen = within("car", budget)
    own = METHODS["car"](len(chosen.rows), **needed("car", GIVEN))
    np.testing.assert_array_equal(chosen.rows, own.rows)
    np.testing.assert_array_equal(chosen.clusters, own.clusters)
    assert COSTS[METHODS["car"](len(chosen.rows) + 1, **needed("car", GIVEN)).rows].sum() > budget
    assert not chosen.nested


def test_car_clusters_the_pool_once(monkeypatch):
    calls = []
    module = sys.modules["mig_dagster.selection.car"]
    monkeypatch.setattr(module, "cluster_rows", lambda *args, **given: calls.append(1) or np.arange(N) % 5)
    within("car", int(COSTS.sum() // 3))
    assert len(calls) == 1


def test_car_with_both_numbers_fixed_is_nested_and_cut():
    budget = int(COSTS.sum() // 4)
    chosen = within("car", budget, n1=40, n2=1)
    order = METHODS["car"](N, **needed("car", GIVEN), n1=40, n2=1).rows
    assert chosen.nested
    assert chosen.rows.tolist() == order[: np.searchsorted(np.cumsum(COSTS[order]), budget, side="right")].tolist()


@pytest.mark.parametrize("method", sorted(METHODS))
def test_a_budget_beyond_the_pool_takes_what_the_method_can_and_warns(method):
    with pytest.warns(SelectionWarning, match=f"the {N} rows that can be chosen have {COSTS.sum()}"):
        chosen = within(method, int(COSTS.sum()))
    own = METHODS[method](N, **needed(method, GIVEN))
    assert sorted(chosen.rows.tolist()) == sorted(own.rows.tolist())


@pytest.mark.parametrize("method", sorted(METHODS))
def test_a_budget_below_the_shortest_row_is_refused(method):
    with pytest.raises(ValueError, match="the budget of 4 tokens is below the 5 of the shortest row: give 5 tokens"):
        within(method, 4, costs=np.maximum(COSTS, 5))


@pytest.mark.parametrize("method", ["ifd", "car"])
def test_a_budget_below_the_first_row_of_an_order_is_refused(method):
    first = METHODS[method](1, **needed(method, GIVEN)).rows[0]
    costs = np.ones(N, np.int64)
    costs[first] = 500
    if method == "car":
        costs[:] = np.where(np.arange(N) == first, 500, 400)
        costs[np.argsort(GIVEN["quality_scores"])[0]] = 1
    with pytest.raises(
        ValueError, match=f"below the 500 of the row that {method} takes first: give 500 tokens or more"
    ):
        within(method, 390, costs=costs)


def test_a_row_without_tokens_counts_as_one():
    costs = np.zeros(N, np.int64)
    assert len(within("random", 20, costs=costs).rows) == 20
    assert len(within("mig", 20, costs=costs).rows) == 20


def test_only_the_warnings_of_the_choice_that_counts_are_given():
    """Numbers of rows are tried: what a method says of those that are not taken says nothing."""
    costs = np.sort(COSTS)  # the estimate is far off for `longest`
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        within("car", int(costs.sum() // 10), costs=costs, n1=3, n2=1)
    assert len({str(warning.message) for warning in caught}) == len(caught)


def test_an_empty_pool_gives_no_rows():
    arguments = {"row_ids": []}
    chosen = choose_within("random", 5, costs=np.empty(0, np.int64), arguments=arguments, settings={}, filled={})
    assert len(chosen.rows) == 0


@pytest.mark.parametrize("costs", [-COSTS, COSTS.astype(float), np.ones((2, 2), np.int64)])
def test_costs_that_are_none_are_refused(costs):
    with pytest.raises(ValueError, match="costs must be whole numbers of at least 0"):
        within("random", 10, costs=costs)


def test_only_mig_has_another_default_under_tokens():
    assert {name: dict(defaults_within(name)) for name in METHODS if defaults_within(name)} == {
        "mig": {"gain": "exact"}
    }
    assert all("costs" not in reads(method) for method in METHODS.values())

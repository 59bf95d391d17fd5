"""MIG under a budget in tokens, against a loop that computes every ratio anew and against the best set there is."""

import itertools
import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from mig_dagster.selection import SelectionWarning, lazy_greedy, objective
from mig_dagster.selection.token_budget_mig import mig_within
from tests.selection.pools import dense_parts, phi_of, random_pool, step_gains

pytestmark = pytest.mark.filterwarnings("ignore::mig_dagster.selection.SelectionWarning")

GAINS = ["gradient", "exact"]
OPTIONS = [{}, {"norm": True}, {"phi_type": "exp", "phi_alpha": 0.5}, {"phi_b": 1.0, "prop_weight": 0.0}]
GUARANTEE = (1 - 1 / math.e) / 2


def costly_pool(seed, n=40, m=12, quantised=False, dearest=60):
    """Return a pool and the tokens of its rows."""
    pool = random_pool(seed, n, m, quantised)
    return pool, np.random.default_rng(seed + 1).integers(1, dearest + 1, n)


def greedy(budget, pool, costs, gain, first=None, prop_weight=1.0, norm=False, **phi):
    """Compute the ratios of all rows at every step; rows in the order taken, and by how much each pick fell short."""
    v, p = dense_parts(pool, prop_weight, norm)
    told, x, left, rows = v @ p, np.zeros(v.shape[1]), budget, []
    open_rows = costs <= budget
    while open_rows.any():
        ratios = np.where(open_rows, step_gains(told, x, gain, **phi) / costs, -1)
        row = int(np.argmax(ratios)) if first is None or rows else first
        open_rows[row] = False
        if costs[row] <= left:
            rows.append(row)
            x, left = x + told[row], left - costs[row]
    return rows


def value(rows, pool, **given):
    return objective(np.array(rows, np.int64), **pool, **given)


def naive(budget, pool, costs, gain, **given):
    rows = greedy(budget, pool, costs, gain, **given)
    alone = [value([row], pool, **given) if cost <= budget else -1.0 for row, cost in enumerate(costs)]
    best = int(np.argmax(alone))
    return greedy(budget, pool, costs, gain, first=best, **given) if alone[best] > value(rows, pool, **given) else rows


def within(budget, pool, costs, **given):
    return mig_within(budget, costs=costs, arguments=pool, settings=given)


@pytest.mark.parametrize("gain", GAINS)
@pytest.mark.parametrize("given_options", OPTIONS)
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 2), n=st.integers(1, 60), m=st.integers(1, 20), share=st.floats(0, 1))
def test_the_rows_are_those_of_a_loop_that_computes_all_ratios_anew(gain, given_options, seed, n, m, share):
    pool, costs = costly_pool(seed, n, m)
    budget = int(costs.min() + share * (costs.sum() - costs.min()))
    chosen = within(budget, pool, costs, gain=gain, **given_options)
    expected = naive(budget, pool, costs, gain, **given_options)
    assert costs[chosen.rows].sum() <= budget
    assert len(set(chosen.rows.tolist())) == len(chosen.rows)
    certain = before_a_tie(pool, costs, chosen.rows.tolist(), expected, gain, given_options)
    assert chosen.rows[:certain].tolist() == expected[:certain]
    assert not chosen.nested
    assert chosen.objective == pytest.approx(value(chosen.rows, pool, **given_options))


def before_a_tie(pool, costs, rows, expected, gain, given_options):
    """Return how many picks come before the first where rounding decides: all where both orders agree."""
    for at, (one, other) in enumerate(zip(rows, expected, strict=False)):
        if one != other:
            v, p = dense_parts(pool, given_options.get("prop_weight", 1.0), given_options.get("norm", False))
            phi = {name: given for name, given in given_options.items() if name.startswith("phi")}
            ratios = step_gains(v @ p, (v @ p)[rows[:at]].sum(axis=0), gain, **phi) / costs
            scale = max(ratios.max(), 1e-300)
            assert abs(ratios[one] - ratios[other]) < 1e-11 * max(scale, 1), "not a tie"
            return at
    return max(len(rows), len(expected))


@pytest.mark.parametrize("gain", GAINS)
@pytest.mark.parametrize("seed", range(12))
def test_equal_ratios_go_to_the_lowest_row(gain, seed):
    """Scores and costs are powers of two: quotients are exact, and ties are ties to the last bit."""
    rng = np.random.default_rng(seed)
    n, m = 60, 4
    tags = csr_array((rng.random((n, m)) < 0.5).astype(float))
    pool = {"tags": tags, "quality_scores": 2.0 ** rng.integers(0, 3, n), "label_graph": csr_array(np.eye(m))}
    costs = 2 ** rng.integers(0, 3, n)
    given = {"phi_b": 1.0, "phi_a": 1.0, "gain": "gradient"} if gain == "gradient" else {"phi_b": 0.5, "gain": "exact"}
    budget = int(costs.sum() // 3)
    chosen = within(budget, pool, costs, **given)
    if gain == "gradient":  # slopes never change: all ratios are exact
        assert chosen.rows.tolist() == naive(budget, pool, costs, **given)
    twins = [(*tags[[row]].toarray()[0], pool["quality_scores"][row], costs[row]) for row in range(n)]
    for kind in set(twins):
        alike = [row for row in chosen.rows.tolist() if twins[row] == kind]
        assert alike == [row for row in range(n) if twins[row] == kind][: len(alike)]


@pytest.mark.parametrize("gain", GAINS)
def test_passes_over_the_pool_and_torch_change_nothing(gain, monkeypatch):
    pool, costs = costly_pool(5, 300, 20, quantised=True)
    budget = int(costs.sum() // 4)
    whole = within(budget, pool, costs, gain=gain)
    monkeypatch.setattr(lazy_greedy.lazy_greedy, "__defaults__", (7, None))  # a heap of seven rows
    narrow = within(budget, pool, costs, gain=gain)
    torch = mig_within(budget, costs=costs, arguments=pool, settings={"gain": gain}, device="cpu")
    for other in (narrow, torch):
        np.testing.assert_array_equal(other.rows, whole.rows)
        np.testing.assert_array_equal(other.gains, whole.gains)


def best_value(budget, pool, costs):
    """Return the largest objective of any set of rows that the budget pays for."""
    n = len(costs)
    v, p = dense_parts(pool)
    phi, _ = phi_of()
    sets = np.array(list(itertools.product([0, 1], repeat=n)))
    values = (phi(sets @ (v @ p)) - phi(0)).sum(axis=1)
    return values[sets @ costs <= budget].max()


@pytest.mark.parametrize("seed", range(30))
def test_the_exact_gain_reaches_its_guarantee_of_the_best_set_there_is(seed):
    rng = np.random.default_rng(seed)
    pool, costs = costly_pool(seed, 12, 5, dearest=int(rng.choice([3, 30, 300])))
    for budget in {int(costs.min()), int(costs.max()), int(costs.sum() // 3), int(costs.sum() // 2)}:
        best = best_value(budget, pool, costs)
        found = within(budget, pool, costs)
        assert found.objective <= best * (1 + 1e-9)
        assert found.objective >= GUARANTEE * best


def trap():
    """A cheap row of the best ratio, which leaves no room for a row that says nearly all."""
    tags = csr_array(np.array([[1.0, 0], [0, 1.0], [1.0, 0]]))
    pool = {"tags": tags, "quality_scores": np.array([1.0, 1000.0, 1.0]), "label_graph": csr_array(np.eye(2))}
    return pool, np.array([1, 300, 2])


def test_the_best_single_row_goes_first_where_it_says_more_than_all_that_greedy_takes():
    pool, costs = trap()
    with pytest.warns(SelectionWarning, match="row 1 alone says more than the 2 rows of the largest gain per token"):
        chosen = within(300, pool, costs)
    assert chosen.rows.tolist() == [1]
    assert chosen.objective == pytest.approx(value([1], pool))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert within(301, pool, costs).rows.tolist() == [0, 1]  # both are paid for
    costs[1] = 299
    pool["tags"], pool["quality_scores"] = pool["tags"][[0, 1, 2, 2]], np.array([1.0, 1000, 1, 1e-9])
    assert within(300, pool, np.array([2, 299, 5, 1])).rows.tolist() == [1, 3]  # what is left is spent behind it


def test_rows_that_do_not_fit_are_passed_over():
    tags = csr_array(np.eye(3))
    pool = {"tags": tags, "quality_scores": np.array([9.0, 8.0, 1.0]), "label_graph": csr_array(np.eye(3))}
    assert within(11, pool, np.array([6, 6, 5])).rows.tolist() == [0, 2]


def test_rows_without_information_are_taken_when_all_others_are():
    tags = csr_array(np.array([[0.0], [1.0], [0.0]]))
    pool = {"tags": tags, "quality_scores": np.ones(3), "label_graph": csr_array(np.eye(1))}
    chosen = within(30, pool, np.array([20, 5, 5]))
    assert (chosen.rows.tolist(), chosen.gains.tolist()[1:]) == ([1, 0, 2], [0.0, 0.0])


def test_gains_are_what_rows_add_and_not_divided_by_their_tokens():
    pool, costs = costly_pool(3)
    chosen = within(int(costs.sum() // 2), pool, costs)
    assert chosen.gains.sum() == pytest.approx(chosen.objective)
    rows = chosen.rows.tolist()
    assert chosen.gains[3] == pytest.approx(value(rows[:4], pool) - value(rows[:3], pool))


def test_the_gradient_rule_is_warned_of_and_the_exact_one_is_the_default():
    pool, costs = costly_pool(3)
    with pytest.warns(SelectionWarning, match='gain="gradient" has no guarantee under a budget in tokens'):
        within(100, pool, costs, gain="gradient")
    np.testing.assert_array_equal(within(100, pool, costs).rows, within(100, pool, costs, gain="exact").rows)


def test_a_smaller_budget_agrees_up_to_the_first_row_that_it_does_not_pay_for():
    for seed in range(20):
        pool, costs = costly_pool(seed, 80)
        large = within(int(costs.sum() // 2), pool, costs).rows
        budget = int(costs.sum() // 5)
        small = within(budget, pool, costs).rows
        alike = int(np.searchsorted(np.cumsum(costs[large]), budget, side="right"))
        assert alike > 2
        assert small[:alike].tolist() == large[:alike].tolist()


@pytest.mark.parametrize(("score", "first", "near"), [(4.0 - 1e-10, 0, True), (4.0 + 1e-10, 2, True), (4.1, 2, False)])
def test_a_single_row_as_good_as_all_that_greedy_takes_to_a_hair_is_a_near_tie(score, first, near):
    tags = csr_array(np.array([[1.0, 0, 0], [0, 1.0, 0], [0, 0, 1.0]]))
    pool = {"tags": tags, "quality_scores": np.array([3.0, 1.0, score]), "label_graph": csr_array(np.eye(3))}
    chosen = within(4, pool, np.array([1, 1, 4]), gain="exact", phi_b=1.0)
    assert chosen.rows[0] == first
    assert (1 in chosen.near_ties) == near


def test_two_single_rows_that_are_nearly_as_good_are_a_near_tie_where_one_goes_first():
    tags = csr_array(np.eye(3))
    scores = np.array([1.0, 8.0, 8.0 + 1e-10])
    pool = {"tags": tags, "quality_scores": scores, "label_graph": csr_array(np.eye(3))}
    chosen = within(9, pool, np.array([1, 9, 9]), gain="exact", phi_b=1.0)
    assert (chosen.rows.tolist(), chosen.near_ties.tolist()) == ([2], [1])

"""Ranks at which another row came within 1e-9 of the one taken, against looking at every row at every rank."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mig_dagster.selection import instruct_mining, iterit, mig
from mig_dagster.selection.base import NEAR
from mig_dagster.selection.lazy_greedy import lazy_greedy
from mig_dagster.selection.mig_problem import problem
from mig_dagster.selection.mig_rules import Exact, Gradient, Knowledge
from mig_dagster.selection.pool_scan import NumpyScan
from mig_dagster.selection.twins import next_twins
from tests.selection.pools import random_pool

RULES = {"gradient": Gradient, "exact": Exact}
DEFAULTS = {"phi_type": "pow", "phi_alpha": 1.0, "phi_a": 1e-6, "phi_b": 0.8, "prop_weight": 1.0, "norm": False}


def nearly_equal(pool, seed):
    """Return the pool with scores of which about half are moved by some 1e-12, or by 1e-8: too far for a near-tie."""
    rng = np.random.default_rng(seed)
    moves = rng.choice([0.0, 1e-12, 3e-12, 1e-8], len(pool["quality_scores"]))
    return pool | {"quality_scores": pool["quality_scores"] * (1 + moves)}


def every_row_at_every_rank(pool, rule_type, k):
    """Return the rows that the best gain takes, and the ranks at which an unequal gain was near it."""
    parts = problem(**pool, **DEFAULTS)
    n = len(parts.weights)
    rule = rule_type(parts.tags, parts.weights, Knowledge(parts.propagation, parts.phi))
    rule.attach(np.arange(n), np.full(n, np.inf))
    left, rows, near = list(range(n)), [], []
    for rank in range(1, k + 1):
        gains = {row: rule.gain(row) for row in left}
        best = min(left, key=lambda row: (-gains[row], row))
        limit = gains[best] * (1 - NEAR)
        near += [rank] * any(limit <= gains[row] < gains[best] for row in left)
        rows.append(best)
        left.remove(best)
        rule.take(best)
    return rows, near


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), gain=st.sampled_from(list(RULES)), hot=st.sampled_from([1, 3, 64]))
def test_near_ties_are_those_that_looking_at_every_row_finds(seed, gain, hot):
    pool = nearly_equal(random_pool(seed, 40, 9, quantised=True), seed)
    rows, near = every_row_at_every_rank(pool, RULES[gain], 40)
    parts = problem(**pool, **DEFAULTS)
    rule = RULES[gain](parts.tags, parts.weights, Knowledge(parts.propagation, parts.phi))
    scan = NumpyScan(parts.tags, parts.weights, np.full(40, np.inf), rule.slack)
    found = lazy_greedy(40, rule, scan, next_twins(parts.tags, parts.weights), hot)
    assert found[0].tolist() == rows
    assert found[2].tolist() == near


def two_rows(difference):
    """Return a pool in which the first two rows, about labels of their own, differ by that much, and a third does."""
    scores = [2.0, 2.0 * (1 + difference), 1.0]
    return {"tags": np.eye(3), "quality_scores": scores, "label_graph": np.eye(3)}


@pytest.mark.parametrize("gain", list(RULES))
@pytest.mark.parametrize(("difference", "near"), [(0.0, []), (1e-12, [1]), (1e-10, [1]), (1e-8, [])])
def test_two_rows_that_differ_by_next_to_nothing_are_a_near_tie_and_equal_ones_are_none(difference, near, gain):
    chosen = mig(3, **two_rows(difference), gain=gain)
    assert chosen.rows.tolist() == ([1, 0, 2] if difference else [0, 1, 2])
    assert chosen.near_ties.tolist() == near


def test_rows_that_gain_nothing_are_no_near_ties():
    chosen = mig(4, tags=np.zeros((4, 2)), quality_scores=[1.0, 2.0, 3.0, 4.0], label_graph=np.eye(2), gain="exact")
    assert chosen.near_ties.tolist() == []


def test_near_ties_of_expected_losses_are_those_of_neighbouring_values():
    values = [3.0, 1.0, 1.0 + 1e-12, 1.0, 2.0, 2.0 - 1e-8]
    rule = {"constant": 0.0, "len": 1.0}
    chosen = instruct_mining(6, indicators={"len": values}, rule="fitted", coefficients=rule)
    assert chosen.rows.tolist() == [1, 3, 2, 5, 4, 0]
    assert chosen.near_ties.tolist() == [1, 2]


@pytest.mark.parametrize(("difference", "near"), [(0.0, []), (1e-12, [1]), (1e-8, [])])
def test_two_answers_that_score_next_to_the_same_are_a_near_tie(difference, near):
    scores = [0.5, 0.5 * (1 + difference), 0.1]
    chosen = iterit(3, ifd_scores=scores, responses=["one two", "three four", "five six"])
    assert chosen.near_ties.tolist() == near
    assert chosen.rows.tolist() == ([1, 0, 2] if difference else [0, 1, 2])

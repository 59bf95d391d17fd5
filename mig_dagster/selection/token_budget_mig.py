"""MIG under a budget in tokens: take the row that adds most information per token, as long as the budget pays for it.

Problem     maximise E(S), the objective of `mig`, over the sets of rows whose tokens together are at most the budget:
            a monotone submodular objective under a knapsack constraint
Source      Khuller, Moss and Naor 1999, "The Budgeted Maximum Coverage Problem", Information Processing Letters 70(1),
            the better of cost-benefit greedy and of the best single row is at least (1 - 1/e) / 2 = 0.316 of the
            optimum, for coverage; Leskovec et al. 2007, "Cost-effective Outbreak Detection in Networks" (KDD), for any
            monotone submodular objective (neither was read: both are known from secondary sources); Tang et al. 2020,
            arXiv:2008.05391, the same algorithm reaches 0.405 (its abstract was read for the number, not the proof)
Rule        At every step the row of the largest gain / tokens is looked at, of equals the lowest one: if what is left
            pays for it, it is taken, else it is passed over for good. If the best single row has a larger E than all
            rows so taken, it goes first, and the loop begins anew behind it: E is then at least that of the single row
Holds       for gain="exact" only. gain="gradient" ranks by first-order gains, which overstate what a row adds most
            where little is known yet: a heuristic, of which is warned
Departures  From the sources: rows go on behind the best single row (test_the_best_single_row_goes_first_where_it_says_
            more_than_all_that_greedy_takes); equal ratios go to the lowest row
            (test_the_rows_are_those_of_a_loop_that_computes_all_ratios_anew).

Not nested: a smaller budget passes over rows that a larger one takes. Up to the first row that the smaller budget does
not pay for both choices are the same, where the best single row goes first in neither.
"""

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from mig_dagster.selection.base import NEAR, Rows, Selection, SelectionWarning, Vector, options
from mig_dagster.selection.lazy_greedy import lazy_greedy
from mig_dagster.selection.mig import RULES, first_limits, mig, scan_of
from mig_dagster.selection.mig_problem import Problem, problem
from mig_dagster.selection.mig_rules import Exact, Knowledge
from mig_dagster.selection.token_budget_rule import PerToken, TokenPurse
from mig_dagster.selection.twins import NO_TWIN, next_twins

DEFAULTS: Mapping[str, Any] = {"gain": "exact"}
"""Options of `mig` that have another default under a budget in tokens: the guarantee holds for the exact gain."""


def mig_within(
    budget: int, *, costs: Rows, arguments: Mapping[str, Any], settings: Mapping[str, Any], device: str | None = None
) -> Selection:
    """Choose rows that tell the label graph most for the tokens that they cost.

    Args:
        budget: tokens to spend.
        costs: (n,) int64, at least 1.
        arguments: `tags`, `quality_scores`, `label_graph`, as `mig` takes them.
        settings: options of `mig`; those left out are `mig`'s, save `DEFAULTS`.
        device: as of `mig`.

    Returns:
        Rows in the order taken, (k,) gains (not divided by costs), E as `objective`; not nested.

    Raises:
        ValueError: no row is paid for by the budget, or as `mig` does.

    Warns:
        SelectionWarning: under "gradient"; where the best single row goes first.
    """
    asked = {name: default for name, (_, default) in options(mig).items()} | dict(DEFAULTS) | dict(settings)
    gain = asked.pop("gain")
    if gain not in RULES:
        raise ValueError(f"gain must be one of {sorted(RULES)}, got {gain!r}")
    given = problem(**arguments, **asked)
    if gain == "gradient":
        warnings.warn(
            'gain="gradient" has no guarantee under a budget in tokens, as it overstates what a row adds; pass '
            'gain="exact", which reaches at least 0.316 of the most information that the budget can buy',
            SelectionWarning,
            stacklevel=2,
        )
    loop = _Loop(given, costs, budget, gain, device)
    rows, gains, near_ties = loop.run()
    single, nearly_another = loop.best_single()
    alone, value = given.value(np.array([single])), given.value(rows)
    nearly_greedy = 0 < abs(alone - value) <= NEAR * value and rows[0] != single
    if goes_first := alone > value:
        warnings.warn(
            f"row {single} alone says more than the {len(rows)} rows of the largest gain per token together: it goes "
            "first, and the budget that is left is spent behind it",
            SelectionWarning,
            stacklevel=2,
        )
        rows, gains, near_ties = loop.run(single)
        value = given.value(rows)
    if nearly_greedy or (goes_first and nearly_another):
        near_ties = np.union1d(near_ties, [1])
    return Selection(rows, gains, objective=value, nested=False, near_ties=near_ties)


class _Loop:
    """The greedy loop over one pool."""

    def __init__(self, given: Problem, costs: Rows, budget: int, gain: str, device: str | None) -> None:
        self._given, self._costs, self._budget, self._gain, self._device = given, costs, budget, gain, device

    def run(self, first: int | None = None) -> tuple[Rows, Vector, Rows]:
        """Return rows, their gains and the ranks of near-ties; with `first` already taken where it is given."""
        given, costs = self._given, self._costs
        inner = RULES[self._gain](given.tags, given.weights, Knowledge(given.propagation, given.phi))
        rule, purse = PerToken(inner, costs), TokenPurse(self._budget, costs)
        limits = np.full(len(costs), np.inf)
        if self._gain == "exact":
            limits = first_limits(given) * inner.slack * (1 + 1e-12) / costs
        twins = self._twins()
        taken: list[tuple[int, float]] = []
        if first is not None:
            rule.attach(np.array([first]), np.array([np.inf]))
            taken.append((first, inner.gain(first)))
            rule.take(first)
            purse.pays(first)
            limits[first], twins[first] = -1.0, NO_TWIN
        scan = scan_of(given.tags, given.weights / costs, limits, rule.slack, self._device)
        rows, ratios, near = lazy_greedy(len(costs) - len(taken), rule, scan, twins, purse=purse)
        rows = np.concatenate([np.array([row for row, _ in taken], np.int64), rows])
        gains = np.concatenate([np.array([gain for _, gain in taken]), ratios * costs[rows[len(taken) :]]])
        return rows, gains, near + len(taken)

    def best_single(self) -> tuple[int, bool]:
        """Return the row of the largest true gain alone of those that the budget pays for, and whether one is near it.

        The lowest of equals.
        """
        given = self._given
        rule = Exact(given.tags, given.weights, Knowledge(given.propagation, given.phi))
        limits = first_limits(given) * rule.slack
        limits[self._costs > self._budget] = -1.0
        scan = scan_of(given.tags, given.weights, limits, rule.slack, self._device)
        rows, _, near_ties = lazy_greedy(1, rule, scan, np.full(len(self._costs), NO_TWIN))
        return int(rows[0]), len(near_ties) > 0

    def _twins(self) -> Rows:
        """Return the next row of the same labels, weight and cost: no other ties for ever."""
        _, weights = np.unique(self._given.weights, return_inverse=True)
        distinct, costs = np.unique(self._costs, return_inverse=True)
        return next_twins(self._given.tags, (weights * len(distinct) + costs).astype(np.float64))

"""MIG again from any of its steps: what was known then, what every row would have gained, and which row comes next."""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from scipy.sparse import csr_array

from mig_dagster.selection.base import Rows, Vector
from mig_dagster.selection.lazy_greedy import HOT, lazy_greedy
from mig_dagster.selection.mig import RULES
from mig_dagster.selection.mig_problem import Problem
from mig_dagster.selection.mig_rules import TINY, Knowledge, information
from mig_dagster.selection.pool_scan import NumpyScan
from mig_dagster.selection.reasons.base import Tokens
from mig_dagster.selection.twins import next_twins

CHUNK = 65_536
"""Rows whose information is held at once: some 50 MB."""
CLOSE = 1 - 1e-11
"""Gains computed in bulk below this share of the highest cannot be the highest as the rule computes them."""


@dataclass(frozen=True, eq=False)
class Replay:
    """A choice of MIG that can be entered at any step.

    Attributes:
        given: the problem it was chosen from.
        rows: (k,) the rows in the order chosen.
        gain: the rule that chose: "gradient" or "exact".
        tokens: the budget where it is one in tokens: then gains are ranked per token.
    """

    given: Problem
    rows: Rows
    gain: str
    tokens: Tokens | None = None

    @cached_property
    def told(self) -> csr_array:
        """(k, m) what each chosen row told each label."""
        return information(self.given.tags[self.rows], self.given.weights[self.rows], self.given.propagation)

    def knowledge(self, steps: int) -> Knowledge:
        """Return what was known after some steps, to the last bit as the greedy loop had it."""
        knowledge = Knowledge(self.given.propagation, self.given.phi)
        starts, labels, shares = self.told.indptr.tolist(), self.told.indices.tolist(), self.told.data.tolist()
        for start, end in pairwise(starts[: steps + 1]):
            knowledge.tell((labels[start:end], shares[start:end]))
        return knowledge

    def rule_gain(self, knowledge: Knowledge, row: int) -> float:
        """Return the gain of a row under the rule, as the greedy loop computes it."""
        return float(self._scored(knowledge, np.array([row]))[0])

    def true_gain(self, knowledge: Knowledge, row: int) -> float:
        """Return by how much a row would raise the objective."""
        return float(self._true_gains(knowledge, np.array([row]))[0])

    def best(self, knowledge: Knowledge, left: Rows) -> int | None:
        """Return the row that ranks highest, of equal ones the lowest row; None of no rows.

        Exact: every row is scored, but for those whose first-order gain, which no true gain exceeds, is too low.

        Args:
            knowledge: the state.
            left: rows to choose from, ascending.
        """
        if not len(left):
            return None
        gains = self._first_order(knowledge)[left] / self.costs(left)
        if self.gain == "exact":
            gains = self._true_where_it_counts(knowledge, left, gains)
            if gains.max() > TINY:
                close = np.flatnonzero(gains >= gains.max() * CLOSE)
                left, gains = left[close], self._scored(knowledge, left[close]) / self.costs(left[close])
        return int(left[np.argmax(gains)])

    def next_rows(self, knowledge: Knowledge, left: Rows, count: int) -> Rows:
        """Return the rows that a selection by rows takes next from a state, which changes.

        Args:
            knowledge: the state.
            left: rows to choose from, ascending.
            count: how many to take at most.
        """
        tags, weights = self.given.tags[left], self.given.weights[left]
        limits = np.full(len(left), np.inf)
        rule = RULES[self.gain](tags, weights, knowledge)
        if self.gain == "exact":
            limits = self._true_gains(knowledge, left) * rule.slack
        scan = NumpyScan(tags, weights, limits, rule.slack)
        found = lazy_greedy(min(count, len(left)), rule, scan, next_twins(tags, weights))
        return left[found[0]]

    def left(self, steps: int) -> Rows:
        """Return the rows that can be taken after some steps, ascending: those that are left and not too dear."""
        free = np.ones(len(self.given.weights), np.bool_)
        if self.tokens is not None:
            free = self.tokens.costs <= self.tokens.left(self.rows[:steps])[-1]
        free[self.rows[:steps]] = False
        return np.flatnonzero(free)

    def costs(self, rows: Rows) -> Rows:
        """Return what gains of some rows are divided by to be ranked: their tokens, or 1."""
        return np.ones(len(rows), np.int64) if self.tokens is None else self.tokens.costs[rows]

    def _first_order(self, knowledge: Knowledge) -> Vector:
        gains: Vector = self.given.tags @ knowledge.worths()
        gains *= self.given.weights
        return gains

    def _true_where_it_counts(self, knowledge: Knowledge, left: Rows, limits: Vector) -> Vector:
        """Return true gains, or -1 of rows that cannot have the highest."""
        gains = np.full(len(left), -1.0)
        first = np.argpartition(-limits, min(HOT, len(left)) - 1)[:HOT]
        gains[first] = self._true_gains(knowledge, left[first]) / self.costs(left[first])
        rest = np.flatnonzero((gains < 0) & (limits >= gains.max() * CLOSE))
        gains[rest] = self._true_gains(knowledge, left[rest]) / self.costs(left[rest])
        return gains

    def _true_gains(self, knowledge: Knowledge, rows: Rows) -> Vector:
        known = np.array(knowledge.known, np.float64)
        gains = np.empty(len(rows))
        for start in range(0, len(rows), CHUNK):
            some = rows[start : start + CHUNK]
            shares = information(self.given.tags[some], self.given.weights[some], self.given.propagation)
            owners = np.repeat(np.arange(len(some)), np.diff(shares.indptr))
            added = self.given.phi.gains(known[shares.indices], shares.data)
            gains[start : start + CHUNK] = np.bincount(owners, added, minlength=len(some))
        return gains

    def _scored(self, knowledge: Knowledge, rows: Rows) -> Vector:
        """Return the gains of a few rows in the arithmetic of the greedy loop."""
        rule = RULES[self.gain](self.given.tags, self.given.weights, knowledge)
        rule.attach(rows, np.full(len(rows), np.inf))
        return np.array([rule.gain(row) for row in rows.tolist()])

"""What can be said of one row of MIG's pool: its gains, the labels it speaks of, who told them, and what it lost to."""

from functools import cached_property
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from mig_dagster.selection.base import Rows, Vector
from mig_dagster.selection.mig_problem import Problem, problem
from mig_dagster.selection.mig_rules import Knowledge, information
from mig_dagster.selection.reasons.base import Choice
from mig_dagster.selection.reasons.label_gains import direct_shares
from mig_dagster.selection.reasons.mig_replay import Replay

LABELS = 10
"""Labels that are named, those that a row would tell most on a fresh graph."""
TELLERS = 3
"""Chosen rows that are named for each label."""
FARTHEST = 20_000
"""Ranks after the last that a row not chosen is looked for at most: seconds in a pool of a million."""
FIRST_LOOK = 1_000


class MigStory:
    """What can be said of one row; the state is that before it was taken, or the last."""

    def __init__(self, choice: Choice, row: int) -> None:
        self.choice, self.row = choice, row
        self.given = problem_of(choice)
        self.replay = Replay(self.given, choice.rows, choice.options["gain"], choice.tokens)
        rank = int(choice.ranks[row])
        self.steps = rank - 1 if rank else len(choice.rows)
        self.now = self.replay.knowledge(self.steps)
        self.mine = information(self.given.tags[[row]], self.given.weights[[row]], self.given.propagation)
        self.mine.eliminate_zeros()

    @cached_property
    def told(self) -> csr_array:
        """(k, labels of the row) what each chosen row told each of them."""
        return csr_array(self.replay.told[:, self.mine.indices])

    def gains(self, knowledge: Knowledge) -> dict[str, float]:
        """Return the row's gain under the rule and its true gain."""
        return {
            "rule": self.replay.rule_gain(knowledge, self.row),
            "true": self.replay.true_gain(knowledge, self.row),
        }

    def labels(self) -> list[dict[str, Any]]:
        """Return what the row tells its labels, those of the highest fresh gain first."""
        shares, phi = self.mine.data, self.given.phi
        own = Problem(self.given.tags[[self.row]], self.given.weights[[self.row]], self.given.propagation, phi)
        direct = direct_shares(own, self.mine)
        before = np.array(self.now.known)[self.mine.indices]
        gain, fresh = phi.gains(before, shares), phi.gains(np.zeros(len(shares)), shares)
        before_rank = self.told[: self.steps].tocsc()
        return [
            {
                "label": self.choice.labels[int(self.mine.indices[at])],
                "direct": float(direct[at]),
                "propagated": max(float(shares[at] - direct[at]), 0.0),
                "before": float(before[at]),
                "gain": float(gain[at]),
                "fresh": float(fresh[at]),
                "left": float(gain[at] / fresh[at]) if fresh[at] else 0.0,
                "told_by": self._tellers(before_rank, at),
            }
            for at in np.argsort(-fresh, kind="stable")[:LABELS].tolist()
        ]

    def raised_most(self, count: int) -> list[str]:
        """Return the labels whose information the row raised most, or would now."""
        gain = self.given.phi.gains(np.array(self.now.known)[self.mine.indices], self.mine.data)
        highest = self.mine.indices[np.argsort(-gain, kind="stable")[:count]]
        return [self.choice.labels[label] for label in highest.tolist()]

    def _tellers(self, told: Any, label: int) -> list[dict[str, Any]]:
        part = slice(told.indptr[label], told.indptr[label + 1])
        steps, shares = told.indices[part], told.data[part]
        order = np.lexsort((steps, -shares))[: min(TELLERS, np.count_nonzero(shares))].tolist()
        return [self.choice.row(int(self.choice.rows[steps[at]])) | {"share": float(shares[at])} for at in order]

    def nearest(self) -> dict[str, Any] | None:
        """Return the other chosen row whose information is most like the row's."""
        told = self.replay.told
        length = np.sqrt(self.mine.data @ self.mine.data)
        lengths = np.sqrt(np.bincount(_owners(told), told.data**2, minlength=told.shape[0]))
        others = np.flatnonzero((lengths > 0) & (self.choice.rows != self.row))
        if not (length > 0 and len(others)):
            return None
        products = (told @ self.mine.T).toarray().ravel()[others]
        cosines = np.minimum(products / (lengths[others] * length), 1.0)
        at = int(np.argmax(cosines))
        return self.choice.row(int(self.choice.rows[others[at]])) | {"cosine": float(cosines[at])}

    def runner_up(self) -> dict[str, Any] | None:
        """Return the row that would have been taken at the row's step without it."""
        left = self.replay.left(self.steps)
        found = self.replay.best(self.now, left[left != self.row])
        if found is None:
            return None
        mine, other = (self.replay.rule_gain(self.now, row) for row in (self.row, found))
        cost, of_other = self.replay.costs(np.array([self.row, found])).tolist()
        return self.choice.row(found) | {"gain": other, "margin": mine / cost - other / of_other}

    def closest(self) -> dict[str, Any] | None:
        """Return the step at which the row's gain was the largest share of that of the row taken."""
        gains, taken = self._gains_at_every_step(), self.choice.gains
        costs = self.replay.costs(self.choice.rows) / self.replay.costs(np.array([self.row]))
        fair = taken > 0
        if self.choice.tokens is not None:
            fair &= self.choice.tokens.left(self.choice.rows)[:-1] >= self.choice.tokens.costs[self.row]
        if not fair.any():
            return None
        share = np.divide(gains * costs, taken, out=np.full(len(taken), -1.0), where=fair)
        at = int(np.argmax(share))
        return self.choice.row(int(self.choice.rows[at])) | {
            "gain": float(gains[at]),
            "taken": float(taken[at]),
            "share": float(share[at]),
        }

    def _gains_at_every_step(self) -> Vector:
        """Return (k,) the row's gain under the rule before each row was taken."""
        told = self.told.toarray()
        before = np.vstack([np.zeros((1, told.shape[1])), np.cumsum(told, axis=0)[:-1]])
        shares = np.broadcast_to(self.mine.data, before.shape)
        if self.replay.gain == "exact":
            gains = self.given.phi.gains(before, shares)
        else:
            gains = np.vectorize(self.given.phi.slope, otypes=[float])(before) * shares
        return np.asarray(gains.sum(axis=1))

    def next_rank(self) -> dict[str, int]:
        """Return the rank the row would have if the selection went on, or when it became too dear."""
        taken = len(self.choice.rows)
        if self.choice.tokens is not None:
            tokens = self.choice.tokens.left(self.choice.rows)
            pays = int(np.count_nonzero(tokens >= self.choice.tokens.costs[self.row]))
            return {"left": int(tokens[-1])} | ({"too_dear_after": pays} if pays <= taken else {})
        left = self.replay.left(taken)
        most = min(len(left), FARTHEST)
        count = min(FIRST_LOOK, most)
        while True:
            rows = self.replay.next_rows(self.replay.knowledge(taken), left, count)
            found = np.flatnonzero(rows == self.row)
            if len(found):
                return {"rank": taken + int(found[0]) + 1}
            if count == most:
                return {"after": taken + count}
            count = min(8 * count, most)


def problem_of(choice: Choice) -> Problem:
    """Return what a choice of `mig` was chosen from."""
    settings = {name: value for name, value in choice.options.items() if name != "gain"}
    return problem(**choice.arguments, **settings)


def _owners(matrix: csr_array) -> Rows:
    return np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))

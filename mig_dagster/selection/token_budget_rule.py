"""What a budget in tokens changes in the lazy greedy loop: gains are divided by costs, and what is left must pay."""

import numpy as np

from mig_dagster.selection.base import Rows, Vector
from mig_dagster.selection.lazy_greedy import Rule

ROUNDING = 1e-12
"""More than a product and a quotient of floats are off by, so that a limit is never below the gain it limits."""


class PerToken:
    """A gain rule whose gains are divided by what a row costs; they never rise, as the gains do not.

    Args:
        rule: the gains.
        costs: (n,) of rows, at least 1.
    """

    def __init__(self, rule: Rule, costs: Rows) -> None:
        self.slack = rule.slack * (1 + ROUNDING)
        self._rule, self._costs, self._each = rule, costs, costs.tolist()

    def worth(self) -> Vector:
        """Return (m,) what a row with weight 1 gains for carrying a label, first order, now; the costs are apart."""
        return self._rule.worth()

    def attach(self, rows: Rows, limits: Vector) -> Vector:
        """Make `rows` ready for `gain` and return limits on their gains per token, the given ones or lower."""
        gains = self._rule.attach(rows, np.full(len(rows), np.inf))
        lower: Vector = np.minimum(limits, gains * (1 + ROUNDING) / self._costs[rows])
        return lower

    def gain(self, row: int) -> float:
        """Return the gain of a row per token, now."""
        each: float = self._rule.gain(row) / self._each[row]
        return each

    def take(self, row: int) -> None:
        """Take a row: what is known grows."""
        self._rule.take(row)

    def repeat(self, row: int, twin: int) -> None:
        """Make `twin`, a row of the same labels, weight and cost, ready for `gain` too."""
        self._rule.repeat(row, twin)


class TokenPurse:
    """What is left of a budget; a row that it does not pay for once, it never pays for.

    Args:
        budget: tokens to spend.
        costs: (n,) of rows.
    """

    def __init__(self, budget: int, costs: Rows) -> None:
        self.left, self._costs, self._each = budget, costs, costs.tolist()

    def pays(self, row: int) -> bool:
        """Pay for a row if enough is left, and say whether it was."""
        if self._each[row] > self.left:
            return False
        self.left -= self._each[row]
        return True

    def too_dear(self) -> Rows:
        """Return the rows that cost more than is left."""
        return np.flatnonzero(self._costs > self.left)

"""The scales of scores: in which range each scorer's lie, so that what leaves it is a fault."""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scale:
    """The range of one scorer's values.

    Attributes:
        low: least value of a turn; -inf where there is none.
        high: largest value of a turn.
        per_turn: whether a row has a value per turn, so that `turn_sum` leaves the range; else one for the row.
    """

    low: float
    high: float
    per_turn: bool = True

    def limits(self, aggregation: str) -> tuple[float, float]:
        """Return the least and the largest score of a row, which has one turn at least."""
        if not self.per_turn or aggregation != "turn_sum":
            return self.low, self.high
        return (self.low if self.low >= 0 else -math.inf), (math.inf if self.high > 0 else self.high)

    @property
    def constant(self) -> bool:
        """Whether all rows have one value by design."""
        return self.low == self.high


SCORERS: dict[str, Scale] = {
    "lexical": Scale(1.0, 6.0),  # a rule: lexical.py
    "deita": Scale(1.0, 36.0),  # quality times complexity, each 1..6: deita.py
    "iqs": Scale(-math.inf, math.inf),  # a regression towards 0 and 1 that leaves them; 1.53 at the most in CaR's file
    "reward": Scale(-math.inf, math.inf),  # the logit of a reward model: reward.py
    "constant": Scale(1.0, 1.0, per_turn=False),  # MIG's ablation: baselines.py
    "tag_count": Scale(0.0, math.inf, per_turn=False),  # MIG's ablation: baselines.py
}
"""By scorer. A pool has one of them, since the scales have nothing to do with each other."""

_ANY = Scale(-math.inf, math.inf)


def scale_of(scorer: str) -> Scale:
    """Return the scale of a scorer; of one that only imports a column nothing is known."""
    return SCORERS.get(scorer, _ANY)

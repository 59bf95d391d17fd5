"""Rew of InstructMining: how a scorer values a row's answers, the mean over its turns.

The paper's is a reward model, `quality.reward.RewardScorer`. Where there is none the lexical rule stands in for it,
under its own name in the fingerprint; the published coefficients of Rew do not belong to its scale.
"""

from collections.abc import Sequence

from mig_dagster.annotations.annotator import Annotator, Batch, Row
from mig_dagster.annotations.cache import FragmentCache
from mig_dagster.annotations.quality import LexicalScorer, Scorer
from mig_dagster.annotations.scoring import OnTokens

AGGREGATION = "turn_mean"


class Reward:
    """The score of a row's turns under the name of the indicator.

    Args:
        scorer: None is the lexical rule.
    """

    name = "rew"

    def __init__(self, scorer: Scorer | None = None) -> None:
        self._scorer = scorer or LexicalScorer()

    @property
    def annotator(self) -> Annotator:
        """Who gives it."""
        return self._scorer.annotator(AGGREGATION)

    def measure(self, rows: Sequence[Row], cache: FragmentCache | None, progress: OnTokens | None) -> Batch:
        """Return the score of each row; flagged where the scorer gives none."""
        made = self._scorer.score(rows, AGGREGATION, cache, progress)
        counts = {f"{self.name}_{what}": count for what, count in made.counts.items()}
        return Batch({self.name: made.values["score"]}, made.flags, counts)

"""Rew of InstructMining: how a scorer values a row's answers, the mean over its turns.

The paper's is a reward model. Where there is none the lexical rule stands in for it, under its own name in the
fingerprint; the published coefficients of Rew do not belong to its scale.
"""

from collections.abc import Sequence

from mig_dagster.annotations.annotator import Annotator, Batch, Row
from mig_dagster.annotations.cache import FragmentCache
from mig_dagster.annotations.quality import LexicalScorer, score_rows
from mig_dagster.annotations.scoring import OnTokens

AGGREGATION = "turn_mean"


class Reward:
    """The score of a row's turns under the name of the indicator."""

    name = "rew"

    @property
    def annotator(self) -> Annotator:
        """Who gives it."""
        return LexicalScorer().annotator(AGGREGATION)

    def measure(self, rows: Sequence[Row], cache: FragmentCache | None, progress: OnTokens | None) -> Batch:
        """Return the score of each row; flagged where the scorer gives none."""
        made = score_rows(rows, LexicalScorer(), AGGREGATION, cache)
        return Batch({self.name: made.values["score"]}, made.flags)

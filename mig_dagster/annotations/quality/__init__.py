"""Quality scores: how good a row's answers are, by one named scorer; one file per scorer.

| scorer      | what                                              | range of a turn    |
|-------------|---------------------------------------------------|--------------------|
| `lexical`   | a rule over the surface of a text, a stand-in     | 1..6               |
| `deita`     | DEITA's quality times complexity                  | 1..36              |
| `iqs`       | CaR's instruction quality scorer                  | none; mostly 0..1  |
| `reward`    | the logit of a reward model                       | none               |
| `constant`  | 1                                                 | 1, of a row        |
| `tag_count` | the number of distinct tags                       | from 0, of a row   |
"""

from mig_dagster.annotations.quality.baselines import ConstantScorer, TagCountScorer
from mig_dagster.annotations.quality.deita import DeitaScorer
from mig_dagster.annotations.quality.imported import ImportedScorer
from mig_dagster.annotations.quality.iqs import IqsModel, IqsScorer
from mig_dagster.annotations.quality.lexical import LexicalScorer
from mig_dagster.annotations.quality.reward import RewardModel, RewardScorer
from mig_dagster.annotations.quality.scales import SCORERS, Scale, scale_of
from mig_dagster.annotations.quality.scores import Scorer, score_rows
from mig_dagster.annotations.quality.turns import AGGREGATIONS

__all__ = [
    "AGGREGATIONS",
    "SCORERS",
    "ConstantScorer",
    "DeitaScorer",
    "ImportedScorer",
    "IqsModel",
    "IqsScorer",
    "LexicalScorer",
    "RewardModel",
    "RewardScorer",
    "Scale",
    "Scorer",
    "TagCountScorer",
    "scale_of",
    "score_rows",
]

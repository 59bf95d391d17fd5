"""The indicators of InstructMining that belong to a row alone, one file each; Knn_i belongs to a pool and is none.

| indicator           | what                                                                | range     |
|---------------------|---------------------------------------------------------------------|-----------|
| `len`, `output_len` | tokens of instruction and response, of the response                 | from 0    |
| `mtld`              | lexical diversity of the response                                   | from 1    |
| `rew`               | a reward model's logit, or the lexical score                        | none      |
| `ppl`               | perplexity of the answers: `ifd.Perplexity`                         | from 1    |
| `nat`, `coh`, `und` | UniEval-dialog: natural, coherent with the history, understandable  | 0..1      |
"""

from mig_dagster.annotations.indicators.mtld import Mtld
from mig_dagster.annotations.indicators.reward import Reward
from mig_dagster.annotations.indicators.rows import Indicator, indicator_rows, indicators_annotator
from mig_dagster.annotations.indicators.token_lengths import TokenLength
from mig_dagster.annotations.indicators.unieval import UniEval, UniEvalModel

__all__ = [
    "Indicator",
    "Mtld",
    "Reward",
    "TokenLength",
    "UniEval",
    "UniEvalModel",
    "indicator_rows",
    "indicators_annotator",
]

"""The indicators of InstructMining that belong to a row alone, one file each; Knn_i belongs to a pool and is none."""

from mig_dagster.annotations.indicators.mtld import Mtld
from mig_dagster.annotations.indicators.reward import Reward
from mig_dagster.annotations.indicators.rows import Indicator, indicator_rows
from mig_dagster.annotations.indicators.token_lengths import TokenLength

__all__ = ["Indicator", "Mtld", "Reward", "TokenLength", "indicator_rows"]

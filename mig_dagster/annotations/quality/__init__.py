"""Quality scores: how good a row's answers are, by one named scorer; one file per scorer."""

from mig_dagster.annotations.quality.scores import AGGREGATIONS, SCORERS, score_rows

__all__ = ["AGGREGATIONS", "SCORERS", "score_rows"]

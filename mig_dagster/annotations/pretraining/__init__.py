"""The pool's own tiny language model: a tokenizer and a causal model trained on a sample of the pool."""

from mig_dagster.annotations.pretraining.language_model import train_language_model
from mig_dagster.annotations.pretraining.report import TrainingReport
from mig_dagster.annotations.pretraining.sample import sampled_ids, split_held_out
from mig_dagster.annotations.pretraining.settings import TrainingSettings
from mig_dagster.annotations.pretraining.training import OnTraining, TrainingProgress

__all__ = [
    "OnTraining",
    "TrainingProgress",
    "TrainingReport",
    "TrainingSettings",
    "sampled_ids",
    "split_held_out",
    "train_language_model",
]

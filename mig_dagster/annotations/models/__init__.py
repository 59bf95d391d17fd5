"""Models from the Hugging Face Hub or a folder: what is asked for, loading, and batched passes over token sequences."""

from mig_dagster.annotations.models.language_model import CausalLanguageModel
from mig_dagster.annotations.models.pretrained import PretrainedModel
from mig_dagster.annotations.models.specification import ModelSpec

__all__ = ["CausalLanguageModel", "ModelSpec", "PretrainedModel"]

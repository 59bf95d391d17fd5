"""What `--config` may say of everything before a selection method."""

from dataclasses import dataclass, field
from typing import Literal

from pydantic import ConfigDict

from mig_dagster.annotations.model_files import MINILM
from mig_dagster.stages.label_space import VocabularyOptions
from mig_dagster.stages.subset import MAX_NULL_SHARE

STRICT = ConfigDict(extra="forbid")
"""A misspelt name is an error and no default."""


@dataclass(frozen=True)
class EncoderOptions:
    """The sentence encoder of tags, labels and rows."""

    __pydantic_config__ = STRICT

    model: str = MINILM
    device: str = "cpu"
    batch_tokens: int = 4096
    max_tokens: int = 256


@dataclass(frozen=True)
class QualityOptions:
    """The scale of the scores: one for the whole pool."""

    __pydantic_config__ = STRICT

    scorer: Literal["lexical", "deita"] = "lexical"
    aggregation: Literal["turn_mean", "turn_sum"] = "turn_mean"


@dataclass(frozen=True)
class EmbeddingOptions:
    """What of a row is embedded: all user messages, or all messages."""

    __pydantic_config__ = STRICT

    text: Literal["instruction", "conversation"] = "instruction"


@dataclass(frozen=True)
class GraphOptions:
    """How alike two labels must be to share information: exactly one of the two is set."""

    __pydantic_config__ = STRICT

    threshold: float | None = None
    target_mean_degree: float | None = None

    def chosen(self) -> dict[str, float | None]:
        """Return the two arguments of the graph; a mean degree of 4, which suits any encoder, when neither is set."""
        neither = self.threshold is None and self.target_mean_degree is None
        return {"threshold": self.threshold, "target_mean_degree": 4.0 if neither else self.target_mean_degree}


@dataclass(frozen=True)
class PoolOptions:
    """Everything before the method; the sections have the names of the assets they configure."""

    __pydantic_config__ = STRICT

    encoder: EncoderOptions = field(default_factory=EncoderOptions)
    tag_vocabulary: str | None = None
    quality_scores: QualityOptions = field(default_factory=QualityOptions)
    row_embeddings: EmbeddingOptions = field(default_factory=EmbeddingOptions)
    label_vocabulary: VocabularyOptions = field(default_factory=VocabularyOptions)
    label_graph: GraphOptions = field(default_factory=GraphOptions)
    max_null_share: float = MAX_NULL_SHARE

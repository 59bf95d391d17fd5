"""How large the pool's language model is, what it is shown, and for how long."""

from dataclasses import asdict, dataclass
from typing import Any

from mig_dagster.conversation import canonical_json, hash_text

RECIPE = "1"
"""Part of every digest of settings: changed when the same settings shall give another model."""


@dataclass(frozen=True, slots=True)
class TrainingSettings:
    """Everything that a trained model depends on, beside the texts.

    The sizes are our own choice: with them training takes about a minute on two CPU cores, and what is learned in it is
    measured by benchmarks/pool_language_model.py.

    Attributes:
        seed: of the sample, the first weights and the order of the documents.
        conversations: the most conversations in the sample.
        characters: the most characters in the sample.
        longest_text: characters at which a longer conversation is cut, so that a few huge ones do not fill the sample.
        held_out: share of the sample that is not trained on, above 0 and below 1.
        most_held_out: the most conversations held out.
        vocabulary: pieces of the byte-level BPE, at least 300; fewer where the texts hold no more.
        layers: of the transformer.
        width: of its hidden states, a multiple of 2 * `heads`.
        heads: of its attention.
        sequence_tokens: tokens of a packed training sequence, at least 8.
        batch_sequences: sequences of one step.
        steps: the most steps.
        passes: the most often that a document is shown: a small pool gets fewer steps.
        learning_rate: the highest, after warm-up.
        warm_up: share of the steps in which the rate rises from 0.
        weight_decay: of matrices.

    Raises:
        ValueError: a value is out of range.
    """

    seed: int = 0
    conversations: int = 20_000
    characters: int = 16_000_000
    longest_text: int = 16_000
    held_out: float = 0.05
    most_held_out: int = 500
    vocabulary: int = 4096
    layers: int = 2
    width: int = 128
    heads: int = 4
    sequence_tokens: int = 256
    batch_sequences: int = 4
    steps: int = 900
    passes: int = 10
    learning_rate: float = 4e-3
    warm_up: float = 0.05
    weight_decay: float = 0.1

    def __post_init__(self) -> None:
        """Refuse what cannot be trained."""
        least = {"vocabulary": 300, "sequence_tokens": 8, "conversations": 2, "seed": 0}
        for name, value in asdict(self).items():
            if isinstance(value, int) and value < least.get(name, 1):
                raise ValueError(f"{name} must be at least {least.get(name, 1)}, got {value}")
        for name, share in (("held_out", self.held_out), ("warm_up", self.warm_up)):
            if not 0 < share < 1:
                raise ValueError(f"{name} must be above 0 and below 1, got {share}")
        if self.width % (2 * self.heads):
            raise ValueError(f"width must be a multiple of 2 * heads = {2 * self.heads}, got {self.width}")
        if self.learning_rate <= 0 or self.weight_decay < 0:
            raise ValueError(
                f"learning_rate must be above 0 and weight_decay at least 0, got {self.learning_rate} and "
                f"{self.weight_decay}"
            )

    def as_dict(self) -> dict[str, Any]:
        """Return the settings as JSON values."""
        return asdict(self)

    @property
    def digest(self) -> str:
        """32 hex digits over the settings and the recipe."""
        return hash_text(canonical_json({**self.as_dict(), "recipe": RECIPE}))

"""What training a language model gave: how well it predicts, against the simplest model of the same tokens."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class TrainingReport:
    """What training a language model gave.

    A perplexity is exp of a mean natural-log loss: per token of the held-out texts, each with its end, and per byte of
    their UTF-8, which does not depend on the tokenizer. The unigram baseline knows how often each token is in the
    training texts, plus one, and nothing else.

    Attributes:
        conversations: trained on.
        held_out: conversations held out.
        characters: of the texts trained on.
        tokens: of the texts trained on.
        vocabulary: pieces of the tokenizer.
        parameters: of the model.
        steps: taken.
        trained_tokens: read in all steps.
        perplexity: per token.
        unigram_perplexity: per token.
        byte_perplexity: per byte.
        unigram_byte_perplexity: per byte.
        losses: (step, mean loss since the point before) at up to 100 steps.
        seconds: wall time of everything, the tokenizer and the evaluation included.
        threads: of torch; another number may give other last bits.
    """

    conversations: int
    held_out: int
    characters: int
    tokens: int
    vocabulary: int
    parameters: int
    steps: int
    trained_tokens: int
    perplexity: float
    unigram_perplexity: float
    byte_perplexity: float
    unigram_byte_perplexity: float
    losses: Sequence[tuple[int, float]]
    seconds: float
    threads: int

    @property
    def better_than_unigram(self) -> bool:
        """Whether the model predicts the held-out texts better than the baseline."""
        return self.perplexity < self.unigram_perplexity

    def as_dict(self) -> dict[str, Any]:
        """Return the report as JSON values."""
        return asdict(self) | {"losses": [list(point) for point in self.losses]}

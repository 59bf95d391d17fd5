r"""DEITA's scorers: how complex an instruction is, how good a response to it, each 1..6 from one forward pass.

Paper       DEITA (Liu et al., 2024, ICLR): two LLaMA-1-7B models, fine-tuned on rankings of evolved instructions.
Reference   hkust-nlp/deita, its two scorers' prompts and score: the softmax over the logits of "1".."6" as the first
            token after the prompt, and its expectation; score of a turn = quality * complexity.
Departures  A failure is a flag (the reference says 3.0). A turn that is too long for the model is cut, not the prompt
            around it, so that the cue at its end survives (`passages.cut_turn`). The ids of "1".."6" are looked up.
            Turns without an instruction or a response are left out.

Six equal logits give 3.5; (0, ln 2, 0, -inf, -inf, -inf) gives (1 + 4 + 3) / 4 = 2.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from mig_dagster.annotations.annotator import Annotations, Annotator, Batch, Column, Columns, Row
from mig_dagster.annotations.cache import FragmentCache
from mig_dagster.annotations.flags import Defect
from mig_dagster.annotations.models import CausalLanguageModel
from mig_dagster.annotations.quality.passages import Passage, cut_turn
from mig_dagster.annotations.quality.turns import Turn, rows_of_turns
from mig_dagster.annotations.scoring import OnTokens, score_items
from mig_dagster.conversation import hash_text

LEVELS = "123456"


@dataclass(frozen=True, slots=True)
class Prompt:
    """A question to a scorer.

    Attributes:
        name: what the scorer judges.
        version: changes with the text.
        text: the prompt; every space of it is one that the scorer was trained with.
    """

    name: str
    version: str
    text: str

    def around(self, turn: Turn) -> str:
        """Return the prompt for a turn."""
        return self.text.format(instruction=turn[0], output=turn[1])

    def read_of(self, turn: Turn) -> Turn:
        """Return what the prompt says of a turn; "" in place of a response that it leaves out."""
        return turn if "{output}" in self.text else (turn[0], "")


COMPLEXITY = Prompt(
    "complexity",
    "deita-complexity-1",
    "You are a helpful assistant. Please identify the complexity score of the following user query. \n"
    "##Query: {instruction}  \n"
    "##Complexity: ",
)
QUALITY = Prompt(
    "quality",
    "deita-quality-1",
    "You are a helpful assistant. Please identify the quality score of the Response corresponding to the Question. \n"
    " #Question#:\n"
    "{instruction}\n"
    "#Response#:\n"
    "{output} \n"
    "##Quality: ",
)


class LevelModel:
    """A causal language model that answers a prompt with a level from 1 to 6: a `scoring.TokenModel` of turns.

    Args:
        model: fine-tuned to answer the prompt.
        prompt: `COMPLEXITY` or `QUALITY`.
    """

    def __init__(self, model: CausalLanguageModel, prompt: Prompt) -> None:
        self.model, self.prompt = model, prompt

    @property
    def batch_tokens(self) -> int:
        """The model's: two prompts to one model learn from each other what fits into memory."""
        return self.model.batch_tokens

    @batch_tokens.setter
    def batch_tokens(self, value: int) -> None:
        self.model.batch_tokens = value

    @cached_property
    def annotator(self) -> Annotator:
        """Who gives levels."""
        files, parameters = self.model.files, self.model.spec.parameters()
        return Annotator(f"deita_{self.prompt.name}", files.name, files.revision, self.prompt.version, parameters)

    @property
    def columns(self) -> Columns:
        """The expected level, and whether the prompt was cut."""
        return {"score": np.empty(0), "truncated": np.empty(0, np.bool_)}

    def key(self, turn: Turn) -> str:
        """Return what a turn is known by in the cache: its prompt."""
        return hash_text(self.prompt.around(turn))

    def encode(self, items: Sequence[Turn]) -> list[Passage | Defect]:
        """Return the prompts as tokens, cut where they are longer than the model reads."""
        tokens = _tokens(self.model.tokenizer, [self.prompt.around(turn) for turn in items])
        limit = self.model.limit
        return [
            Passage(ids) if len(ids) <= limit else self._cut(turn, limit)
            for turn, ids in zip(items, tokens, strict=True)
        ]

    def run(self, encoded: Sequence[Passage]) -> Mapping[str, Column]:
        """Return the expected level of each prompt."""
        logits = self.model.next_token_logits([passage.ids for passage in encoded], self._levels)
        return {"score": expected_level(logits), "truncated": np.array([passage.truncated for passage in encoded])}

    def _cut(self, turn: Turn, limit: int) -> Passage | Defect:
        tokenizer = self.model.tokenizer

        def encode(part: Turn) -> Passage:
            return Passage(_tokens(tokenizer, [self.prompt.around(part)])[0])

        return cut_turn(self.prompt.read_of(turn), encode, tokenizer, limit)

    @cached_property
    def _levels(self) -> list[int]:
        return level_tokens(self.model.tokenizer, self.prompt.around(("", "")))


class DeitaScorer:
    """Quality times complexity of each turn, 1..36.

    Args:
        complexity: answers `COMPLEXITY`.
        quality: answers `QUALITY`; may be the same model.
    """

    name = "deita"

    def __init__(self, complexity: CausalLanguageModel, quality: CausalLanguageModel) -> None:
        self.models = (LevelModel(complexity, COMPLEXITY), LevelModel(quality, QUALITY))

    def annotator(self, aggregation: str) -> Annotator:
        """Return who scores: both models."""
        both = {model.prompt.name: model.annotator.as_dict() for model in self.models}
        name = " * ".join(model.annotator.model for model in self.models)
        return Annotator("deita", name, parameters={"aggregation": aggregation, **both})

    def score(
        self, rows: Sequence[Row], aggregation: str, cache: FragmentCache | None, progress: OnTokens | None
    ) -> Annotations:
        """Score distinct rows; equal instructions and equal turns are scored once."""

        def products(turns: Sequence[Turn]) -> Batch:
            first, second = (
                score_items(turns, [model.key(turn) for turn in turns], model, cache, progress) for model in self.models
            )
            return Batch(
                {
                    "score": np.asarray(first.columns["score"]) * np.asarray(second.columns["score"]),
                    "truncated": np.asarray(first.columns["truncated"]) | np.asarray(second.columns["truncated"]),
                },
                [one or other for one, other in zip(first.flags, second.flags, strict=True)],
            )

        return rows_of_turns(rows, self.annotator(aggregation), products, aggregation)


def expected_level(logits: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Return the expectation of 1..6 under the softmax of six logits.

    Args:
        logits: (n, 6); -inf is a level that cannot be.

    Returns:
        (n,) in [1, 6]; NaN where a logit is NaN or +inf, or all are -inf.
    """
    exact = logits.astype(np.float64)
    with np.errstate(invalid="ignore"):
        weights = np.exp(exact - exact.max(axis=1, keepdims=True))
    expected: npt.NDArray[np.float64] = weights @ np.arange(1.0, 7.0) / weights.sum(axis=1)
    return expected


def level_tokens(tokenizer: Any, before: str) -> list[int]:
    """Return the ids of "1".."6" as the one token that follows a prompt.

    They need not be consecutive: 29896, 29906, 29941, 29946, 29945, 29953 in LLaMA's vocabulary.

    Raises:
        ValueError: the tokenizer writes a level in several tokens, in one with the prompt's end, or two in one.
    """
    start, *answered = _tokens(tokenizer, [before, *(before + level for level in LEVELS)])
    found = [ids[-1] for ids in answered if ids[:-1] == start]
    if len(set(found)) != len(LEVELS):
        raise ValueError(
            f"the tokenizer of a DEITA scorer must write each of 1..6 after its prompt as one token of its own, but "
            f"{type(tokenizer).__name__} gives {[ids[len(start) - 1 :] for ids in answered]} after {start[-1:]}: "
            "take the tokenizer that the scorer was trained with"
        )
    return found


def _tokens(tokenizer: Any, texts: Sequence[str]) -> list[list[int]]:
    ids: list[list[int]] = tokenizer(list(texts), return_attention_mask=False, verbose=False)["input_ids"]
    return ids

"""Nat, Coh and Und of InstructMining: how UniEval-dialog answers a question about a response with Yes or No.

Paper       Zhong et al. 2022, "Towards a Unified Multi-Dimensional Evaluator for Text Generation", EMNLP. A value is
            p(Yes) / (p(Yes) + p(No)) as the first word of the answer.
Reference   maszhongming/UniEval@9d9b51d, metric/scorer.py: `max_length` 1024 (`max_tokens` of the model), and the
            questions of dialogue_questions.py. Its dialogue history has one utterance a line.
Multi-turn  Our own choice: the response is the last thing the assistant said, the history is all that user, assistant
            and tools said before it, a line each; for one turn it is the instruction. System messages are no part of a
            dialogue.
Departures  The reference cuts an input that is too long from the right, and so judges a long response's coherence
            without any history, and a long history's without what was said last. Here a response loses its end and a
            history its beginning, and neither gives way to less than half of the room for both. Inputs that fit, and
            those of Nat and Und, are as there. In float16 T5 overflows: use bfloat16 or float32.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from mig_dagster.annotations.annotator import Annotator, Batch, Column, Columns, Row
from mig_dagster.annotations.cache import FragmentCache
from mig_dagster.annotations.flags import Defect
from mig_dagster.annotations.indicators.dialogue_questions import (
    HISTORY,
    PROMPT_VERSION,
    QUESTIONS,
    Question,
    question_about,
)
from mig_dagster.annotations.model_files import ModelError
from mig_dagster.annotations.models import PretrainedModel
from mig_dagster.annotations.models.padded import TokenIds
from mig_dagster.annotations.scoring import OnTokens, score_items
from mig_dagster.conversation import hash_text

if TYPE_CHECKING:
    import numpy.typing as npt

AUTO_CLASS = "AutoModelForSeq2SeqLM"
ANSWERS = ("Yes", "No")


@dataclass(frozen=True, slots=True)
class _Read:
    ids: TokenIds
    cut: bool = False

    @property
    def tokens(self) -> int:
        return len(self.ids)


class UniEvalModel:
    """UniEval-dialog as a `scoring.TokenModel` of questions.

    Args:
        model: of `AUTO_CLASS`, with a fast tokenizer that ends a text with `</s>`.
    """

    def __init__(self, model: PretrainedModel) -> None:
        self._model = model

    @property
    def batch_tokens(self) -> int:
        """The model's."""
        return self._model.batch_tokens

    @batch_tokens.setter
    def batch_tokens(self, value: int) -> None:
        self._model.batch_tokens = value

    @cached_property
    def annotator(self) -> Annotator:
        """Who answers."""
        files, parameters = self._model.files, self._model.spec.parameters()
        return Annotator("unieval_dialog", files.name, files.revision, PROMPT_VERSION, parameters)

    @property
    def columns(self) -> Columns:
        """The value, and whether a part of the input was left out."""
        return {"value": np.empty(0), "truncated": np.empty(0, np.bool_)}

    def encode(self, items: Sequence[Question]) -> list[_Read | Defect]:
        """Return questions as tokens, cut where they are longer than the model reads."""
        if not items:
            return []
        tokens = self._tokens([question.text for question in items])["input_ids"]
        limit = self._model.limit
        return [
            _Read(np.array(ids, np.int32)) if len(ids) <= limit else self._cut(question, limit)
            for question, ids in zip(items, tokens, strict=True)
        ]

    def run(self, encoded: Sequence[_Read]) -> dict[str, Column]:
        """Return the values of one batch, float64 taken from float32 logits."""
        import torch

        model = self._model.model
        ids, mask = self._model.padded([read.ids for read in encoded])
        start = model.prepare_decoder_input_ids_from_labels(labels=torch.zeros_like(ids[:, :1]))
        with torch.inference_mode():
            logits = model(input_ids=ids, attention_mask=mask, decoder_input_ids=start, use_cache=False).logits
        answers = logits[:, 0, list(self._answers)].float().cpu().numpy()
        return {"value": share_of_yes(answers), "truncated": np.array([read.cut for read in encoded])}

    def _cut(self, question: Question, limit: int) -> _Read | Defect:
        """Return a question without the end of its response and the beginning of its history."""
        tokens = self._tokens([question.text], offsets=True)
        ids, ends = tokens["input_ids"][0], [end for _, end in tokens["offset_mapping"][0][:-1]]
        begin = len(question.lead)
        stop = begin + len(question.response)
        first, last = np.searchsorted(ends, [begin, stop], side="right").tolist()
        held = last if question.history is None else int(np.searchsorted(ends, stop + len(HISTORY), side="right"))
        response, between, history = ids[first:last], ids[last:held], ids[held:-1]
        if question.history is None:
            between, history = [], []
        room = limit - first - len(between) - 1
        kept = min(len(history), max(room - len(response), room // 2))
        if room - kept < 1:
            return Defect("truncated")
        cut = [*ids[:first], *response[: room - kept], *between, *history[len(history) - kept :], ids[-1]]
        return _Read(np.array(cut, np.int32), cut=True)

    def _tokens(self, texts: Sequence[str], offsets: bool = False) -> Any:
        options = {"return_attention_mask": False, "return_offsets_mapping": offsets, "verbose": False}
        return self._model.tokenizer(list(texts), **options)

    @cached_property
    def _answers(self) -> tuple[int, int]:
        """Token ids of Yes and No.

        Raises:
            ModelError: the tokenizer writes one of them in several tokens, so that there is no first one to ask for.
        """
        found = [self._model.tokenizer(word, add_special_tokens=False)["input_ids"] for word in ANSWERS]
        if any(len(ids) != 1 for ids in found) or found[0] == found[1]:
            raise ModelError(
                f"{self._model.files.name} must write Yes and No as one token each, but its tokenizer gives {found}: "
                "name UniEval's own model (MingZhong/unieval-dialog) with the tokenizer that lies beside it"
            )
        return found[0][0], found[1][0]


class UniEval:
    """One of UniEval-dialog's three dimensions as an indicator.

    Args:
        name: one of `QUESTIONS`.
        model: answers; the three may share one.

    Raises:
        ValueError: the name is unknown.
    """

    def __init__(self, name: str, model: UniEvalModel) -> None:
        if name not in QUESTIONS:
            raise ValueError(f"name must be one of {', '.join(QUESTIONS)}, got {name!r}")
        self.name, self._model = name, model

    @property
    def annotator(self) -> Annotator:
        """Who answers."""
        return self._model.annotator

    def measure(self, rows: Sequence[Row], cache: FragmentCache | None, progress: OnTokens | None) -> Batch:
        """Return how much the answer to the question is Yes, in [0, 1]; flagged where there is nothing to ask about."""
        questions = [question_about(row.conversation, self.name) for row in rows]
        asked = [i for i, question in enumerate(questions) if question is not None]
        items = [question for question in questions if question is not None]
        found = score_items(items, [hash_text(question.text) for question in items], self._model, cache, progress)
        values = np.full(len(rows), np.nan)
        values[asked] = found.columns["value"]
        flags: list[str | None] = ["empty_text"] * len(rows)
        for i, flag in zip(asked, found.flags, strict=True):
            flags[i] = flag
        counts = {f"{self.name}_truncated": int(np.count_nonzero(found.columns["truncated"]))}
        return Batch({self.name: values}, flags, counts)


def share_of_yes(logits: "npt.NDArray[np.float32]") -> "npt.NDArray[np.float64]":
    """Return p(Yes) / (p(Yes) + p(No)), (n,) in [0, 1].

    Args:
        logits: (n, 2) of Yes and No; what other words have cancels out.
    """
    exact = logits.astype(np.float64)
    with np.errstate(over="ignore"):  # a No that is e^700 times as likely leaves a Yes of 0
        share: npt.NDArray[np.float64] = 1 / (1 + np.exp(exact[:, 1] - exact[:, 0]))
    return share

"""The logit of a reward model: how much people would like a response to an instruction, by its own scale.

Any sequence classifier with one label, as OpenAssistant's: OpenAssistant/reward-model-deberta-v3-large-v2 (reads text
pairs) and OpenAssistant/oasst-rm-2.1-pythia-1.4b-epoch-2.5 (reads marked texts), which InstructMining's Rew comes from.
The logit is taken as it is, in float32; each turn is judged alone, as by the other scorers.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from inspect import signature
from typing import Any, Literal

import numpy as np

from mig_dagster.annotations.annotator import Annotations, Annotator, Batch, Column, Columns, Row
from mig_dagster.annotations.cache import FragmentCache
from mig_dagster.annotations.flags import Defect
from mig_dagster.annotations.model_files import ModelError
from mig_dagster.annotations.models.chat_template import in_chat_template
from mig_dagster.annotations.models.padded import padded
from mig_dagster.annotations.models.pretrained import PretrainedModel
from mig_dagster.annotations.quality.passages import Passage, cut_turn
from mig_dagster.annotations.quality.turns import Turn, rows_of_turns
from mig_dagster.annotations.scoring import OnTokens, score_items
from mig_dagster.conversation import canonical_json, hash_text

AUTO_CLASS = "AutoModelForSequenceClassification"

Form = Literal["pair", "oasst", "chat"]
FORMS: dict[str, str] = {"pair": "reward-pair-1", "oasst": "reward-oasst-1", "chat": "reward-chat-1"}
"""How a turn is put to the model, and the version of that.

pair: two texts, with whatever the tokenizer puts between them (card of reward-model-deberta-v3-large-v2).
oasst: `<|prompter|>{instruction}<|endoftext|><|assistant|>{response}<|endoftext|>` (card of oasst-rm-2.1-pythia).
chat: the tokenizer's chat template over a user and an assistant message.
"""

_OASST = "<|prompter|>{}<|endoftext|><|assistant|>{}<|endoftext|>"


class RewardModel:
    """A reward model as a `scoring.TokenModel` of turns: `score_items(turns, keys, model)` gives "score", "truncated".

    A turn that is too long is cut, not the marks around it (`passages.cut_turn`).

    Args:
        model: of `AUTO_CLASS`.
        form: one of `FORMS`; None is "chat" where the tokenizer has a chat template, else "oasst" where it knows
            `<|prompter|>`, else "pair".

    Raises:
        ValueError: the form is unknown.
    """

    def __init__(self, model: PretrainedModel, form: Form | None = None) -> None:
        if form is not None and form not in FORMS:
            raise ValueError(f"form must be one of {', '.join(FORMS)}, got {form!r}")
        self.model, self._asked = model, form

    @property
    def batch_tokens(self) -> int:
        """The model's."""
        return self.model.batch_tokens

    @batch_tokens.setter
    def batch_tokens(self, value: int) -> None:
        self.model.batch_tokens = value

    @cached_property
    def form(self) -> str:
        """How turns are put to the model; loads the tokenizer where it was not said."""
        if self._asked is not None:
            return self._asked
        if self.model.tokenizer.chat_template is not None:
            return "chat"
        return "oasst" if "<|prompter|>" in self.model.tokenizer.get_vocab() else "pair"

    @cached_property
    def annotator(self) -> Annotator:
        """Who judges turns."""
        files, parameters = self.model.files, self.model.spec.parameters()
        return Annotator("reward_model", files.name, files.revision, FORMS[self.form], parameters)

    @property
    def columns(self) -> Columns:
        """The logit, and whether the response was cut."""
        return {"score": np.empty(0), "truncated": np.empty(0, np.bool_)}

    def key(self, turn: Turn) -> str:
        """Return what a turn is known by in the cache."""
        return hash_text(canonical_json(turn))

    def encode(self, items: Sequence[Turn]) -> list[Passage | Defect]:
        """Return turns as tokens, cut where they are longer than the model reads."""
        limit = self.model.limit
        return [
            passage if passage.tokens <= limit else self._cut(turn, limit)
            for turn, passage in zip(items, self._passages(items), strict=True)
        ]

    def run(self, encoded: Sequence[Passage]) -> Mapping[str, Column]:
        """Return the logit of each passage."""
        import torch

        with torch.inference_mode(), _padding(self._model.config.get_text_config(), encoded) as pad_id:
            logits = self._model(**self._inputs(encoded, pad_id)).logits[:, 0].float().cpu().numpy()
        return {
            "score": logits.astype(np.float64),
            "truncated": np.array([passage.truncated for passage in encoded]),
        }

    @property
    def _model(self) -> Any:
        model = self.model.model
        if model.config.num_labels != 1:
            raise ModelError(
                f"{self.model.files.name} gives {model.config.num_labels} values of a text: expected 1, as reward "
                "models give; name a model that was trained to rank responses"
            )
        return model

    def _inputs(self, encoded: Sequence[Passage], pad_id: int) -> dict[str, Any]:
        ids, mask = padded([passage.ids for passage in encoded], pad_id, self.model.spec.device)
        inputs: dict[str, Any] = {"input_ids": ids, "attention_mask": mask}
        accepted = signature(self._model.forward).parameters
        if "use_cache" in accepted:
            inputs["use_cache"] = False
        types = [passage.types for passage in encoded if passage.types is not None]
        if "token_type_ids" in accepted and types:
            inputs["token_type_ids"] = padded(types, 0, self.model.spec.device)[0]
        return inputs

    def _cut(self, turn: Turn, limit: int) -> Passage | Defect:
        return cut_turn(turn, lambda part: self._passages([part])[0], self.model.tokenizer, limit)

    def _passages(self, turns: Sequence[Turn]) -> list[Passage]:
        tokenizer = self.model.tokenizer
        options = {"return_attention_mask": False, "verbose": False}
        if self.form == "pair":
            read = tokenizer([asked for asked, _ in turns], [answer for _, answer in turns], **options)
        elif self.form == "oasst":
            read = tokenizer([_OASST.format(*turn) for turn in turns], **options)
        else:
            texts = [in_chat_template(tokenizer, list(zip(("user", "assistant"), turn, strict=True))) for turn in turns]
            read = tokenizer(texts, add_special_tokens=False, **options)
        types = read.get("token_type_ids", [None] * len(turns))
        return [Passage(ids, types=kinds) for ids, kinds in zip(read["input_ids"], types, strict=True)]


@contextmanager
def _padding(config: Any, encoded: Sequence[Passage]) -> Iterator[int]:
    """Give what pads a batch: decoders read the logit at the last token that is not `config.pad_token_id`.

    A model without one reads it at the very last token of a text alone. So it does in a batch that is padded with a
    token of which no text has any, as long as the configuration names that one.
    """
    own = config.pad_token_id
    if own is None or own < 0:  # -1, as the first LLaMA configurations have it, is none either
        used = {token for passage in encoded for token in passage.ids}
        config.pad_token_id = next(token for token in range(len(used) + 1) if token not in used)
    try:
        yield config.pad_token_id
    finally:
        config.pad_token_id = own


class RewardScorer:
    """The logit of a reward model for each turn."""

    name = "reward"

    def __init__(self, model: RewardModel) -> None:
        self.model = model

    def annotator(self, aggregation: str) -> Annotator:
        """Return who scores."""
        who = self.model.annotator
        parameters = {**who.parameters, "aggregation": aggregation}
        return Annotator("reward", who.model, who.revision, who.prompt_version, parameters)

    def score(
        self, rows: Sequence[Row], aggregation: str, cache: FragmentCache | None, progress: OnTokens | None
    ) -> Annotations:
        """Score distinct rows; equal turns are scored once."""

        def logits(turns: Sequence[Turn]) -> Batch:
            return score_items(turns, [self.model.key(turn) for turn in turns], self.model, cache, progress)

        return rows_of_turns(rows, self.annotator(aggregation), logits, aggregation)

"""CaR's instruction quality scorer: how good an expert would find an instruction and its response.

Paper       CaR, Clustering and Ranking (Ge et al., 2024): a COMET-style regressor trained towards 1 and 0 for pairs
            that experts revised and their originals.
Reference   IronBeliever/CaR @ 3357044, checkpoint GyQAQ/Instruction-quality-scoring: XLM-R large; sparsemax-weighted
            sum over the embeddings and all layers, times gamma, no layer norm; mean over tokens; 1024 -> 2048 -> 1024
            -> 1 with Tanh between. The output is not bounded (1.53 at the most on Alpaca, also negative).
Text        "Instruction: {instruction} Input: {input} Response: {response}". " Input: " stands there although it is
            empty always: a turn's instruction holds what Alpaca keeps apart as its input.
Departures  Layers are averaged over tokens before they are mixed, which is the same sum. A text of which the limit of
            512 tokens leaves no part of the response is flagged `truncated`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from mig_dagster.annotations.annotator import Annotations, Annotator, Batch, Column, Columns, Row
from mig_dagster.annotations.cache import FragmentCache
from mig_dagster.annotations.flags import Defect
from mig_dagster.annotations.model_files import ModelError, ModelFiles, find_model, hash_file
from mig_dagster.annotations.models.limits import most_tokens
from mig_dagster.annotations.models.loading import check_device, explained, load_config, load_tokenizer
from mig_dagster.annotations.models.padded import padded
from mig_dagster.annotations.models.specification import ModelSpec
from mig_dagster.annotations.quality.iqs_checkpoint import IqsWeights, read_weights
from mig_dagster.annotations.quality.passages import Passage
from mig_dagster.annotations.quality.turns import Turn, rows_of_turns
from mig_dagster.annotations.scoring import OnTokens, score_items
from mig_dagster.conversation import hash_text

if TYPE_CHECKING:
    import torch

ENCODER = "FacebookAI/xlm-roberta-large"
PROMPT_VERSION = "car-iqs-1"


def iqs_text(turn: Turn) -> str:
    """Return the text that the scorer reads."""
    return _before(turn) + turn[1]


def _before(turn: Turn) -> str:
    return f"Instruction: {turn[0]} Input:  Response: "


class IqsModel:
    """The scorer as a `scoring.TokenModel` of turns, loaded at first use.

    Args:
        spec: its `model` is a Lightning checkpoint (a file), or a folder that `convert_iqs` made of one.
        encoder: where configuration and tokenizer come from beside a checkpoint, at the spec's revision.

    Raises:
        ValueError: the spec asks for quantised weights.
    """

    def __init__(self, spec: ModelSpec, encoder: str = ENCODER) -> None:
        if spec.quantisation is not None:
            raise ValueError(f"quantisation must be None for the scorer iqs, got {spec.quantisation!r}")
        self.spec, self.batch_tokens = spec, spec.batch_tokens
        self._path = Path(spec.model).expanduser()
        self._beside = spec if self._path.is_dir() else replace(spec, model=encoder)

    @cached_property
    def files(self) -> ModelFiles:
        """The scorer's weights; raises ModelError where there are none."""
        if self._path.is_dir():
            return find_model(self.spec.model, self.spec.revision)
        if not self._path.is_file():
            raise ModelError(
                f"model {self.spec.model!r} of the scorer iqs is neither a file nor a folder: download the checkpoint "
                "of GyQAQ/Instruction-quality-scoring and give its path"
            )
        return ModelFiles(self._path.name, str(self._path), f"sha256:{hash_file(self._path)[:16]}")

    @cached_property
    def tokenizer(self) -> Any:
        """The encoder's tokenizer."""
        return load_tokenizer(self._beside, self._encoder_files)

    @cached_property
    def config(self) -> Any:
        """The encoder's configuration."""
        return load_config(self._beside, self._encoder_files)

    @cached_property
    def limit(self) -> int:
        """The most tokens of a text: 512 for XLM-R."""
        return min(self.spec.max_tokens, most_tokens(self.config, self.tokenizer) or self.spec.max_tokens)

    @cached_property
    def annotator(self) -> Annotator:
        """Who scores turns."""
        encoder = {"encoder": self._encoder_files.name, "encoder_revision": self._encoder_files.revision}
        parameters = {**self.spec.parameters(), **encoder}
        return Annotator("car_iqs", self.files.name, self.files.revision, PROMPT_VERSION, parameters)

    @property
    def columns(self) -> Columns:
        """The score, and whether the text was cut."""
        return {"score": np.empty(0), "truncated": np.empty(0, np.bool_)}

    def encode(self, items: Sequence[Turn]) -> list[Passage | Defect]:
        """Return texts as tokens; long ones lose their end but keep the closing mark, as the reference cuts them."""
        read = self.tokenizer(
            [iqs_text(turn) for turn in items],
            return_attention_mask=False,
            return_offsets_mapping=True,
            verbose=False,
        )
        spans = zip(items, read["input_ids"], read["offset_mapping"], strict=True)
        return [self._cut(turn, ids, offsets) for turn, ids, offsets in spans]

    def run(self, encoded: Sequence[Passage]) -> Mapping[str, Column]:
        """Return the score of each text."""
        import torch

        encoder, weights = self._loaded
        ids, mask = padded([passage.ids for passage in encoded], encoder.config.pad_token_id, self.spec.device)
        shares = gamma_sparsemax(weights)
        with torch.inference_mode():
            layers = encoder(input_ids=ids, attention_mask=mask, output_hidden_states=True).hidden_states
            lengths = mask.sum(dim=1, keepdim=True)
            mixed = sum(
                share * ((layer.float() * mask[:, :, None]).sum(dim=1) / lengths)
                for share, layer in zip(shares, layers, strict=True)
                if share != 0
            )
            score = _head(mixed, weights)
        return {
            "score": score.double().cpu().numpy(),
            "truncated": np.array([passage.truncated for passage in encoded]),
        }

    def release(self) -> None:
        """Give the memory of the weights back; they are loaded again when they are used again."""
        self.__dict__.pop("_loaded", None)

    def _cut(self, turn: Turn, ids: list[int], offsets: list[tuple[int, int]]) -> Passage | Defect:
        if len(ids) <= self.limit:
            return Passage(ids)
        if offsets[self.limit - 2][1] <= len(_before(turn)):
            return Defect("truncated")
        return Passage([*ids[: self.limit - 1], ids[-1]], truncated=True)

    @cached_property
    def _encoder_files(self) -> ModelFiles:
        return self.files if self._path.is_dir() else find_model(self._beside.model, self._beside.revision)

    @cached_property
    def _loaded(self) -> "tuple[Any, IqsWeights]":
        import torch
        from transformers import XLMRobertaModel

        check_device(self.spec.device)
        weights = read_weights(Path(self.files.location), self.config)
        options: dict[str, Any] = {"dtype": getattr(torch, self.spec.dtype), "add_pooling_layer": False}
        if self.spec.attention is not None:
            options["attn_implementation"] = self.spec.attention
        with explained(self.spec):
            encoder: Any = XLMRobertaModel.from_pretrained(
                None, config=self.config, state_dict=dict(weights.encoder), **options
            )
        head = tuple((w.to(self.spec.device), b.to(self.spec.device)) for w, b in weights.head)
        encoder.to(self.spec.device).eval()
        return encoder, replace(weights, encoder={}, head=head)


class IqsScorer:
    """CaR's score of each turn.

    Args:
        model: the scorer.
    """

    name = "iqs"

    def __init__(self, model: IqsModel) -> None:
        self.model = model

    def annotator(self, aggregation: str) -> Annotator:
        """Return who scores."""
        who = self.model.annotator
        parameters = {**who.parameters, "aggregation": aggregation}
        return Annotator("iqs", who.model, who.revision, who.prompt_version, parameters)

    def score(
        self, rows: Sequence[Row], aggregation: str, cache: FragmentCache | None, progress: OnTokens | None
    ) -> Annotations:
        """Score distinct rows; equal turns are scored once."""

        def scores(turns: Sequence[Turn]) -> Batch:
            return score_items(turns, [hash_text(iqs_text(turn)) for turn in turns], self.model, cache, progress)

        return rows_of_turns(rows, self.annotator(aggregation), scores, aggregation)


def gamma_sparsemax(weights: IqsWeights) -> list[float]:
    """Return what each layer counts in the mixture."""
    shares: list[float] = (weights.gamma * sparsemax(weights.layers.double().numpy())).tolist()
    return shares


def sparsemax(z: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the point of the probability simplex that lies nearest to z (Martins & Astudillo 2016, Algorithm 1).

    Args:
        z: (k,) finite, k at least 1.
    """
    ordered = np.sort(z)[::-1]
    sums = np.cumsum(ordered)
    support = int(np.count_nonzero(1 + np.arange(1, len(z) + 1) * ordered > sums))  # k(z)
    threshold = (sums[support - 1] - 1) / support  # tau(z)
    nearest: npt.NDArray[np.float64] = np.maximum(z - threshold, 0.0)
    return nearest


def _head(pooled: "torch.Tensor", weights: IqsWeights) -> "torch.Tensor":
    from torch.nn.functional import linear

    first, second, last = weights.head
    hidden = linear(linear(pooled, *first).tanh(), *second).tanh()
    return linear(hidden, *last).squeeze(1)

"""Embeddings from a causal language model: DEITA's last token, or the mean over all of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import numpy.typing as npt

from mig_dagster.annotations.annotator import Annotator, Columns
from mig_dagster.annotations.cache import FragmentCache
from mig_dagster.annotations.flags import Defect
from mig_dagster.annotations.models import CausalLanguageModel
from mig_dagster.annotations.models.padded import TokenIds
from mig_dagster.annotations.scoring import OnTokens, score_items
from mig_dagster.conversation import hash_text

if TYPE_CHECKING:
    import torch

Pooling = Literal["last_token", "mean"]


@dataclass(frozen=True, slots=True)
class _Text:
    ids: TokenIds

    @property
    def tokens(self) -> int:
        return len(self.ids)


class CausalEmbedder:
    """The last layer's hidden states of a causal language model, one vector a text.

    Reference   hkust-nlp/deita@3fb0f0c, selection/embedder/clm_embedder.py: the last token that is no padding, texts as
                the tokenizer marks them, cut from the right at 2048 tokens (`max_tokens` of the model).
    Departures  Vectors are normalised in float32: its filter takes cosines. Which token is the last one follows from
                the text's length, not from where `pad_token_id` stands, which may be that of `</s>`.

    Args:
        model: whose hidden states.
        pooling: "last_token", or "mean" over all tokens.

    Raises:
        ValueError: the pooling is unknown.
    """

    def __init__(self, model: CausalLanguageModel, pooling: Pooling = "last_token") -> None:
        if pooling not in get_args(Pooling):
            raise ValueError(f"pooling must be one of {', '.join(get_args(Pooling))}, got {pooling!r}")
        self._model, self._pooling = model, pooling

    @property
    def batch_tokens(self) -> int:
        """The model's."""
        return self._model.batch_tokens

    @batch_tokens.setter
    def batch_tokens(self, value: int) -> None:
        self._model.batch_tokens = value

    @cached_property
    def annotator(self) -> Annotator:
        """Who gives the embeddings; known without loading the weights."""
        files = self._model.files
        parameters = {**self._model.spec.parameters(), "pooling": self._pooling, "normalised": True}
        return Annotator("causal_embedding", files.name, files.revision, parameters=parameters)

    @cached_property
    def dimension(self) -> int:
        """Length of an embedding; known without loading the weights."""
        return int(self._model.config.get_text_config().hidden_size)

    @property
    def columns(self) -> Columns:
        """The one column, "embedding"."""
        return {"embedding": np.empty((0, self.dimension), np.float32)}

    def encode_cached(
        self, texts: Sequence[str], cache: FragmentCache | None, progress: OnTokens | None = None
    ) -> npt.NDArray[np.float32]:
        """Return the embeddings of texts, in their order, each distinct text computed once.

        Args:
            texts: may be empty and repeat.
            cache: keyed by `hash_text(text)` under `annotator.fingerprint`; None computes every distinct text.
            progress: counts the distinct texts that are computed.

        Returns:
            (n, d) float32 of unit norm; NaN where the model gave NaN, infinity or a zero vector, and where the
            tokenizer made no token of a text.

        Raises:
            ModelError: the model cannot be had.
            CacheError: a fragment of the cache is corrupt.
            MemoryError: a single text does not fit into memory.
        """
        found = score_items(texts, [hash_text(text) for text in texts], self, cache, progress)
        vectors: npt.NDArray[np.float32] = np.asarray(found.columns["embedding"])
        return vectors

    def encode(self, items: Sequence[str]) -> list[_Text | Defect]:
        """Return texts as token ids."""
        if not items:
            return []
        tokens = self._model.tokenizer(
            list(items),
            truncation=True,
            max_length=self._model.limit,
            padding=False,
            return_attention_mask=False,
            return_token_type_ids=False,
        )
        return [_Text(np.array(ids, np.int32)) if ids else Defect("empty_text") for ids in tokens["input_ids"]]

    def run(self, encoded: Sequence[_Text]) -> Columns:
        """Return the embeddings of one batch."""
        import torch

        hidden, mask = self._model.hidden_states([text.ids for text in encoded])
        with torch.inference_mode():
            pooled = self._pool(hidden, mask)
            norms = torch.linalg.vector_norm(pooled, dim=1, keepdim=True)
            vectors = torch.where(norms > 0, pooled / norms, torch.nan)
        return {"embedding": vectors.cpu().numpy()}

    def _pool(self, hidden: "torch.Tensor", mask: "torch.Tensor") -> "torch.Tensor":
        import torch

        if self._pooling == "last_token":
            return hidden[torch.arange(len(hidden), device=hidden.device), mask.sum(dim=1) - 1].float()
        there = mask[:, :, None]
        return hidden.float().masked_fill(there == 0, 0.0).sum(dim=1) / there.sum(dim=1)

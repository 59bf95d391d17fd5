"""Sentence embeddings: one encoder and one cache for labels, tags and rows."""

import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import numpy.typing as npt

from mig_dagster.annotations.annotator import Annotator, Columns
from mig_dagster.annotations.cache import FragmentCache
from mig_dagster.annotations.encoder_tokens import EncoderTokens
from mig_dagster.annotations.model_files import MINILM, ModelFiles, find_model
from mig_dagster.annotations.models.loading import check_device, explained
from mig_dagster.annotations.models.quantisation import quantised
from mig_dagster.annotations.models.specification import ModelSpec
from mig_dagster.annotations.planning import PlanCache
from mig_dagster.annotations.scoring import OnTokens, score_items
from mig_dagster.conversation import hash_text

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

Embeddings = npt.NDArray[np.float32]


class SentenceEncoder:
    """A sentence-transformers model as an annotator of texts.

    The model is loaded when the first text is encoded that the cache does not know. Equal texts get equal embeddings
    within 1e-5 in float32, whatever they are encoded together with; through a cache, bit for bit.

    Args:
        model: folder or Hub id of a sentence-transformers model (`model_files.find_model` says where it is looked for).
        revision: Hub branch, tag or commit.
        device: torch device, such as "cpu" or "cuda:0".
        dtype: "float32", or "bfloat16" / "float16" to compute under autocast: on CPUs with bf16 units 2.5 times as
            fast, cosines within 0.004. Pooling's result is normalised in float32 always.
        batch_tokens: padded tokens in a batch; 2048 to 4096 suits CPUs, more a GPU. Halved when memory runs out.
        max_tokens: longer texts are cut; the model's own limit holds where it is lower.
        attention: as in `ModelSpec`.
        quantisation: as in `ModelSpec`.
        trust_remote_code: run code that lies beside the model's weights.

    Raises:
        ValueError: an argument is out of range.
    """

    def __init__(
        self,
        model: str = MINILM,
        revision: str | None = None,
        device: str = "cpu",
        dtype: Literal["float32", "bfloat16", "float16"] = "float32",
        batch_tokens: int = 4096,
        max_tokens: int = 256,
        attention: Literal["sdpa", "eager", "flash_attention_2"] | None = None,
        quantisation: Literal["int8", "int4"] | None = None,
        trust_remote_code: bool = False,
    ) -> None:
        self.spec = ModelSpec(
            model, revision, device, dtype, attention, quantisation, trust_remote_code, batch_tokens, max_tokens
        )
        self.batch_tokens = batch_tokens

    @classmethod
    def of(cls, spec: ModelSpec) -> Self:
        """Return the encoder that a specification means."""
        return cls(**asdict(spec))

    @cached_property
    def files(self) -> ModelFiles:
        """Where the model is; raises ModelError where it cannot be had."""
        return find_model(self.spec.model, self.spec.revision)

    @cached_property
    def annotator(self) -> Annotator:
        """Who gives the embeddings; known without loading the model."""
        given = self.spec.parameters()
        parameters = {name: value for name, value in given.items() if value is not None} | {"normalised": True}
        return Annotator("sentence_embedding", self.files.name, self.files.revision, parameters=parameters)

    @cached_property
    def dimension(self) -> int:
        """Length of an embedding; loads the model."""
        return int(self._embeddings([""], None, None).shape[1])

    def encode(self, texts: Sequence[str], progress: OnTokens | None = None) -> Embeddings:
        """Return the embeddings of texts, in their order.

        Args:
            texts: may be empty, repeat, and hold empty strings.
            progress: told after each batch; its items are texts.

        Returns:
            (n, d) float32 of unit norm.

        Raises:
            ModelError: the model cannot be had.
            MemoryError: a single text does not fit into memory.
            FloatingPointError: the model gave NaN, infinity or a zero vector.
        """
        return self._embeddings(texts, None, progress)

    def encode_cached(
        self, texts: Sequence[str], cache: FragmentCache | None, progress: OnTokens | None = None
    ) -> Embeddings:
        """Return the embeddings of texts, each distinct text computed once and never again.

        Args:
            texts: may be empty, repeat, and hold empty strings.
            cache: keyed by `hash_text(text)` under `annotator.fingerprint`; None computes every distinct text.
            progress: told after each batch of distinct texts that are computed.

        Returns:
            (n, d) float32 of unit norm.

        Raises:
            CacheError: a fragment of the cache is corrupt. Otherwise as `encode`.
        """
        return self._embeddings(texts, cache, progress)

    def token_lengths(self, texts: Sequence[str]) -> list[int]:
        """Return how many tokens the model reads of each text; its weights are not loaded for it."""
        return self._tokens(texts)

    def release(self) -> None:
        """Give the model's memory back; it is loaded again when it is used again."""
        self.__dict__.pop("_model", None)

    def _embeddings(self, texts: Sequence[str], cache: FragmentCache | None, progress: OnTokens | None) -> Embeddings:
        if not texts and not isinstance(cache, PlanCache):  # a plan loads no weights to know how wide nothing is
            return np.empty((0, self.dimension), np.float32)

        with ExitStack() as running:
            model = _Embedder(self, running)
            batch = score_items(texts, [hash_text(text) for text in texts], model, cache, progress)
        vectors: Embeddings = np.asarray(batch.columns["embedding"])
        return vectors

    def _forward(self, texts: list[str]) -> Embeddings:
        import torch

        prompt = self._model.prompts.get(self._model.default_prompt_name or "")
        features = self._model.preprocess(texts, prompt=prompt or None)
        on_device = {k: v.to(self.spec.device) if isinstance(v, torch.Tensor) else v for k, v in features.items()}
        pooled = self._model(on_device)["sentence_embedding"].float()
        norms = torch.linalg.vector_norm(pooled, dim=1)
        if not bool((torch.isfinite(norms) & (norms > 0)).all()):
            raise FloatingPointError(
                f"{self.files.name} under dtype {self.spec.dtype} gave a NaN, infinite or zero embedding in a batch of "
                f"{len(texts)} texts, the longest beginning {texts[0][:60]!r}: use float32 or bfloat16, or check the "
                "model's weights"
            )
        vectors: Embeddings = torch.nn.functional.normalize(pooled, dim=1).cpu().numpy()
        return vectors

    @cached_property
    def _tokens(self) -> EncoderTokens:
        return EncoderTokens(self.spec, self.files)

    @cached_property
    def _model(self) -> "SentenceTransformer":
        from sentence_transformers import SentenceTransformer

        check_device(self.spec.device)
        with explained(self.spec):
            model = SentenceTransformer(
                self.files.location,
                revision=self.files.commit,
                device=None if self.spec.quantisation else self.spec.device,
                trust_remote_code=self.spec.trust_remote_code,
                model_kwargs=self._options(),
            )
        limit, most = model.max_seq_length, self.spec.max_tokens
        if limit != math.inf:  # static embedding models average whole texts
            model.max_seq_length = most if limit is None else min(limit, most)
        return model.eval()

    def _options(self) -> dict[str, Any]:
        """Return how transformers loads the weights: on a GPU in the dtype they are used in, of half the size."""
        import torch

        on_gpu = torch.device(self.spec.device).type == "cuda"
        options: dict[str, Any] = {"dtype": getattr(torch, self.spec.dtype if on_gpu else "float32")}
        if self.spec.attention is not None:
            options["attn_implementation"] = self.spec.attention
        return options | (quantised(self.spec) if self.spec.quantisation is not None else {})

    @contextmanager
    def computing(self) -> Iterator[None]:
        """Compute without gradients, in the dtype asked for: one context for all batches casts the weights once."""
        import torch

        dtype = self.spec.dtype
        device = torch.device(self.spec.device).type
        with torch.inference_mode(), torch.autocast(device, getattr(torch, dtype), enabled=dtype != "float32"):
            yield


@dataclass(frozen=True, slots=True)
class _Text:
    text: str
    tokens: int


class _Embedder:
    """The encoder as `score_items` takes it."""

    columns: Columns = MappingProxyType({"embedding": np.empty((0, 0), np.float32)})

    def __init__(self, encoder: SentenceEncoder, running: ExitStack) -> None:
        self._encoder, self._running = encoder, running

    @property
    def annotator(self) -> Annotator:
        return self._encoder.annotator

    @property
    def batch_tokens(self) -> int:
        return self._encoder.batch_tokens

    @batch_tokens.setter
    def batch_tokens(self, fewer: int) -> None:
        self._encoder.batch_tokens = fewer

    def encode(self, texts: Sequence[str]) -> list[_Text]:
        lengths = self._encoder.token_lengths(texts)
        self._running.enter_context(self._encoder.computing())
        return [_Text(text, tokens) for text, tokens in zip(texts, lengths, strict=True)]

    def run(self, batch: Sequence[_Text]) -> dict[str, Embeddings]:
        return {"embedding": self._encoder._forward([one.text for one in batch])}

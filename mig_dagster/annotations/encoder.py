"""Sentence embeddings: one encoder and one cache for labels, tags and rows."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from mig_dagster.annotations.annotator import Annotator, Batch
from mig_dagster.annotations.cache import FragmentCache
from mig_dagster.annotations.engine import Progress
from mig_dagster.annotations.model_files import MINILM, ModelFiles, find_model, unavailable
from mig_dagster.annotations.token_batches import run_in_token_batches
from mig_dagster.conversation import hash_text

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

Embeddings = npt.NDArray[np.float32]

_TOKENISED_AT_ONCE = 8192  # bounds the memory for token ids, of which only the lengths are kept

DTYPES = ("float32", "bfloat16", "float16")


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

    Raises:
        ValueError: an argument is out of range.
    """

    def __init__(
        self,
        model: str = MINILM,
        revision: str | None = None,
        device: str = "cpu",
        dtype: str = "float32",
        batch_tokens: int = 4096,
        max_tokens: int = 256,
    ) -> None:
        if dtype not in DTYPES:
            raise ValueError(f"dtype must be one of {', '.join(DTYPES)}, got {dtype!r}")
        for name, value in (("batch_tokens", batch_tokens), ("max_tokens", max_tokens)):
            if value < 1:
                raise ValueError(f"{name} must be at least 1, got {value}")
        self._model_name, self._revision = model, revision
        self._device, self._dtype = device, dtype
        self._batch_tokens, self._max_tokens = batch_tokens, max_tokens

    @cached_property
    def files(self) -> ModelFiles:
        """Where the model is; raises ModelError where it cannot be had."""
        return find_model(self._model_name, self._revision)

    @cached_property
    def annotator(self) -> Annotator:
        """Who gives the embeddings; known without loading the model."""
        parameters = {"dtype": self._dtype, "max_tokens": self._max_tokens, "normalised": True}
        return Annotator("sentence_embedding", self.files.name, self.files.revision, parameters=parameters)

    @cached_property
    def dimension(self) -> int:
        """Length of an embedding; loads the model."""
        return int(self._encode_to_array([""], None).shape[1])

    def encode(self, texts: Sequence[str], progress: Progress | None = None) -> Embeddings:
        """Return the embeddings of texts, in their order.

        Args:
            texts: may be empty, repeat, and hold empty strings.
            progress: called after each batch with texts done, texts in all, seconds.

        Returns:
            (n, d) float32 of unit norm.

        Raises:
            ModelError: the model cannot be had.
            MemoryError: a single text does not fit into memory.
            FloatingPointError: the model gave NaN, infinity or a zero vector.
        """
        if not texts:
            return np.empty((0, self.dimension), np.float32)
        return self._encode_to_array(texts, progress)

    def encode_cached(
        self, texts: Sequence[str], cache: FragmentCache | None, progress: Progress | None = None
    ) -> Embeddings:
        """Return the embeddings of texts, each distinct text computed once and never again.

        Args:
            texts: may be empty, repeat, and hold empty strings.
            cache: keyed by `hash_text(text)` under `annotator.fingerprint`; None computes every distinct text.
            progress: counts the distinct texts that are computed.

        Returns:
            (n, d) float32 of unit norm.

        Raises:
            CacheError: a fragment of the cache is corrupt. Otherwise as `encode`.
        """
        if not texts:
            return np.empty((0, self.dimension), np.float32)
        distinct = list(dict.fromkeys(texts))
        if cache is None:
            vectors = self._encode_to_array(distinct, progress)
        else:
            vectors = self._encode_missing(distinct, cache, progress)
        at = {text: i for i, text in enumerate(distinct)}
        return vectors[[at[text] for text in texts]]

    def _encode_missing(self, texts: list[str], cache: FragmentCache, progress: Progress | None) -> Embeddings:
        keys = [hash_text(text) for text in texts]
        fingerprint = self.annotator.fingerprint
        out = _Rows(len(texts))
        missing = np.ones(len(texts), dtype=bool)
        for positions, batch in cache.load(fingerprint, keys):
            out.place(positions, np.asarray(batch.columns["embedding"]))
            missing[positions] = False
        todo = np.flatnonzero(missing)

        with cache.writer(fingerprint) as writer:

            def keep(done: list[int], vectors: Embeddings) -> None:
                positions = todo[done]
                out.place(positions, vectors)
                columns = {"embedding": vectors}
                writer.add([keys[i] for i in positions.tolist()], Batch(columns, [None] * len(done)))

            self._encode_each([texts[i] for i in todo.tolist()], keep, progress)
        return out.filled()

    def _encode_to_array(self, texts: Sequence[str], progress: Progress | None) -> Embeddings:
        out = _Rows(len(texts))
        self._encode_each(texts, lambda done, vectors: out.place(np.array(done), vectors), progress)
        return out.filled()

    def _encode_each(
        self, texts: Sequence[str], keep: Callable[[list[int], Embeddings], None], progress: Progress | None
    ) -> None:
        """Encode in token batches, giving each batch's positions and embeddings to `keep`."""
        if not texts:
            return
        started = time.monotonic()
        finished = 0

        def run(batch: list[int]) -> None:
            nonlocal finished
            keep(batch, self._forward([texts[i] for i in batch]))
            finished += len(batch)
            if progress is not None:
                progress(finished, len(texts), time.monotonic() - started)

        import torch

        lengths = token_lengths(self._model, texts)
        # One autocast context for all batches: it then casts the weights once, not once a batch.
        autocast = torch.autocast(
            torch.device(self._device).type, getattr(torch, self._dtype), enabled=self._dtype != "float32"
        )
        with torch.inference_mode(), autocast:
            self._batch_tokens = run_in_token_batches(lengths, self._batch_tokens, run)

    def _forward(self, texts: list[str]) -> Embeddings:
        import torch

        prompt = self._model.prompts.get(self._model.default_prompt_name or "")
        features = self._model.preprocess(texts, prompt=prompt or None)
        on_device = {k: v.to(self._device) if isinstance(v, torch.Tensor) else v for k, v in features.items()}
        pooled = self._model(on_device)["sentence_embedding"].float()
        norms = torch.linalg.vector_norm(pooled, dim=1)
        if not bool((torch.isfinite(norms) & (norms > 0)).all()):
            raise FloatingPointError(
                f"{self.files.name} under dtype {self._dtype} gave a NaN, infinite or zero embedding in a batch of "
                f"{len(texts)} texts, the longest beginning {texts[0][:60]!r}: use float32 or bfloat16, or check the "
                "model's weights"
            )
        vectors: Embeddings = torch.nn.functional.normalize(pooled, dim=1).cpu().numpy()
        return vectors

    @cached_property
    def _model(self) -> "SentenceTransformer":
        import torch
        from sentence_transformers import SentenceTransformer

        if torch.device(self._device).type == "cuda" and not torch.cuda.is_available():
            raise ValueError(f"device {self._device!r} was asked for, but torch sees no CUDA device: use device='cpu'")
        try:
            with _no_loading_bar():
                model = SentenceTransformer(
                    self.files.location, revision=self.files.commit, device=self._device, trust_remote_code=False
                )
        except OSError as problem:
            raise unavailable(self._model_name, self._revision, problem) from problem
        limit = model.max_seq_length
        if limit != math.inf:  # static embedding models average whole texts
            model.max_seq_length = self._max_tokens if limit is None else min(limit, self._max_tokens)
        return model.eval()


@contextmanager
def _no_loading_bar() -> Iterator[None]:
    """Keep transformers' bar over weight tensors, which says nothing to a user, out of the caller's own progress."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()  # type: ignore[no-untyped-call]


def token_lengths(model: "SentenceTransformer", texts: Sequence[str]) -> list[int]:
    """Return how many tokens the model reads of each text."""
    tokenizer: Any = model.tokenizer
    if not callable(tokenizer):  # static embedding models carry a bare `tokenizers.Tokenizer`
        return [len(encoding.ids) for encoding in tokenizer.encode_batch_fast(list(texts))]
    lengths: list[int] = []
    for start in range(0, len(texts), _TOKENISED_AT_ONCE):
        tokens = tokenizer(
            list(texts[start : start + _TOKENISED_AT_ONCE]),
            truncation=True,
            max_length=model.max_seq_length,
            padding=False,
            return_attention_mask=False,
            return_token_type_ids=False,
        )
        lengths += [len(ids) for ids in tokens["input_ids"]]
    return lengths


class _Rows:
    """An (n, d) array that is filled in any order, d being known with the first rows."""

    def __init__(self, n: int) -> None:
        self._n = n
        self._rows: Embeddings | None = None

    def place(self, positions: npt.NDArray[np.int64], vectors: npt.NDArray[Any]) -> None:
        if self._rows is None:
            self._rows = np.empty((self._n, vectors.shape[1]), np.float32)
        self._rows[positions] = vectors

    def filled(self) -> Embeddings:
        assert self._rows is not None, "every text is either cached or encoded"
        return self._rows

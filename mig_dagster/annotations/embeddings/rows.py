"""Row embeddings through any embedder and its cache of texts."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from mig_dagster.annotations.annotator import Annotations, Annotator, Row
from mig_dagster.annotations.cache import FragmentCache
from mig_dagster.annotations.embeddings.texts import TEXTS
from mig_dagster.annotations.engine import distinct_rows


class Embedder(Protocol):
    """What turns texts into vectors: `SentenceEncoder`, `CausalEmbedder`."""

    @property
    def annotator(self) -> Annotator:
        """Who gives the embeddings; its fingerprint is the cache's key."""

    def encode_cached(
        self, texts: Sequence[str], cache: FragmentCache | None, progress: Callable[..., None] | None = None
    ) -> npt.NDArray[np.float32]:
        """Return (n, d) float32 of unit norm; equal texts are computed once, and none that the cache knows."""


def embed_rows(
    rows: Iterable[Row],
    embedder: Embedder,
    cache: FragmentCache | None = None,
    text: str = "instruction",
    progress: Any = None,
) -> Annotations:
    """Embed each distinct row.

    The cache is the embedder's, by text: an instruction embedded for its tags is not embedded again here.

    Args:
        rows: may repeat a `row_id`; the first counts.
        embedder: cuts long texts where it says so.
        cache: of embeddings.
        text: one of `TEXTS`.
        progress: as the embedder takes it.

    Returns:
        value "embedding": (n, d) float32 of unit norm; NaN where flagged (`empty_text`).

    Raises:
        ValueError: `text` is not in `TEXTS`.
        ModelError: the embedder's model cannot be had.
        CacheError: a fragment of the cache is corrupt.
    """
    if text not in TEXTS:
        raise ValueError(f"text must be one of {', '.join(TEXTS)}, got {text!r}")
    distinct = distinct_rows(rows)
    texts = [TEXTS[text](row.conversation) for row in distinct]
    readable = np.array([bool(part.strip()) for part in texts], dtype=bool)
    found = embedder.encode_cached([part for part in texts if part.strip()], cache, progress)
    vectors = np.full((len(texts), found.shape[1]), np.nan, np.float32)
    vectors[readable] = found
    n = len(distinct)
    source = embedder.annotator
    parameters = {"encoder": source.fingerprint, "text": text}
    annotator = Annotator("row_embedding", source.model, source.revision, parameters=parameters)
    return Annotations(
        [row.row_id for row in distinct],
        {"embedding": vectors},
        [annotator.fingerprint] * n,
        ["computed"] * n,
        [None if ok else "empty_text" for ok in readable.tolist()],
        {annotator.fingerprint: annotator} if n else {},
    )

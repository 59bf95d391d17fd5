"""Row embeddings through any embedder and its cache of texts."""

from collections.abc import Iterable, Sequence
from typing import Literal, Protocol, get_args

import numpy as np
import numpy.typing as npt

from mig_dagster.annotations.annotator import Annotations, Annotator, Row
from mig_dagster.annotations.cache import FragmentCache
from mig_dagster.annotations.embeddings.texts import TEXTS
from mig_dagster.annotations.engine import distinct_rows
from mig_dagster.annotations.scoring import OnTokens

StoredAs = Literal["float32", "float16"]


class Embedder(Protocol):
    """What turns texts into vectors: `SentenceEncoder`, `CausalEmbedder`."""

    @property
    def annotator(self) -> Annotator:
        """Who gives the embeddings; its fingerprint is the cache's key."""

    def encode_cached(
        self, texts: Sequence[str], cache: FragmentCache | None, progress: OnTokens | None = None
    ) -> npt.NDArray[np.float32]:
        """Return (n, d) float32 of unit norm, NaN where the model gave no direction; equal texts are computed once."""


def embed_rows(
    rows: Iterable[Row],
    embedder: Embedder,
    cache: FragmentCache | None = None,
    text: str = "instruction",
    progress: OnTokens | None = None,
    stored_as: StoredAs = "float32",
) -> Annotations:
    """Embed each distinct row.

    The cache is the embedder's, by text: an instruction embedded for its tags is not embedded again here.

    Args:
        rows: may repeat a `row_id`; the first counts.
        embedder: cuts long texts where it says so.
        cache: of embeddings, in float32 whatever `stored_as` says.
        text: one of `TEXTS`.
        progress: counts the distinct texts that are embedded.
        stored_as: "float16" takes half the space; cosines are then off by 1e-3 at most, and lengths by 5e-4, so that
            readers normalise again.

    Returns:
        value "embedding": (n, d) of that type and unit norm; NaN where flagged: `empty_text`, or `not_finite` where the
        model gave NaN, infinity or a zero vector.

    Raises:
        ValueError: `text` is not in `TEXTS`, or `stored_as` is unknown.
        ModelError: the embedder's model cannot be had.
        CacheError: a fragment of the cache is corrupt.
    """
    if text not in TEXTS:
        raise ValueError(f"text must be one of {', '.join(TEXTS)}, got {text!r}")
    if stored_as not in get_args(StoredAs):
        raise ValueError(f"stored_as must be one of {', '.join(get_args(StoredAs))}, got {stored_as!r}")
    distinct = distinct_rows(rows)
    texts = [TEXTS[text].of(row.conversation) for row in distinct]
    readable = np.array([bool(part.strip()) for part in texts], dtype=bool)
    found = embedder.encode_cached([part for part in texts if part.strip()], cache, progress)
    vectors = np.full((len(texts), found.shape[1]), np.nan, stored_as)
    vectors[readable] = found
    finite = np.isfinite(vectors).all(axis=1)
    annotator = row_annotator(embedder, text, stored_as)
    return Annotations(
        [row.row_id for row in distinct],
        {"embedding": vectors},
        [annotator.fingerprint] * len(distinct),
        ["computed"] * len(distinct),
        [None if ok else "not_finite" if read else "empty_text" for ok, read in zip(finite, readable, strict=True)],
        {annotator.fingerprint: annotator} if distinct else {},
    )


def row_annotator(embedder: Embedder, text: str, stored_as: StoredAs) -> Annotator:
    """Return who gives the embeddings of rows; arguments as `embed_rows`."""
    source = embedder.annotator
    parameters = {"encoder": source.fingerprint, "text": text}
    if stored_as != "float32":
        parameters["stored_as"] = stored_as
    version = TEXTS[text].version
    return Annotator("row_embedding", source.model, source.revision, prompt_version=version, parameters=parameters)

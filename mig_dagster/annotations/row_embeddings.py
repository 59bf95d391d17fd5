"""Row embeddings: what a row's text means, as one vector of unit norm."""

from collections.abc import Callable, Iterable

import numpy as np

from mig_dagster.annotations.annotator import Annotations, Annotator, Row
from mig_dagster.annotations.cache import FragmentCache
from mig_dagster.annotations.encoder import SentenceEncoder
from mig_dagster.annotations.engine import Progress, distinct_rows
from mig_dagster.conversation import Conversation

TEXTS: dict[str, Callable[[Conversation], str]] = {
    "instruction": lambda conversation: conversation.instruction,
    "conversation": lambda conversation: "\n".join(m.content for m in conversation.messages if m.content),
}
"""What of a row is embedded: all user messages (QDIT), or all messages in order (DEITA, CaR)."""


def embed_rows(
    rows: Iterable[Row],
    encoder: SentenceEncoder,
    cache: FragmentCache | None = None,
    text: str = "instruction",
    progress: Progress | None = None,
) -> Annotations:
    """Embed each distinct row.

    The cache is the encoder's, by text: an instruction embedded for its tags is not embedded again here.

    Args:
        rows: may repeat a `row_id`; the first counts.
        encoder: its `max_tokens` cuts long texts.
        cache: of embeddings.
        text: one of `TEXTS`.
        progress: counts the distinct texts that are embedded.

    Returns:
        value "embedding": (n, d) float32 of unit norm; NaN where flagged (`empty_text`).

    Raises:
        ValueError: `text` is not in `TEXTS`.
        ModelError: the encoder's model cannot be had.
        CacheError: a fragment of the cache is corrupt.
    """
    if text not in TEXTS:
        raise ValueError(f"text must be one of {', '.join(TEXTS)}, got {text!r}")
    distinct = distinct_rows(rows)
    texts = [TEXTS[text](row.conversation) for row in distinct]
    readable = np.array([bool(part.strip()) for part in texts], dtype=bool)
    found = encoder.encode_cached([part for part in texts if part.strip()], cache, progress)
    vectors = np.full((len(texts), found.shape[1]), np.nan, np.float32)
    vectors[readable] = found
    n = len(distinct)
    source = encoder.annotator
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

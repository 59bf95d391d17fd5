"""Embeddings and texts of rows: inputs too large for a join, read batch by batch into their place."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mig_dagster.conversation import Conversation, from_dicts
from mig_dagster.stages.row_signals import keys_of

BATCH_ROWS = 8_192


def embedding_matrix(rows: pl.DataFrame, signal: pl.LazyFrame) -> NDArray[np.float32]:
    """Return the embeddings of some rows, float32 (n, d).

    Args:
        rows: (n,) `row_id`, `source`: rows that have an embedding.
        signal: `row_id`, `embedding` (an array column of d floats), and `source` where several sources are read.
    """
    kind = signal.collect_schema()["embedding"]
    matrix = np.empty((rows.height, kind.shape[0]), np.float32)  # type: ignore[attr-defined]
    for places, batch in _batches(rows, signal, keys_of(signal), ["embedding"]):
        matrix[places] = batch["embedding"].to_numpy()
    return matrix


def texts_of(rows: pl.DataFrame, raw_pool: pl.LazyFrame, text: Callable[[Conversation], str]) -> list[str]:
    """Return a text of each conversation, (n,); only a batch of conversations is held at a time.

    Args:
        rows: (n,) `source`, `origin`.
        raw_pool: `source`, `origin`, `messages`, `tools` of every source that the rows come from.
        text: what of a conversation.

    Raises:
        LookupError: a row is not in `raw_pool` (any more).
    """
    texts: list[str | None] = [None] * rows.height
    for places, batch in _batches(rows, raw_pool, ["source", "origin"], ["messages", "tools"]):
        lines = batch.select("messages", "tools").iter_rows()
        for place, (messages, tools) in zip(places.tolist(), lines, strict=True):
            texts[place] = text(from_dicts(messages, tools))
    found = [text for text in texts if text is not None]
    if len(found) != rows.height:
        lost = rows.row(texts.index(None), named=True)
        raise LookupError(
            f"{rows.height - len(found)} rows of the pool are not in raw_pool, as {lost['source']}/{lost['origin']}: "
            "the source changed since; materialise pool again"
        )
    return found


def _batches(
    rows: pl.DataFrame, wide: pl.LazyFrame, keys: Sequence[str], columns: Sequence[str]
) -> Iterator[tuple[NDArray[Any], pl.DataFrame]]:
    """Yield (places in `rows`, lines of `wide`) for the lines of `wide` that `rows` name."""
    wanted = rows.lazy().select(keys).with_row_index("place")
    joined = wide.select(*keys, *columns).join(wanted, on=keys, how="inner")
    for batch in joined.collect_batches(chunk_size=BATCH_ROWS, maintain_order=False):
        yield batch["place"].to_numpy(), batch

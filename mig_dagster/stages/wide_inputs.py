"""Embeddings and texts of rows: inputs too large for a join, read batch by batch into their place."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol, TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mig_dagster.conversation import Conversation, from_dicts
from mig_dagster.stages.row_signals import keys_of

BATCH_ROWS = 8_192
_FEW = 10_000
"""Rows up to which a scan is told which ones are wanted, so that the texts of all others are not read."""

T = TypeVar("T")


class CountTokens(Protocol):
    """Counts the tokens of texts, and says whose tokenizer it is; `annotations.token_counts.TokenCounter` does."""

    name: str

    def __call__(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """Return the tokens of each text, (n,)."""


def embedding_matrix(rows: pl.DataFrame, signal: pl.LazyFrame) -> NDArray[np.float32]:
    """Return the embeddings of some rows, float32 (n, d); those stored in half precision are of unit norm again.

    Args:
        rows: (n,) `row_id`, `source`: rows that have an embedding.
        signal: `row_id`, `embedding` (an array column of d floats), and `source` where several sources are read.
    """
    kind = signal.collect_schema()["embedding"]
    matrix = np.empty((rows.height, kind.shape[0]), np.float32)  # type: ignore[attr-defined]
    for places, batch in _batches(rows, signal, keys_of(signal), ["embedding"]):
        vectors = batch["embedding"].to_numpy().astype(np.float32, copy=False)
        half = kind.inner == pl.Float16  # type: ignore[attr-defined]
        matrix[places] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True) if half else vectors
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
    texts: list[str] = [""] * rows.height
    for places, batch in _texts(rows, raw_pool, text):
        for place, found in zip(places.tolist(), batch, strict=True):
            texts[place] = found
    return texts


def conversations_of(rows: pl.DataFrame, raw_pool: pl.LazyFrame) -> list[Conversation]:
    """Return some conversations, (n,); arguments and errors as `texts_of`.

    Args:
        rows: (n,) few enough to be held.
        raw_pool: of every source
    """
    found: dict[int, Conversation] = {}
    for places, batch in _texts(rows, raw_pool, lambda conversation: conversation):
        found.update(zip(places.tolist(), batch, strict=True))
    return [found[place] for place in range(rows.height)]


def numbers_of(
    rows: pl.DataFrame,
    raw_pool: pl.LazyFrame,
    text: Callable[[Conversation], str],
    count: Callable[[Sequence[str]], NDArray[np.int64]],
) -> NDArray[np.int64]:
    """Return a number of a text of each conversation, (n,); arguments and errors as `texts_of`.

    Args:
        rows: (n,)
        raw_pool: of every source
        text: what of a conversation.
        count: the number of each text of a batch.
    """
    numbers = np.zeros(rows.height, np.int64)
    for places, batch in _texts(rows, raw_pool, text):
        numbers[places] = count(batch)
    return numbers


def _texts(
    rows: pl.DataFrame, raw_pool: pl.LazyFrame, text: Callable[[Conversation], T]
) -> Iterator[tuple[NDArray[Any], list[T]]]:
    """Yield (places in `rows`, what is wanted of them) until every row had its turn."""
    there = np.zeros(rows.height, dtype=bool)
    if rows.height <= _FEW:
        raw_pool = raw_pool.filter(pl.col("origin").is_in(rows["origin"].unique().implode()))
    for places, batch in _batches(rows, raw_pool, ["source", "origin"], ["messages", "tools"]):
        there[places] = True
        lines = batch.select("messages", "tools").iter_rows()
        yield places, [text(from_dicts(messages, tools)) for messages, tools in lines]
    if not there.all():
        lost = rows.row(int(np.argmin(there)), named=True)
        raise LookupError(
            f"{np.count_nonzero(~there)} rows of the pool are not in raw_pool, as {lost['source']}/{lost['origin']}: "
            "the source changed since; materialise pool again"
        )


def _batches(
    rows: pl.DataFrame, wide: pl.LazyFrame, keys: Sequence[str], columns: Sequence[str]
) -> Iterator[tuple[NDArray[Any], pl.DataFrame]]:
    """Yield (places in `rows`, lines of `wide`) for the lines of `wide` that `rows` name."""
    wanted = rows.lazy().select(keys).with_row_index("place")
    joined = wide.select(*keys, *columns).join(wanted, on=keys, how="inner")
    for batch in joined.collect_batches(chunk_size=BATCH_ROWS, maintain_order=False):
        yield batch["place"].to_numpy(), batch

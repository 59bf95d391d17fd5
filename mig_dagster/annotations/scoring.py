"""Items through a model: what the cache knows first, then token batches, each kept as it comes.

An item is what one pass of a model reads: a prompt, an answer with what stands before it, a text to embed. Values of
rows are put together from those of their items, so that equal items of two rows, or of two runs, are computed once.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import numpy as np

from mig_dagster.annotations.annotator import Annotator, Batch, Column, Columns
from mig_dagster.annotations.cache import FragmentCache
from mig_dagster.annotations.engine import blank, check_batch
from mig_dagster.annotations.flags import Defect
from mig_dagster.annotations.planning import PlanCache
from mig_dagster.annotations.token_batches import run_in_token_batches

Item = TypeVar("Item", contravariant=True)
Encoded = TypeVar("Encoded", bound="Tokenised")


class Tokenised(Protocol):
    """An item as its model reads it."""

    @property
    def tokens(self) -> int:
        """How many tokens a pass reads of it."""


class TokenModel(Protocol, Generic[Item, Encoded]):
    """What says something of items, many in one pass."""

    batch_tokens: int
    """Padded tokens in a batch; lowered where memory ran out."""

    @property
    def annotator(self) -> Annotator:
        """Who speaks; its fingerprint is the cache's key."""

    @property
    def columns(self) -> Columns:
        """The columns that `run` gives, empty, as `engine.annotate` takes them.

        An array of shape (0, 0) says that only the weights tell how wide a value is: it is as the first one. A model
        of such a column reads every item.
        """

    def encode(self, items: Sequence[Item]) -> "Sequence[Encoded | Defect]":
        """Return each item as tokens, or why it cannot be read."""

    def run(self, encoded: Sequence[Encoded]) -> Mapping[str, Column]:
        """Return the values of one batch, in its order; may raise torch.OutOfMemoryError and then gets less."""


@dataclass(frozen=True, slots=True)
class TokenProgress:
    """How far a model has come with the items that the cache did not know.

    Attributes:
        annotator: who.
        items: computed so far, of `of_items`.
        tokens: read so far, without padding, of `of_tokens`.
        padded: read so far, padding included.
        seconds: since the first batch began.
    """

    annotator: Annotator
    items: int
    of_items: int
    tokens: int
    of_tokens: int
    padded: int
    seconds: float

    @property
    def tokens_per_second(self) -> float:
        """Tokens read a second; 0 before anything was."""
        return self.tokens / self.seconds if self.seconds > 0 else 0.0

    @property
    def padding_share(self) -> float:
        """Padding among what was read so far, in [0, 1)."""
        return 1 - self.tokens / self.padded if self.padded else 0.0

    @property
    def seconds_left(self) -> float | None:
        """At this rate; None before there is one."""
        return (self.of_tokens - self.tokens) / self.tokens_per_second if self.tokens_per_second else None


OnTokens = Callable[[TokenProgress], None]


def score_items(
    items: Sequence[Item],
    keys: Sequence[str],
    model: TokenModel[Item, Encoded],
    cache: FragmentCache | None = None,
    progress: OnTokens | None = None,
) -> Batch:
    """Return what a model says of items, in their order.

    Args:
        items: may be empty and repeat.
        keys: what each item is known by in the cache; items of equal keys are one.
        model: who computes what the cache does not know.
        cache: None computes every distinct item; a `PlanCache` counts them, and nothing is computed.
        progress: called after each batch.

    Returns:
        The model's columns over the n items; flagged where an item could not be read or a value is not finite.

    Raises:
        CacheError: a fragment of the cache is corrupt.
        MemoryError: a single item does not fit into memory.
    """
    if isinstance(cache, PlanCache):
        return cache.count(items, keys, model)
    first: dict[str, int] = {}
    for i, key in enumerate(keys):
        first.setdefault(key, i)
    distinct = list(first)
    table = _Values(model, len(distinct))
    if cache is not None:
        for found, batch in cache.load(model.annotator.fingerprint, distinct):
            table.place(found.tolist(), batch)
    todo = table.todo()
    if todo:
        _compute([items[first[distinct[i]]] for i in todo], [distinct[i] for i in todo], todo, table, cache, progress)
    at = {key: i for i, key in enumerate(distinct)}
    return table.taken([at[key] for key in keys])


def _compute(
    items: Sequence[Any],
    keys: Sequence[str],
    places: Sequence[int],
    table: "_Values",
    cache: FragmentCache | None,
    progress: OnTokens | None,
) -> None:
    model = table.model
    encoded = model.encode(items)
    read = [(i, item) for i, item in enumerate(encoded) if not isinstance(item, Defect)]
    lengths = [item.tokens for _, item in read]
    started, done, tokens, padded = time.monotonic(), 0, 0, 0
    with nullcontext() if cache is None else cache.writer(model.annotator.fingerprint) as writer:

        def keep(at: Sequence[int], batch: Batch) -> None:
            table.place([places[i] for i in at], batch)
            if writer is not None:
                writer.add([keys[i] for i in at], batch)

        if unread := {i: item.flag for i, item in enumerate(encoded) if isinstance(item, Defect)}:
            nothing = {name: blank(column, len(unread)) for name, column in model.columns.items()}
            keep(list(unread), Batch(nothing, list(unread.values())))

        def run(batch: list[int]) -> None:
            nonlocal done, tokens, padded
            keep([read[i][0] for i in batch], _flagged(model.run([read[i][1] for i in batch]), len(batch)))
            done += len(batch)
            tokens += sum(lengths[i] for i in batch)
            padded += len(batch) * max(lengths[i] for i in batch)
            if progress is not None:
                seconds = time.monotonic() - started
                progress(TokenProgress(model.annotator, done, len(read), tokens, sum(lengths), padded, seconds))

        model.batch_tokens = run_in_token_batches(lengths, model.batch_tokens, run)


def _flagged(columns: Mapping[str, Column], n: int) -> Batch:
    """Return the values as a batch in which those that are not finite are flagged."""
    wrong = np.zeros(n, dtype=bool)
    for column in columns.values():
        if isinstance(column, np.ndarray) and np.issubdtype(column.dtype, np.floating):
            wrong |= ~np.isfinite(column.reshape(n, -1)).all(axis=1)
    return Batch(columns, ["not_finite" if bad else None for bad in wrong.tolist()])


class _Values:
    """The values while they are being filled in."""

    def __init__(self, model: TokenModel[Any, Any], n: int) -> None:
        self.model = model
        self._columns: dict[str, Column] = {name: blank(column, n) for name, column in model.columns.items()}
        self._flags: list[str | None] = [None] * n
        self._there = np.zeros(n, dtype=bool)

    def todo(self) -> list[int]:
        found: list[int] = np.flatnonzero(~self._there).tolist()
        return found

    def place(self, at: Sequence[int], batch: Batch) -> None:
        for name, given in batch.columns.items():
            column = self._columns.get(name)
            if isinstance(column, np.ndarray) and column.shape[1:] == (0,) and not self._there.any():
                self._columns[name] = blank(np.empty((0, *np.shape(given)[1:]), column.dtype), len(column))
        check_batch(batch, self._columns, len(at), self.model.annotator)
        where = np.asarray(at, dtype=np.int64)
        for name, target in self._columns.items():
            if isinstance(target, np.ndarray):
                target[where] = batch.columns[name]
            else:
                for i, value in zip(at, batch.columns[name], strict=True):
                    target[i] = value
        for i, flag in zip(at, batch.flags, strict=True):
            self._flags[i] = flag
        self._there[where] = True

    def taken(self, at: Sequence[int]) -> Batch:
        where = np.asarray(at, dtype=np.int64)
        columns: dict[str, Column] = {
            name: column[where] if isinstance(column, np.ndarray) else [column[i] for i in at]
            for name, column in self._columns.items()
        }
        return Batch(columns, [self._flags[i] for i in at])

"""The way rules and taggers annotate rows: what the cache knows, and only then what is computed.

Each distinct row is annotated once. Values computed are written to the cache as they come (`cache.FLUSH_SECONDS`), so a
run that dies resumes after the last fragment.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext

import numpy as np

from mig_dagster.annotations.annotator import Annotations, Annotator, Batch, Column, Columns, Row
from mig_dagster.annotations.cache import FragmentCache
from mig_dagster.annotations.flags import check_flag

Progress = Callable[[int, int, float], None]
"""Called with (computed, to compute in all, seconds since the start); cached rows are in neither count."""

ComputeBatch = Callable[[Sequence[Row]], Batch]


def annotate(
    rows: Iterable[Row],
    annotator: Annotator,
    compute_batch: ComputeBatch,
    cache: FragmentCache | None,
    *,
    columns: Columns,
    chunk_rows: int = 1024,
    progress: Progress | None = None,
) -> Annotations:
    """Annotate each distinct row once: what the cache knows, and only then what is computed.

    Args:
        rows: may repeat a `row_id`; the first counts.
        annotator: who computes; its fingerprint is the cache's key.
        compute_batch: returns the values of at most `chunk_rows` rows.
        cache: where computed values are looked up and kept; None computes everything.
        columns: the columns that `compute_batch` gives, empty: `{"tags": []}`, `{"score": np.empty(0)}`,
            `{"embedding": np.empty((0, 384), np.float32)}`.
        chunk_rows: how many rows `compute_batch` gets at once, at least 1.
        progress: called after each chunk.

    Raises:
        ValueError: `chunk_rows` is below 1, or `compute_batch` broke its contract.
        CacheError: a fragment of the cache is corrupt.
    """
    if chunk_rows < 1:
        raise ValueError(f"chunk_rows must be at least 1, got {chunk_rows}")
    distinct = distinct_rows(rows)
    table = _Table(distinct, columns)
    if cache is not None:
        todo = table.todo()
        for found, batch in cache.load(annotator.fingerprint, [distinct[i].row_id for i in todo]):
            table.place([todo[i] for i in found.tolist()], batch, annotator)
    _compute(table, annotator, compute_batch, cache, chunk_rows, progress)
    return table.finish()


def distinct_rows(rows: Iterable[Row]) -> list[Row]:
    """Return the first row of each `row_id`, in order."""
    first: dict[str, Row] = {}
    for row in rows:
        first.setdefault(row.row_id, row)
    return list(first.values())


def _compute(
    table: "_Table",
    annotator: Annotator,
    compute_batch: ComputeBatch,
    cache: FragmentCache | None,
    chunk_rows: int,
    progress: Progress | None,
) -> None:
    todo = table.todo()
    started = time.monotonic()
    with nullcontext() if cache is None else cache.writer(annotator.fingerprint) as writer:
        for start in range(0, len(todo), chunk_rows):
            chunk = todo[start : start + chunk_rows]
            rows = [table.rows[i] for i in chunk]
            batch = compute_batch(rows)
            table.place(chunk, batch, annotator)
            if writer is not None:
                writer.add([row.row_id for row in rows], batch)
            if progress is not None:
                progress(start + len(chunk), len(todo), time.monotonic() - started)


class _Table:
    """The annotations while they are being filled in."""

    def __init__(self, rows: list[Row], columns: Columns) -> None:
        self.rows = rows
        self._columns: dict[str, Column] = {name: blank(column, len(rows)) for name, column in columns.items()}
        self._fingerprints = [""] * len(rows)
        self._flags: list[str | None] = [None] * len(rows)
        self._used: dict[str, Annotator] = {}
        self._counts: Counter[str] = Counter()

    def todo(self) -> list[int]:
        """Return the positions of rows that nobody has annotated."""
        return [i for i, fingerprint in enumerate(self._fingerprints) if not fingerprint]

    def place(self, at: Sequence[int], batch: Batch, annotator: Annotator) -> None:
        """Fill in a computed batch whose rows stand at the positions `at`."""
        check_batch(batch, self._columns, len(at), annotator)
        for name, target in self._columns.items():
            values = batch.columns[name]
            if isinstance(target, np.ndarray):
                target[np.asarray(at, dtype=np.int64)] = values
            else:
                for i, value in zip(at, values, strict=True):
                    target[i] = value
        self._counts.update(batch.counts)
        self._sign(at, batch.flags, annotator)

    def finish(self) -> Annotations:
        """Return the filled table."""
        return Annotations(
            [row.row_id for row in self.rows],
            self._columns,
            self._fingerprints,
            ["computed"] * len(self.rows),
            self._flags,
            self._used,
            counts=dict(self._counts),
        )

    def _sign(self, at: Sequence[int], flags: Sequence[str | None], annotator: Annotator) -> None:
        fingerprint = annotator.fingerprint
        self._used[fingerprint] = annotator
        for i, flag in zip(at, flags, strict=True):
            self._fingerprints[i], self._flags[i] = fingerprint, flag


def blank(column: Column, n: int) -> Column:
    """Return a column of `n` entries of the same kind that mean nothing yet: None, NaN, or 0 for integers."""
    if not isinstance(column, np.ndarray):
        return [None] * n
    nothing = np.nan if np.issubdtype(column.dtype, np.floating) else 0
    return np.full((n, *column.shape[1:]), nothing, dtype=column.dtype)


def check_batch(batch: Batch, columns: Columns, n: int, annotator: Annotator) -> None:
    """Raise ValueError where a batch is not `n` values of each of `columns`, with known flags."""
    lengths = {name: len(column) for name, column in batch.columns.items()}
    if lengths != dict.fromkeys(columns, n) or len(batch.flags) != n:
        raise ValueError(
            f"annotator {annotator.name!r} gave columns {lengths} and {len(batch.flags)} flags: expected {n} flags and "
            f"{n} entries in each of {', '.join(columns)}"
        )
    for name, column in columns.items():
        given = batch.columns[name]
        if isinstance(column, np.ndarray) and np.shape(given)[1:] != column.shape[1:]:
            raise ValueError(
                f"annotator {annotator.name!r} gave {name} of shape {np.shape(given)}, "
                f"expected {(n, *column.shape[1:])}"
            )
    for flag in filter(None, batch.flags):
        check_flag(flag)

"""A source's rows through an annotator into the lake, batch by batch."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import polars as pl

from mig_dagster.annotations import Annotations, Row
from mig_dagster.conversation import from_dicts
from mig_dagster.storage import Lake, Manifest

AnnotateRows: TypeAlias = Callable[[Sequence[Row]], Annotations]
OnBatch: TypeAlias = Callable[[int, int], None]
"""Called with (rows done so far, rows in all)."""

BATCH_ROWS = 8_192


@dataclass
class Tally:
    """What was counted while annotating; JSON-ready through `as_info`."""

    rows: int = 0
    provenance: Counter[str] = field(default_factory=Counter)
    flags: Counter[str] = field(default_factory=Counter)
    annotators: dict[str, dict[str, Any]] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    speakers: Counter[tuple[str, str]] = field(default_factory=Counter)
    dimension: int | None = None

    def add(self, batch: Annotations) -> None:
        """Count a batch."""
        self.rows += len(batch.row_ids)
        self.provenance.update(batch.provenance)
        self.flags.update(flag for flag in batch.flags if flag is not None)
        self.counts.update(batch.counts)
        signed = zip(batch.annotators, batch.provenance, batch.flags, strict=True)
        self.speakers.update((who, how) for who, how, flag in signed if flag is None or batch.partial)
        vectors = [value for value in batch.values.values() if isinstance(value, np.ndarray) and value.ndim == 2]
        self.dimension = vectors[0].shape[1] if batch.row_ids and vectors else self.dimension
        self.annotators |= {fingerprint: annotator.as_dict() for fingerprint, annotator in batch.used.items()}

    def as_info(self) -> dict[str, Any]:
        """Return the counts as the manifest keeps them."""
        return {
            "rows": self.rows,
            "provenance": dict(sorted(self.provenance.items())),
            "flags": dict(sorted(self.flags.items())),
            "annotators": dict(sorted(self.annotators.items())),
            "counts": dict(sorted(self.counts.items())),
            "speakers": self._speakers(),
            **({} if self.dimension is None else {"dimension": self.dimension}),
        }

    def _speakers(self) -> dict[str, dict[str, int]]:
        """Return how many values there are by provenance and annotator; rows with a flag have none, save partly."""
        found: dict[str, dict[str, int]] = {}
        for (who, how), rows in sorted(self.speakers.items()):
            found.setdefault(how, {})[who] = rows
        return found


def annotate_source(
    lake: Lake,
    asset: str,
    partition: str | None,
    raw_pool: pl.LazyFrame,
    annotate_rows: AnnotateRows,
    *,
    values: Sequence[str],
    inputs: Mapping[str, str] | None = None,
    info: Mapping[str, Any] | None = None,
    on_batch: OnBatch | None = None,
) -> Manifest:
    """Write one signal of a source: one line per distinct row, in the order of the source.

    Args:
        lake: where to.
        asset: the signal's name.
        partition: the source.
        raw_pool: the source's rows.
        annotate_rows: what a signal says of a batch of distinct rows.
        values: the signal's columns.
        inputs: data version of what is read.
        info: kept with the version, beside the counts.
        on_batch: told of the progress.

    Returns:
        The manifest, not yet published; its info is a `Tally`. Its data version counts values and flags, not who gave
        them.
    """
    tally = Tally()
    with lake.writer(asset, partition, values={"rows": ["row_id", *values, "flag"]}) as writer:
        for frame in annotation_frames(raw_pool, annotate_rows, tally, on_batch):
            writer.append("rows", frame)
        return writer.finish(inputs or {}, tally.as_info() | dict(info or {}))


def annotation_frames(
    raw_pool: pl.LazyFrame, annotate_rows: AnnotateRows, tally: Tally, on_batch: OnBatch | None = None
) -> Iterator[pl.DataFrame]:
    """Yield `row_id`, the signal's columns, `annotator`, `provenance`, `flag` for the distinct rows, batch by batch.

    A source without rows gives one frame without rows, which has the columns.
    """
    for rows, done, total in row_batches(raw_pool):
        annotations = annotate_rows(rows)
        tally.add(annotations)
        yield to_frame(annotations)
        if on_batch is not None:
            on_batch(done, total)


def row_batches(raw_pool: pl.LazyFrame) -> Iterator[tuple[list[Row], int, int]]:
    """Yield distinct rows as annotators get them, batch by batch: those that come for the first time, rows so far, all.

    A source without rows gives one empty batch.
    """
    total = raw_pool.select(pl.len()).collect().item()
    seen: set[str] = set()
    done = 0
    for batch in _batches(raw_pool, total):
        done += batch.height
        fresh = batch.filter(pl.Series(_not_in(seen, batch["row_id"]), dtype=pl.Boolean))
        yield [_row(line) for line in fresh.iter_rows(named=True)], done, total


def to_frame(annotations: Annotations) -> pl.DataFrame:
    """Return annotations as a frame: null where a row is flagged, or, where annotations are partial, at NaN."""
    columns = {name: _series(name, values) for name, values in annotations.values.items()}
    flags = pl.Series("flag", annotations.flags, dtype=pl.String)
    computed = pl.Series([how == "computed" for how in annotations.provenance], dtype=pl.Boolean)
    values = []
    for name, column in columns.items():
        # An integer has no NaN: where a row brought other columns, nobody gave it.
        partly = pl.col(name).is_not_nan() if column.dtype.is_float() else computed
        values.append(pl.when(partly if annotations.partial else flags.is_null()).then(pl.col(name)).alias(name))
    return pl.DataFrame({"row_id": pl.Series(annotations.row_ids, dtype=pl.String), **columns}).select(
        "row_id",
        *values,
        pl.Series("annotator", annotations.annotators, dtype=pl.String),
        pl.Series("provenance", annotations.provenance, dtype=pl.String),
        flags,
    )


def _series(name: str, values: Any) -> pl.Series:
    """Return a column: arrays keep their kind and width, everything else is a list of strings."""
    if not isinstance(values, np.ndarray):
        return pl.Series(name, values, dtype=pl.List(pl.String))
    if values.ndim == 1:
        return pl.Series(name, values)
    kind = pl.Float16 if values.dtype == np.float16 else pl.Float32
    return pl.Series(name, values, dtype=pl.Array(kind, values.shape[1]))


def _batches(raw_pool: pl.LazyFrame, total: int) -> Iterator[pl.DataFrame]:
    rows = raw_pool.select("row_id", "messages", "tools", "meta")
    if not total:
        yield rows.collect()
        return
    yield from rows.collect_batches(chunk_size=BATCH_ROWS, maintain_order=True)


def _not_in(seen: set[str], row_ids: pl.Series) -> list[bool]:
    """Say for each id whether it comes for the first time, and add it to `seen`."""
    new = []
    for row_id in row_ids:
        new.append(row_id not in seen)
        seen.add(row_id)
    return new


def _row(line: Mapping[str, Any]) -> Row:
    return Row(line["row_id"], from_dicts(line["messages"], line["tools"]), json.loads(line["meta"] or "{}"))

"""What a stored subset's pool says of some rows: whether they are there, what was said of them, who stands for them."""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from mig_dagster.stages.align import PoolFrames
from mig_dagster.stages.budget import tokens_of
from mig_dagster.stages.budgeted import inputs_within
from mig_dagster.stages.row_signals import INDICATOR, SIGNALS, join_signals, keys_of
from mig_dagster.stages.stored_frames import stored_manifests
from mig_dagster.stages.stored_subset import StoredSubset
from mig_dagster.stages.tag_matrix import labels_of, tag_matrix
from mig_dagster.storage import Manifest

FACTS: Mapping[str, pl.DataType | type[pl.DataType]] = {
    "row_id": pl.String,
    "source": pl.String,
    "reason": pl.String,
    "stands": pl.String,
    "values": pl.String,
    "labels": pl.List(pl.String),
    "embedding": pl.UInt64,
}


@dataclass(frozen=True)
class Facts:
    """One side of a comparison.

    Attributes:
        rows: by `row_id`: `source` where the row is in the pool; `reason` why it could not take part; `stands`, the row
            that stood for it where it was a duplicate; `values`, the numbers that were read of it, in words; `labels`;
            `embedding`, a hash of its embedding where that was read. Rows that are neither in the pool nor a duplicate
            are left out.
        sources: every source that was read.
    """

    rows: pl.DataFrame
    sources: frozenset[str]


def facts(stored: StoredSubset, row_ids: pl.Series) -> Facts:
    """Return what a subset's pool says of some rows.

    Raises:
        LookupError: a version that the subset was chosen from is not there any more.
    """
    found = stored_manifests(stored.lake, stored.manifest.inputs)
    wanted = pl.LazyFrame({"row_id": row_ids}).unique()
    joined = _joined(stored, stored.frames(), wanted)
    duplicates = _duplicates(stored, found["pool"][0], wanted, joined["row_id"])
    rows = pl.concat([joined, duplicates], how="diagonal").select(
        pl.col(name).cast(kind) for name, kind in FACTS.items()
    )
    return Facts(rows, frozenset(_sources(stored, found)))


def _sources(stored: StoredSubset, found: Mapping[str, list[Manifest]]) -> list[str]:
    return [str(each.partition) for each in found.get("raw_pool", [])] or list(stored.info["pool_mix"])


def _joined(stored: StoredSubset, frames: PoolFrames, wanted: pl.LazyFrame) -> pl.DataFrame:
    """Return the rows that are in the pool, with what the method read of them."""
    pool = frames.pool.select("row_id", "source").join(wanted, on="row_id", how="semi").collect()
    budget = stored.info["budget"]
    read = [name for name in SIGNALS if name in inputs_within(stored.method, budget)]
    signals = {
        name: frame.join(wanted, on="row_id", how="semi")
        for name in read
        if (frame := getattr(frames, name)) is not None
    }
    joined = join_signals(pool, signals, stored.info["options"])
    tokens = tokens_of(budget)
    counted = {tokens.counted} if tokens else set()
    numbers = [name for name, kind in joined.schema.items() if kind.is_float() or name in counted]
    texts = [pl.format("{} {}", pl.lit(name.removeprefix(INDICATOR)), name) for name in numbers]
    said = pl.concat_str(texts, separator=", ", ignore_nulls=True) if texts else pl.lit("")
    told = joined.select("row_id", "source", "reason", _labels(joined, frames), values=said)
    return _with_embedding(told, signals.get("row_embeddings"))


def _with_embedding(rows: pl.DataFrame, signal: pl.LazyFrame | None) -> pl.DataFrame:
    if signal is None:
        return rows.with_columns(embedding=pl.lit(None, pl.UInt64))
    hashes = signal.select(*keys_of(signal), embedding=pl.col("embedding").hash()).collect()
    return rows.join(hashes, on=keys_of(signal), how="left", maintain_order="left")


def _labels(joined: pl.DataFrame, frames: PoolFrames) -> pl.Series:
    if "tags" not in joined.columns or frames.vocabulary is None:
        return pl.Series("labels", [None] * joined.height, dtype=pl.List(pl.String))
    known = list(frames.vocabulary.labels)
    matrix = tag_matrix(joined["tags"], frames.vocabulary, known)
    found = labels_of(matrix, known, pl.int_range(joined.height, eager=True).to_numpy())
    return pl.Series("labels", [sorted(labels) for labels in found], dtype=pl.List(pl.String))


def _duplicates(stored: StoredSubset, pool: Manifest, wanted: pl.LazyFrame, there: pl.Series) -> pl.DataFrame:
    """Return the rows that another row of the pool stands for."""
    if "duplicates" not in pool.tables:
        return pl.DataFrame(schema={"row_id": pl.String, "stands": pl.String})
    ledger = stored.lake.scan_versions([pool], "duplicates").join(wanted, on="row_id", how="semi")
    left_out = ledger.filter(~pl.col("row_id").is_in(there.implode()))
    return left_out.group_by("row_id").agg(stands=pl.col("kept_row_id").first()).collect()

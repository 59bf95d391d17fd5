"""Two stored subsets compared: which rows stayed, came and went, by source and by label, and why."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from mig_dagster.stages.align import align
from mig_dagster.stages.diff.causes import CAUSES, caused, sides
from mig_dagster.stages.diff.changes import Changes, changes
from mig_dagster.stages.stored_subset import StoredSubset
from mig_dagster.stages.tag_matrix import labels_of

KEPT, ADDED, EVICTED = "kept", "added", "evicted"
_KINDS = (KEPT, ADDED, EVICTED)
_ORDER = pl.Enum(_KINDS)
_COLUMNS = ("source", "rank", "gain", "score", "labels")


@dataclass(frozen=True)
class Diff:
    """What came of a comparison.

    Attributes:
        before: the one subset's name.
        after: the other's.
        changes: what is not the same of both before any row is looked at.
        rows: every row of either: `change` (kept, added, evicted), `row_id`, `source`, `rank_before`, `rank_after`,
            `gain_before`, `gain_after`, `score_before`, `score_after`, `labels`, `cause` and `detail`; kept and added
            rows by their rank after, evicted ones by their rank before. Kept rows have no cause.
        moved: of the kept rows, how many have a lower rank than before (`up`), a higher one (`down`), the same.
    """

    before: str
    after: str
    changes: Changes
    rows: pl.DataFrame
    moved: dict[str, int]

    @property
    def counts(self) -> dict[str, int]:
        """How many rows were kept, added and evicted."""
        return {kind: self.of(kind).height for kind in _KINDS}

    def of(self, kind: str) -> pl.DataFrame:
        """Return the rows that were kept, added or evicted."""
        return self.rows.filter(pl.col("change") == kind)

    def causes(self) -> pl.DataFrame:
        """Return `cause`, `added`, `evicted`: how many rows each cause has, in the order of `CAUSES`."""
        counted = _counted(self.rows.filter(pl.col("cause").is_not_null()), "cause").drop(KEPT)
        return counted.sort(pl.col("cause").cast(pl.Enum(CAUSES)))

    def by_source(self) -> pl.DataFrame:
        """Return `source`, `kept`, `added`, `evicted`, by source."""
        return _counted(self.rows, "source").sort("source")

    def by_label(self) -> pl.DataFrame:
        """Return `label`, `kept`, `added`, `evicted`: the labels of most rows that came or went first."""
        labels = self.rows.select("change", label="labels").explode("label").drop_nulls()
        return _counted(labels, "label").sort(-(pl.col(ADDED) + pl.col(EVICTED)), "label")


def diff(before: StoredSubset, after: StoredSubset) -> Diff:
    """Compare two subsets row by row; a row is the same where its conversation is.

    Raises:
        LookupError: a version that one was chosen from is not there any more.
    """
    joined = _side(before, "before").join(_side(after, "after"), on="row_id", how="full", coalesce=True)
    both = pl.col("rank_before").is_not_null() & pl.col("rank_after").is_not_null()
    change = pl.when(both).then(pl.lit(KEPT)).when(pl.col("rank_before").is_null()).then(pl.lit(ADDED))
    rows = joined.with_columns(change=change.otherwise(pl.lit(EVICTED)).cast(_ORDER))
    here, there = sides(before, after, rows.filter(~both)["row_id"])
    why = [
        caused(rows.filter(pl.col("change") == ADDED).select("row_id", rank="rank_after"), there, here),
        caused(rows.filter(pl.col("change") == EVICTED).select("row_id", rank="rank_before"), here, there),
    ]
    told = _labelled(rows, [after, before]).join(pl.concat(why).drop("rank"), on="row_id", how="left")
    later = pl.coalesce("rank_after", "rank_before")
    return Diff(before.name, after.name, changes(before, after), _ordered(told.sort("change", later)), _moved(rows))


def write_diff(made: Diff, folder: Path) -> Sequence[Path]:
    """Write the rows kept, added and evicted as Parquet, one file each, and return the files; the folder is made."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{kind}.parquet" for kind in _KINDS]
    for kind, path in zip(_KINDS, paths, strict=True):
        made.of(kind).with_columns(pl.col("change").cast(pl.String)).write_parquet(path)
    return paths


def _side(subset: StoredSubset, when: str) -> pl.DataFrame:
    return subset.rows.select("row_id", *(pl.col(name).alias(f"{name}_{when}") for name in _COLUMNS))


def _labelled(rows: pl.DataFrame, subsets: Sequence[StoredSubset]) -> pl.DataFrame:
    """Return the rows with `labels`: their own or, of a method that reads no tags, those in the other pool."""
    found = rows.with_columns(labels=pl.coalesce("labels_after", "labels_before"))
    for subset in subsets:
        without = found.filter(pl.col("labels").is_null())["row_id"]
        frames = subset.frames()
        if without.is_empty() or frames.tags is None or frames.vocabulary is None:
            continue
        pool = align(frames, ["tags"])
        places = np.flatnonzero(pool.rows["row_id"].is_in(without.implode()).to_numpy())
        labels = labels_of(pool.arguments["tags"], pool.labels, places)
        known = pl.DataFrame(
            {"row_id": pool.rows["row_id"][places], "known": labels}, schema_overrides={"known": pl.List(pl.String)}
        )
        joined = found.join(known, on="row_id", how="left", maintain_order="left")
        found = joined.with_columns(labels=pl.coalesce("labels", "known")).drop("known")
    return found


def _ordered(rows: pl.DataFrame) -> pl.DataFrame:
    pairs = [f"{name}_{when}" for name in ("rank", "gain", "score") for when in ("before", "after")]
    source = pl.coalesce("source_after", "source_before").alias("source")
    return rows.select("change", "row_id", source, *pairs, "labels", "cause", "detail")


def _moved(rows: pl.DataFrame) -> dict[str, int]:
    step = rows.filter(pl.col("change") == KEPT).select(step=pl.col("rank_after") - pl.col("rank_before"))["step"]
    return {"up": int((step < 0).sum()), "down": int((step > 0).sum()), "same": int((step == 0).sum())}


def _counted(rows: pl.DataFrame, by: str) -> pl.DataFrame:
    kinds = [(pl.col("change") == kind).sum().cast(pl.Int64).alias(kind) for kind in _KINDS]
    return rows.group_by(by).agg(kinds)

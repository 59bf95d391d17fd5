"""How much a new annotator agrees with the one before it, on rows that both have scored.

When an annotator speaks of a source for the first time, `GOLDEN_ROWS` rows with its values are kept under its
fingerprint, in `golden/<signal>/source=<source>/<time>-<fingerprint>.parquet`: outside the lake, so that they outlive
the versions that they come from.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO

import numpy as np
import polars as pl

from mig_dagster.storage import Manifest, Store

GOLDEN_ROWS = 200
"""Rows kept with a fingerprint: the standard error of a rank correlation over them is at most 0.07."""

LEAST_ROWS = 20
"""Over fewer rows than these no agreement is stated (our choice)."""

NOT_VALUES = ("row_id", "annotator", "provenance", "flag")
"""Columns of a signal that are no values."""


@dataclass(frozen=True)
class Drift:
    """The agreement of two annotators of one signal.

    Attributes:
        before: fingerprint of the earlier annotator.
        now: fingerprint of the later one.
        rows: golden rows of the earlier one that the later one scored too.
        measure: "Spearman" for numbers, "Jaccard" (mean of the rows) for tags, "cosine" (mean) for vectors.
        agreement: by column, at most 1; None where a column is constant in one of them.
        incomparable: why nothing can be said, such as vectors of two dimensions; "" where something can.
    """

    before: str
    now: str
    rows: int
    measure: str
    agreement: Mapping[str, float | None]
    incomparable: str = ""


def golden_rows(rows: pl.LazyFrame) -> pl.DataFrame:
    """Return the rows to keep of a signal: those computed whose ids are lowest.

    Row ids are hashes of conversations, so these are a random sample, and two annotators of one source share it.

    Args:
        rows: `row_id`, values, `annotator`, `provenance`, `flag`.

    Returns:
        At most `GOLDEN_ROWS` rows, sorted by id.
    """
    spoken = (pl.col("provenance") == "computed") & pl.col("flag").is_null()
    # The ids first: the vectors of a source may be more than memory holds.
    ids = rows.filter(spoken).select("row_id").bottom_k(GOLDEN_ROWS, by="row_id").collect(engine="streaming")
    golden = rows.filter(spoken, pl.col("row_id").is_in(ids["row_id"].to_list()))
    return golden.collect(engine="streaming").sort("row_id")


def keep_golden(store: Store, manifest: Manifest, rows: pl.LazyFrame) -> None:
    """Keep golden rows of the annotator that computed a version, if it speaks of this source for the first time."""
    golden = golden_rows(rows)
    for (fingerprint,), values in golden.group_by("annotator", maintain_order=True):
        if any(path.endswith(f"-{fingerprint}.parquet") for path in store.list(_folder(manifest))):
            continue
        buffer = BytesIO()
        values.write_parquet(buffer)
        store.create(f"{_folder(manifest)}/{time.time_ns():020d}-{fingerprint}.parquet", buffer.getvalue())


def drift(store: Store, manifest: Manifest, rows: pl.LazyFrame) -> Drift | None:
    """Compare what a version's annotator computed with the golden rows of the last other annotator of its source.

    Returns:
        None where there was no other annotator, or nothing is computed.
    """
    speakers = sorted(manifest.info["speakers"].get("computed", ()))
    others = [path for path in store.list(_folder(manifest)) if _fingerprint(path) not in speakers]
    if not speakers or not others:
        return None
    before = pl.read_parquet(BytesIO(store.read(others[-1])))
    computed = rows.filter(pl.col("provenance") == "computed", pl.col("row_id").is_in(before["row_id"].to_list()))
    now = before.select("row_id").join(
        computed.collect(engine="streaming"), on="row_id", how="inner", maintain_order="left"
    )
    return _agreement(_fingerprint(others[-1]), speakers[0], before.join(now, on="row_id", how="semi"), now)


def _agreement(fingerprint: str, speaker: str, before: pl.DataFrame, now: pl.DataFrame) -> Drift:
    columns = [name for name in before.columns if name in now.columns and name not in NOT_VALUES]
    measure = _measure(before.schema[columns[0]]) if columns else "Spearman"
    if before.height < LEAST_ROWS:
        return Drift(fingerprint, speaker, before.height, measure, {}, f"{before.height} golden rows are among these")
    for name in columns:
        if measure == "cosine" and before.schema[name] != now.schema[name]:
            widths = " and ".join(str(frame.schema[name].shape[0]) for frame in (before, now))  # type: ignore[attr-defined]
            return Drift(fingerprint, speaker, before.height, measure, {}, f"vectors of {widths} dimensions")
    numbers = [name for name in columns if measure != "Spearman" or before.schema[name].is_float()]
    agreement = {name: _MEASURES[measure](before[name], now[name]) for name in numbers}
    return Drift(fingerprint, speaker, before.height, measure, agreement)


def _measure(kind: pl.DataType) -> str:
    if isinstance(kind, pl.Array):
        return "cosine"
    return "Jaccard" if isinstance(kind, pl.List) else "Spearman"


def spearman(before: pl.Series, now: pl.Series) -> float | None:
    """Return the rank correlation of two series, equal values sharing their mean rank; None where one is constant."""
    both = pl.DataFrame({"before": before, "now": now}).drop_nulls()
    if both.height < LEAST_ROWS or both["before"].n_unique() == 1 or both["now"].n_unique() == 1:
        return None
    return float(both.select(pl.corr("before", "now", method="spearman")).item())


def jaccard(before: pl.Series, now: pl.Series) -> float | None:
    """Return the mean share of common tags of all tags, over the rows that have tags in both; None without any."""
    pairs = [(set(a), set(b)) for a, b in zip(before, now, strict=True) if a is not None and b is not None]
    return float(np.mean([len(a & b) / len(a | b) if a | b else 1.0 for a, b in pairs])) if pairs else None


def cosine(before: pl.Series, now: pl.Series) -> float | None:
    """Return the mean cosine of two series of unit vectors, over the rows that have one in both; None without any."""
    there = before.is_not_null() & now.is_not_null()
    first, second = (series.filter(there).to_numpy().astype(np.float64) for series in (before, now))
    return float((first * second).sum(axis=1).mean()) if there.any() else None


_MEASURES = {"Spearman": spearman, "Jaccard": jaccard, "cosine": cosine}


def _folder(manifest: Manifest) -> str:
    return f"golden/{manifest.asset}/source={manifest.partition}"


def _fingerprint(path: str) -> str:
    return path.rpartition("-")[2].removesuffix(".parquet")

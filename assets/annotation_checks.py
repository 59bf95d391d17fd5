"""Checks of tags, quality_scores and row_embeddings."""

import numpy as np
import polars as pl

from assets.checks import Result, holds
from mig_dagster.annotations.flags import FLAGS
from mig_dagster.storage import Manifest

MAX_FLAGGED_SHARE = 0.05
TAGS_CHECKS = {
    "coverage": "one line for every distinct row of raw_pool",
    "parse_failures": f"at most {MAX_FLAGGED_SHARE:.0%} of the rows have no tags for a reason",
}
QUALITY_SCORES_CHECKS = {
    "coverage": "one line for every distinct row of raw_pool",
    "in_range": "scores are finite and at least 0",
    "not_constant": "more than one value, where there are 20 rows or more",
    "nulls": f"at most {MAX_FLAGGED_SHARE:.0%} of the rows have no score",
}
ROW_EMBEDDINGS_CHECKS = {
    "coverage": "one line for every distinct row of raw_pool",
    "unit_norm": "vectors have length 1",
    "dimension": "one dimension, above 1",
}
_CONSTANT_FROM = 20
_NORM_TOLERANCE = 1e-3


def tags_checks(manifest: Manifest, rows: pl.LazyFrame, raw_pool: pl.LazyFrame) -> list[Result]:
    """Check a new version of tags."""
    return [_coverage(manifest, raw_pool), _flagged("parse_failures", manifest, rows, "tags")]


def quality_scores_checks(manifest: Manifest, rows: pl.LazyFrame, raw_pool: pl.LazyFrame) -> list[Result]:
    """Check a new version of quality_scores."""
    scores = rows.select("score").drop_nulls().collect()["score"]
    wrong = scores.filter(~scores.is_finite() | (scores < 0)).len()
    found = f"{wrong} of {scores.len()} scores are negative or not finite; {scores.min()!r} to {scores.max()!r}"
    varied = scores.len() < _CONSTANT_FROM or scores.n_unique() > 1
    return [
        _coverage(manifest, raw_pool),
        holds("in_range", not wrong, found, partition=manifest.partition),
        holds("not_constant", varied, f"{scores.n_unique()} distinct scores", partition=manifest.partition),
        _flagged("nulls", manifest, rows, "score"),
    ]


def row_embeddings_checks(manifest: Manifest, rows: pl.LazyFrame, raw_pool: pl.LazyFrame) -> list[Result]:
    """Check a new version of row_embeddings."""
    dimension = rows.collect_schema()["embedding"].shape[0]  # type: ignore[attr-defined]
    worst = 0.0
    for batch in rows.select("embedding").drop_nulls().collect_batches(chunk_size=50_000):
        vectors = batch["embedding"].to_numpy().astype(np.float32, copy=False)
        worst = max(worst, float(np.abs(np.linalg.norm(vectors, axis=1) - 1).max(initial=0.0)))
    return [
        _coverage(manifest, raw_pool),
        holds("unit_norm", worst < _NORM_TOLERANCE, f"lengths within {worst:.1e} of 1", partition=manifest.partition),
        holds("dimension", dimension > 1, f"dimension {dimension}", partition=manifest.partition),
    ]


def _coverage(manifest: Manifest, raw_pool: pl.LazyFrame) -> Result:
    distinct = raw_pool.select(pl.col("row_id").n_unique()).collect(engine="streaming").item()
    found = f"{manifest.rows} lines of {distinct} distinct rows"
    return holds("coverage", manifest.rows == distinct, found, partition=manifest.partition)


def _flagged(name: str, manifest: Manifest, rows: pl.LazyFrame, value: str) -> Result:
    nulls = rows.select(pl.col(value).is_null().sum()).collect(engine="streaming").item()
    share = nulls / manifest.rows if manifest.rows else 0.0
    flags = [f"{flag} {count} ({FLAGS[flag]})" for flag, count in manifest.info["flags"].items()]
    found = f"{nulls} of {manifest.rows} rows without a value ({share:.2%}): {', '.join(flags) or 'no flag'}"
    passed = share <= MAX_FLAGGED_SHARE
    remedy = "" if passed else f"; choose an option of {manifest.asset} that gives these rows a value, or mend the rows"
    return holds(name, passed, found + remedy, partition=manifest.partition)

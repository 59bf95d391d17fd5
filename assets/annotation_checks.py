"""Checks of what annotators say: for each signal those that keep a version from being published, and those that warn.

A version that passes also leaves its golden rows, which a later annotator is compared with.
"""

from collections.abc import Mapping

import numpy as np
import polars as pl

from assets.agreement_checks import LEAST_AGREEMENT, MAX_DISTANCE, drifted, imported
from assets.checks import Result, holds
from assets.value_checks import (
    ANY,
    CONSTANT_FROM,
    MAX_FLAGGED_SHARE,
    MAX_TRUNCATED_SHARE,
    Limits,
    at_most,
    coverage,
    in_range,
    not_constant,
    nulls,
    truncated,
)
from mig_dagster.annotations.quality import scale_of
from mig_dagster.stages.drift import NOT_VALUES, keep_golden
from mig_dagster.stages.row_signals import TOKEN_COLUMNS
from mig_dagster.storage import Manifest, Store

_COVERAGE = "one line for every distinct row of raw_pool"
_VARIED = f"no column has one value for all rows, where there are {CONSTANT_FROM} or more"
_FEW_NULLS = f"at most {MAX_FLAGGED_SHARE:.0%} of the rows lack a value, by flag"
_WARNINGS = {
    "truncated": f"at most {MAX_TRUNCATED_SHARE:.0%} of the rows, or turns, were read in part only",
    "imported": f"imported values lie as those computed beside them (Kolmogorov-Smirnov at most {MAX_DISTANCE})",
    "drift": "another annotator than before agrees with it on golden rows: "
    + ", ".join(f"{measure} at least {least}" for measure, least in LEAST_AGREEMENT.items()),
}
TAGS_CHECKS = {
    "coverage": _COVERAGE,
    "parse_failures": f"at most {MAX_FLAGGED_SHARE:.0%} of the rows have no tags for a reason",
}
TAGS_WARNINGS = {"not_constant": "not all rows have the same tags", **_WARNINGS}
QUALITY_SCORES_CHECKS = {
    "coverage": _COVERAGE,
    "in_range": "scores are finite and in the range of their scorer and aggregation",
    "not_constant": f"{_VARIED}; scorer `constant` aside",
    "nulls": _FEW_NULLS,
}
QUALITY_SCORES_WARNINGS = _WARNINGS
IFD_SCORES_CHECKS = {
    "coverage": _COVERAGE,
    "finite": "values are finite: ratios above 0, losses at least 0, perplexities at least 1",
    "not_constant": _VARIED,
}
IFD_SCORES_WARNINGS = {"nulls": _FEW_NULLS, **_WARNINGS}
INDICATORS_CHECKS = {"coverage": _COVERAGE, "finite": "values are finite and in the range of their indicator"}
INDICATORS_WARNINGS = {"not_constant": _VARIED, "nulls": _FEW_NULLS, **_WARNINGS}
ROW_EMBEDDINGS_CHECKS = {
    "coverage": _COVERAGE,
    "unit_norm": "vectors have length 1",
    "dimension": "one dimension, above 1",
}
ROW_EMBEDDINGS_WARNINGS = {
    "not_constant": "the first rows have not all the same vector",
    "nulls": _FEW_NULLS,
    **_WARNINGS,
}

TOKEN_COUNTS_CHECKS = {
    "coverage": _COVERAGE,
    "not_negative": "numbers of tokens are at least 0",
    "trained_at_most_all": "no row has more trained tokens than tokens",
}
TOKEN_COUNTS_WARNINGS = {"nulls": _FEW_NULLS, **_WARNINGS}

_ABOVE_0: Limits = (np.nextafter(0, 1), np.inf)
_FROM_0: Limits = (0.0, np.inf)
_FROM_1: Limits = (1.0, np.inf)
_PROBABILITY: Limits = (0.0, 1.0)
_IFD_LIMITS: Mapping[str, Limits] = {
    "ifd_loss": _ABOVE_0,
    "ifd_ppl": _ABOVE_0,
    "ppl": _FROM_1,
    "loss_conditioned": _FROM_0,
    "loss_alone": _FROM_0,
}
_INDICATOR_LIMITS: Mapping[str, Limits] = {
    "len": _FROM_0,
    "output_len": _FROM_0,
    "mtld": _ABOVE_0,
    "ppl": _FROM_1,
    "nat": _PROBABILITY,
    "coh": _PROBABILITY,
    "und": _PROBABILITY,
}
"""Those that are not here, such as `rew`, have no limits."""

_VECTORS_COMPARED = 10_000
"""The vectors of a source may be more than memory holds: these many, the first, are looked at together."""

_NORM_TOLERANCE = 1e-3
_HALF_NORM_TOLERANCE = 5e-3
"""Float16 has 11 bits: the length of a rounded unit vector is off by up to 2^-11 and a little for tiny entries."""


def tags_checks(manifest: Manifest, rows: pl.LazyFrame, raw_pool: pl.LazyFrame, store: Store) -> list[Result]:
    """Check a new version of tags."""
    must = [coverage(manifest, raw_pool), nulls("parse_failures", manifest, rows, ["tags"], blocks=True)]
    should = [not_constant(manifest, rows, ["tags"], blocks=False)]
    return _with_common(must, should, manifest, rows, store, pl.col("tags").list.len())


def quality_scores_checks(manifest: Manifest, rows: pl.LazyFrame, raw_pool: pl.LazyFrame, store: Store) -> list[Result]:
    """Check a new version of quality_scores; `scale` of its info says how they were scored."""
    scorer, _, aggregation = manifest.info["scale"].rpartition(", ")
    scale = scale_of(scorer)
    must = [
        coverage(manifest, raw_pool),
        in_range("in_range", manifest, rows, {"score": scale.limits(aggregation)}),
        holds("not_constant", True, f"scorer {scorer} has one score by design", partition=manifest.partition)
        if scale.constant
        else not_constant(manifest, rows, ["score"], blocks=True),
        nulls("nulls", manifest, rows, ["score"], blocks=True),
    ]
    return _with_common(must, [], manifest, rows, store, pl.col("score"))


def ifd_scores_checks(manifest: Manifest, rows: pl.LazyFrame, raw_pool: pl.LazyFrame, store: Store) -> list[Result]:
    """Check a new version of ifd_scores."""
    limits = {name: _IFD_LIMITS[name] for name in _values(rows) if name in _IFD_LIMITS}
    must = [
        coverage(manifest, raw_pool),
        in_range("finite", manifest, rows, limits),
        not_constant(manifest, rows, list(limits), blocks=True),
    ]
    should = [nulls("nulls", manifest, rows, ["ifd_ppl"], blocks=False)]
    return _with_common(must, should, manifest, rows, store, pl.col("ifd_ppl"))


def indicators_checks(manifest: Manifest, rows: pl.LazyFrame, raw_pool: pl.LazyFrame, store: Store) -> list[Result]:
    """Check a new version of indicators."""
    limits = {name: _INDICATOR_LIMITS.get(name, ANY) for name in _values(rows)}
    must = [coverage(manifest, raw_pool), in_range("finite", manifest, rows, limits)]
    should = [
        not_constant(manifest, rows, list(limits), blocks=False),
        nulls("nulls", manifest, rows, list(limits), blocks=False),
    ]
    return _with_common(must, should, manifest, rows, store, pl.col(next(iter(limits))))


def row_embeddings_checks(manifest: Manifest, rows: pl.LazyFrame, raw_pool: pl.LazyFrame, store: Store) -> list[Result]:
    """Check a new version of row_embeddings."""
    kind = rows.collect_schema()["embedding"]
    dimension = kind.shape[0]  # type: ignore[attr-defined]
    tolerance = _HALF_NORM_TOLERANCE if kind.inner == pl.Float16 else _NORM_TOLERANCE  # type: ignore[attr-defined]
    worst = 0.0
    for batch in rows.select("embedding").drop_nulls().collect_batches(chunk_size=50_000):
        vectors = batch["embedding"].to_numpy().astype(np.float32)
        off = np.abs(np.linalg.norm(vectors, axis=1) - 1).max(initial=0.0)
        worst = max(worst, float(np.nan_to_num(off, nan=np.inf)))
    must = [
        coverage(manifest, raw_pool),
        holds("unit_norm", worst < tolerance, f"lengths within {worst:.1e} of 1", partition=manifest.partition),
        holds("dimension", dimension > 1, f"dimension {dimension}", partition=manifest.partition),
    ]
    should = [
        not_constant(manifest, rows.head(_VECTORS_COMPARED), ["embedding"], blocks=False),
        nulls("nulls", manifest, rows, ["embedding"], blocks=False),
    ]
    return _with_common(must, should, manifest, rows, store, pl.col("embedding").arr.get(0))


def token_counts_checks(manifest: Manifest, rows: pl.LazyFrame, raw_pool: pl.LazyFrame, store: Store) -> list[Result]:
    """Check a new version of token_counts."""
    must = [
        coverage(manifest, raw_pool),
        in_range("not_negative", manifest, rows, dict.fromkeys(TOKEN_COLUMNS, _FROM_0)),
        at_most("trained_at_most_all", manifest, rows, "trained_tokens", "tokens"),
    ]
    should = [nulls("nulls", manifest, rows, TOKEN_COLUMNS, blocks=False)]
    return _with_common(must, should, manifest, rows, store, pl.col("tokens"))


def _values(rows: pl.LazyFrame) -> list[str]:
    return [name for name in rows.collect_schema().names() if name not in NOT_VALUES]


def _with_common(
    must: list[Result],
    should: list[Result],
    manifest: Manifest,
    rows: pl.LazyFrame,
    store: Store,
    value: pl.Expr,
) -> list[Result]:
    """Add the warnings of all signals; of a version that will be published golden rows are kept."""
    should += [truncated(manifest, rows), imported(manifest, rows, value), drifted(manifest, rows, store)]
    if all(result.passed for result in must):
        keep_golden(store, manifest, rows)
    return must + should

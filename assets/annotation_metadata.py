"""What the UI shows of annotations."""

from collections.abc import Sequence
from typing import Any

import polars as pl

from assets import metadata as shown
from assets.plots import histogram
from mig_dagster.storage import Manifest


def of_annotation(manifest: Manifest) -> dict[str, Any]:
    """Return who annotated, what came with the rows, and why rows have no value."""
    info = manifest.info
    return {
        "provenance": shown.counts("provenance", info["provenance"]),
        "flags": shown.counts("flag", info["flags"]),
        "counts": shown.counts("counted", info["counts"], of="times"),
        "annotators": shown.annotators(info["annotators"]),
    }


def of_tags(manifest: Manifest, rows: pl.LazyFrame) -> dict[str, Any]:
    """Return how many tags there are, and the most frequent."""
    each = rows.select(pl.col("tags").explode()).drop_nulls().collect()["tags"]
    frequent = each.value_counts().sort("count", "tags", descending=[True, False]).head(20)
    return {
        **of_annotation(manifest),
        "distinct_tags": each.n_unique(),
        "tags_per_row": each.len() / manifest.rows if manifest.rows else 0.0,
        "most_frequent": shown.counts("tag", dict(frequent.iter_rows())),
        "preview": shown.preview(rows.select("row_id", "tags", "provenance")),
    }


def of_scores(manifest: Manifest, rows: pl.LazyFrame) -> dict[str, Any]:
    """Return the scale, the mean and the distribution of scores."""
    scores = rows.select("score").drop_nulls().collect()["score"]
    mean = scores.mean()
    return {
        **of_annotation(manifest),
        "scale": manifest.info["scale"],
        "mean_score": mean if isinstance(mean, float) else 0.0,
        "histogram": histogram(scores.to_numpy(), what="score"),
    }


def of_numbers(manifest: Manifest, rows: pl.LazyFrame, columns: Sequence[str]) -> dict[str, Any]:
    """Return quantiles of some columns, and the distribution of the first."""
    values = rows.select(columns).collect()
    lines = [[name, *(f"{values[name].quantile(q) or 0:.4g}" for q in _QUANTILES)] for name in columns]
    first = values[columns[0]].drop_nulls()
    return {
        **of_annotation(manifest),
        "quantiles": shown.table(["value", *(f"{q:.0%}" for q in _QUANTILES)], lines),
        "histogram": histogram(first.to_numpy(), what=columns[0]),
        "preview": shown.preview(rows.select("row_id", *columns, "flag")),
    }


_QUANTILES = (0.0, 0.05, 0.5, 0.95, 1.0)

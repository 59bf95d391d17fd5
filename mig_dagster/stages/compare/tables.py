"""Where the rows of subsets come from, and which of them they share."""

from collections.abc import Mapping

import numpy as np
import polars as pl

from mig_dagster.report.inputs import ReportPool
from mig_dagster.selection.base import Rows
from mig_dagster.stages.label_space import Schema

SOURCE_MIX_SCHEMA: Schema = {
    "name": pl.String,  # of the subset
    "source": pl.String,  # every source of the pool, also where none of its rows was chosen
    "rows": pl.Int64,  # chosen from this source
    "share": pl.Float64,  # of the subset's rows
    "tokens": pl.Int64,  # of the rows chosen from this source
    "pool_rows": pl.Int64,  # of the pool from this source
    "pool_share": pl.Float64,  # of the pool's rows
}

OVERLAP_SCHEMA: Schema = {
    "name": pl.String,  # of a subset
    "other": pl.String,  # of another; every ordered pair is there
    "shared": pl.Int64,  # rows in both
    "jaccard": pl.Float64,  # shared over rows in either; null where both are empty
}


def source_mix(places: Mapping[str, Rows], given: ReportPool) -> pl.DataFrame:
    """Return how many rows and tokens of each subset come from each source, in the columns of `SOURCE_MIX_SCHEMA`.

    Args:
        places: pool indices of each subset's rows, by its name.
        given: the pool, with the tokens of all those rows.
    """
    counted = given.tokens is not None
    pool = given.rows.select("source", tokens=pl.Series(given.tokens) if counted else pl.lit(None, pl.Int64))
    whole = pool.group_by("source").agg(pool_rows=pl.len()).sort("source")
    frames = [pl.DataFrame(schema=SOURCE_MIX_SCHEMA)]
    for name, rows in places.items():
        chosen = pool[rows].group_by("source").agg(rows=pl.len(), tokens=pl.col("tokens").sum())
        mix = whole.join(chosen, on="source", how="left", maintain_order="left").with_columns(
            name=pl.lit(name),
            rows=pl.col("rows").fill_null(0),
            tokens=pl.col("tokens").fill_null(0) if counted else pl.lit(None),
            share=_ratio(pl.col("rows").fill_null(0), len(rows)),
            pool_share=_ratio(pl.col("pool_rows"), pool.height),
        )
        frames.append(mix.select(pl.col(column).cast(kind) for column, kind in SOURCE_MIX_SCHEMA.items()))
    return pl.concat(frames)


def _ratio(part: pl.Expr, whole: int) -> pl.Expr:
    return part / whole if whole else pl.lit(None)


def overlap(places: Mapping[str, Rows]) -> pl.DataFrame:
    """Return how many rows every two subsets share, in the columns of `OVERLAP_SCHEMA`.

    Args:
        places: pool indices of each subset's rows, by its name.
    """
    lines = []
    for name, rows in places.items():
        for other in [other for other in places if other != name]:
            shared = len(np.intersect1d(rows, places[other], assume_unique=True))
            either = len(rows) + len(places[other]) - shared
            lines.append((name, other, shared, shared / either if either else None))
    return pl.DataFrame(lines, schema=OVERLAP_SCHEMA, orient="row")

"""One row for each conversation: exact and normalised duplicates resolved within and across sources."""

from collections.abc import Mapping

import polars as pl

from mig_dagster.pool.schema import DUPLICATES, POOL


def pool(signatures: pl.LazyFrame, priorities: Mapping[str, int]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Keep one row of every group of duplicates.

    Rows with one exact key are one conversation; of what remains, rows with one normalised key are. The row of the
    source with the highest priority stays; among equals the first by source, then origin. The order in which rows come
    does not matter.

    Args:
        signatures: the signatures of all sources, in the columns of `schema.ROW_SIGNATURES`.
        priorities: source -> priority; 0 for sources not named.

    Returns:
        The rows kept, in the columns of `schema.POOL`, and the ledger of those that were not, in the columns of
        `schema.DUPLICATES`; both by (source, origin), together as many as there are signatures.
    """
    ranked = _ranked(signatures, priorities)
    exact = _first_of_group(ranked["exact_key"])
    # A row follows its exact winner into that one's normalised group, so that every removed row names a row that stays.
    kept = _first_of_group(ranked["normalised_key"].gather(exact))
    stays = kept == pl.int_range(ranked.height, eager=True)
    rows = ranked.filter(stays).select(POOL.names()).sort("source", "origin")
    return rows, _ledger(ranked.filter(~stays), ranked[kept.filter(~stays)])


def _ranked(signatures: pl.LazyFrame, priorities: Mapping[str, int]) -> pl.DataFrame:
    """Return the rows in the order in which they win."""
    names = pl.Series("source", list(priorities), dtype=pl.String)
    values = pl.Series("priority", list(priorities.values()), dtype=pl.Int64)
    ranks = pl.LazyFrame([names, values])
    ordered = signatures.join(ranks, on="source", how="left").sort(
        -pl.col("priority").fill_null(0), "source", "origin", maintain_order=False
    )
    return ordered.drop("priority").collect()


def _first_of_group(keys: pl.Series) -> pl.Series:
    """Return for each line the number of the first line with the same key, (n,)."""
    lines = pl.DataFrame({"key": keys}).with_row_index("line")
    return lines.select(pl.col("line").min().over("key").cast(pl.Int64)).to_series()


def _ledger(removed: pl.DataFrame, kept: pl.DataFrame) -> pl.DataFrame:
    """Return who was left out (n rows) and who stands for each (n rows)."""
    winners = kept.select(pl.col("source", "origin", "row_id", "exact_key").name.prefix("kept_"))
    kind = (
        pl.when(pl.col("exact_key") == pl.col("kept_exact_key")).then(pl.lit("exact")).otherwise(pl.lit("normalised"))
    )
    pairs = pl.concat([removed, winners], how="horizontal").with_columns(kind=kind)
    return pairs.select(DUPLICATES.names()).sort("source", "origin")

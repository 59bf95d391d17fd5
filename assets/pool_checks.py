"""Checks of raw_pool, row_signatures and pool."""

from collections.abc import Collection

import polars as pl

from assets.checks import Result, holds
from mig_dagster.pool.schema import RAW_POOL
from mig_dagster.storage import Manifest

RAW_POOL_CHECKS = {
    "rows_accounted_for": "accepted + rejected + blank = records read",
    "schema": "the columns of the row schema, in its types",
    "origin_unique": "(source, origin) names one row",
    "not_empty": "at least one row was accepted",
}
ROW_SIGNATURES_CHECKS = {"one_per_row": "one signature for every row of raw_pool"}
POOL_CHECKS = {
    "every_source_covered": "every signature is in the pool or in the ledger of duplicates",
    "row_id_unique": "no row_id twice",
}


def raw_pool_checks(manifest: Manifest, rows: pl.LazyFrame) -> list[Result]:
    """Check a new version of raw_pool.

    Args:
        manifest: the version; its info has the counts of the reader.
        rows: its accepted rows.
    """
    info = manifest.info
    rejected = sum(info["rejected"].values())
    told_apart = rows.select(pl.struct("source", "origin").n_unique()).collect(engine="streaming").item()
    stored = (manifest.rows, manifest.table_rows("rejected"))
    adds_up = info["accepted"] + rejected + info["blank"] == info["records"] and stored == (info["accepted"], rejected)
    source = manifest.partition
    reasons = ", ".join(f"{reason} {count}" for reason, count in info["rejected"].items())
    accepted = f"{manifest.rows} rows of {info['records']} records"
    if not manifest.rows:
        why = f"rejected: {reasons}" if reasons else "all of them blank"
        accepted += f" ({why}): `mig-dagster sources check` says what it saw and how to map the columns"
    return [
        holds(
            "rows_accounted_for",
            adds_up,
            f"{info['records']} records = {info['accepted']} accepted + {rejected} rejected + {info['blank']} blank; "
            f"stored {stored[0]} and {stored[1]}",
            partition=source,
        ),
        holds("schema", rows.collect_schema() == RAW_POOL, f"{len(rows.collect_schema())} columns", partition=source),
        holds("origin_unique", told_apart == manifest.rows, f"{told_apart} of {manifest.rows}", partition=source),
        holds("not_empty", manifest.rows > 0, accepted, partition=source),
    ]


def row_signatures_checks(manifest: Manifest, rows: int) -> list[Result]:
    """Check a new version of row_signatures against the number of rows of raw_pool."""
    found = f"{manifest.rows} signatures of {rows} rows"
    return [holds("one_per_row", manifest.rows == rows, found, partition=manifest.partition)]


def pool_checks(
    rows: pl.DataFrame, duplicates: pl.DataFrame, signatures: int, sources: Collection[str]
) -> list[Result]:
    """Check a new pool against what it was made from.

    Args:
        rows: the pool.
        duplicates: what was left out.
        signatures: how many rows the sources have together.
        sources: the sources that were read.
    """
    covered = set(rows["source"].unique()) | set(duplicates["source"].unique())
    missing = sorted(set(sources) - covered)
    complete = not missing and rows.height + duplicates.height == signatures
    found = f"{rows.height} rows + {duplicates.height} duplicates of {signatures} rows in {len(sources)} sources"
    return [
        holds("every_source_covered", complete, found + (f"; without {', '.join(missing)}" if missing else "")),
        holds("row_id_unique", rows["row_id"].n_unique() == rows.height, f"{rows['row_id'].n_unique()} ids"),
    ]

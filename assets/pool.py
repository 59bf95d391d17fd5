"""From files to the pool: rows of each source, their signatures, and the union without duplicates."""

from collections.abc import Mapping
from typing import Any

import dagster as dg
import polars as pl

from assets import metadata as shown
from assets.declare import pool_asset, source_asset
from assets.held import review_rows
from assets.pool_checks import (
    POOL_CHECKS,
    RAW_POOL_CHECKS,
    ROW_SIGNATURES_CHECKS,
    pool_checks,
    raw_pool_checks,
    row_signatures_checks,
)
from assets.recorded import Outcome, inputs_of
from assets.sources import source_revisions
from mig_dagster.pool.deduplicate import pool as without_duplicates
from mig_dagster.pool.ingest import ingest
from mig_dagster.pool.signatures import row_signatures as signatures_of
from mig_dagster.sources import Source, resolve
from mig_dagster.stages.held import known_rows
from mig_dagster.storage import Manifest
from resources.home import MigHome
from resources.models import Models
from resources.registry import SourceRegistry


@source_asset("pool", kinds={"parquet", "polars"}, code_version="1", blocking=RAW_POOL_CHECKS, deps=[source_revisions])
def raw_pool(context: dg.AssetExecutionContext, home: MigHome, registry: SourceRegistry, models: Models) -> Outcome:
    """A source's conversations in the one row schema; beside them the records turned away, each with its reason."""
    source = registry.source(context.partition_key)
    revision = resolve(source)
    manifest = ingest(source, revision, home.lake, on_progress=lambda n: context.log.info(f"{n:,} records read"))
    home.record_revision(source, revision, context.run.run_id)
    review_rows(context, home, registry, models, manifest)
    rows = home.lake.scan_versions([manifest])
    return Outcome.of(manifest, raw_pool_checks(manifest, rows), _of_raw_pool(manifest, rows, source))


@source_asset("pool", kinds={"polars"}, code_version="1", blocking=ROW_SIGNATURES_CHECKS)
def row_signatures(context: dg.AssetExecutionContext, home: MigHome, raw_pool: pl.LazyFrame) -> Outcome:
    """What decides whether two rows are duplicates: an exact and a normalised key for each."""
    signatures = signatures_of(raw_pool)
    manifest = home.lake.write("row_signatures", signatures, partition=context.partition_key, inputs=inputs_of(context))
    rows = raw_pool.select(pl.len()).collect().item()
    distinct = {f"distinct_{key}": signatures[key].n_unique() for key in ("exact_key", "normalised_key")}
    return Outcome.of(manifest, row_signatures_checks(manifest, rows), distinct)


@pool_asset("pool", kinds={"polars"}, code_version="1", blocking=POOL_CHECKS)
def pool(
    context: dg.AssetExecutionContext, home: MigHome, registry: SourceRegistry, row_signatures: pl.LazyFrame
) -> Outcome:
    """What selection sees: each conversation once, in a pinned order; beside it which row stands for each duplicate."""
    signatures, left_out = known_rows(row_signatures.collect(), registry.discovered(), home.lake)
    rows, duplicates = without_duplicates(signatures.lazy(), registry.priorities())
    manifest = home.lake.write("pool", {"rows": rows, "duplicates": duplicates}, inputs=inputs_of(context))
    sources = signatures["source"].unique()
    checks = pool_checks(rows, duplicates, signatures.height, sources)
    return Outcome.of(manifest, checks, _of_pool(rows, duplicates) | _of_held(left_out))


def _of_raw_pool(manifest: Manifest, rows: pl.LazyFrame, source: Source) -> dict[str, Any]:
    info = manifest.info
    return {
        "records": info["records"],
        "accepted": info["accepted"],
        "rejected": sum(info["rejected"].values()),
        "blank": info["blank"],
        "rejected_by_reason": shown.counts("reason", info["rejected"]),
        "revision": info["revision"],
        "uri": source.uri,
        "licence": source.licence or "not stated",
        "preview": shown.preview(rows.select("row_id", "origin", "n_turns", "n_chars", "messages")),
    }


def _of_held(left_out: Mapping[str, int]) -> dict[str, Any]:
    return {"held_rows": shown.counts("source", dict(sorted(left_out.items())))} if left_out else {}


def _of_pool(rows: pl.DataFrame, duplicates: pl.DataFrame) -> dict[str, Any]:
    kinds = duplicates["kind"].value_counts().sort("kind")
    return {
        "source_mix": shown.counts("source", dict(rows["source"].value_counts().sort("source").iter_rows())),
        "duplicates": shown.counts("kind", dict(kinds.iter_rows())),
        "left_out_by_source": shown.counts(
            "source", dict(duplicates["source"].value_counts().sort("source").iter_rows())
        ),
        "preview": shown.preview(rows),
    }

"""The subset as files a trainer reads."""

from typing import Any

import dagster as dg
import polars as pl

from assets import metadata as shown
from assets.declare import pool_asset
from assets.recorded import Outcome, inputs_of
from assets.subset_checks import EXPORT_CHECKS, export_checks
from mig_dagster.export import SubsetFiles, build_subset
from mig_dagster.stages.scale import annotators_of
from mig_dagster.stages.stored_subset import kept_in
from mig_dagster.stages.subset_files import selection_lock, shard_digests, with_conversations
from mig_dagster.storage.digest import values_digest
from resources.home import MigHome
from resources.registry import SourceRegistry


@pool_asset("subsets", kinds={"parquet", "json"}, code_version="1", blocking=EXPORT_CHECKS)
def subset_export(
    context: dg.AssetExecutionContext,
    home: MigHome,
    registry: SourceRegistry,
    mig_subset: pl.LazyFrame,
    raw_pool: pl.LazyFrame,
) -> Outcome:
    """The chosen conversations as Parquet and JSON Lines, in the order of choice, with a lock file and a card."""
    rows = with_conversations(mig_subset, raw_pool)
    lock = _lock(home, registry, "mig_subset", inputs_of(context))
    with home.store.workspace() as aside:
        files = build_subset(aside, rows, lock=lock)
        checks = export_checks(files.rows, files.reread)
        if all(check.passed for check in checks):
            home.publish_export("mig_subset", files)
    version = values_digest(rows.select("rank", "row_id", "messages", "tools"))
    return Outcome(version, files.rows, inputs_of(context), None, checks, _of_export(home, files, rows))


def _lock(home: MigHome, registry: SourceRegistry, subset: str, inputs: dict[str, str]) -> dict[str, Any]:
    """Return what pins a published subset; its own inputs are those recorded with it."""
    lake = home.lake
    manifest = lake.current(subset)
    assert manifest is not None, "the IO manager has read it"
    sources = sorted(manifest.info["pool_mix"])
    annotations = [lake.current(signal, name) for signal in ("tags", "quality_scores") for name in sources]
    return selection_lock(
        subset,
        manifest.info,
        kept=kept_in(manifest),
        inputs={subset: inputs[subset], **manifest.inputs},
        shards=shard_digests(lake, manifest),
        annotators=annotators_of(filter(None, annotations)),
        licences={name: source.licence for name, source in registry.load().items() if name in sources},
        scorer=manifest.info["scale"] or "not used",
    )


def _of_export(home: MigHome, files: SubsetFiles, rows: pl.DataFrame) -> dict[str, Any]:
    return {
        "folder": home.export_folder("mig_subset"),
        "files": dict(sorted(files.bytes.items())),
        "preview": shown.preview(rows.select("rank", "source", "gain", "labels", "messages")),
    }

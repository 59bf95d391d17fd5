"""The subset as files a trainer reads."""

from dataclasses import replace
from typing import Any

import dagster as dg
import polars as pl

from assets import metadata as shown
from assets.declare import pool_asset
from assets.options import Options, given
from assets.recorded import Outcome, inputs_of
from assets.subset_checks import EXPORT_CHECKS, export_checks
from mig_dagster.export import check_formats
from mig_dagster.export.bundle import Bundle, build_bundle
from mig_dagster.stages.dry_run import check_reasons
from mig_dagster.stages.export_subset import lock_of
from mig_dagster.stages.stored_subset import StoredSubset, find_subset
from mig_dagster.stages.subset_files import with_conversations
from mig_dagster.storage.digest import values_digest
from resources.home import MigHome
from resources.models import Models
from resources.registry import SourceRegistry


class ExportConfig(Options):
    """What is exported, and for whom; what is null is as the options file says."""

    formats: list[str] | None = None
    """For whom, beside the subset's own files: names as `mig-dagster export --to` takes them; each gets a folder."""
    may_leave_out: list[str] | None = None
    """Reasons for which trainers may lose rows (turn_order); a row lost for another keeps it from being published."""
    subset: str = "mig_subset"
    """Which subset: the current version of this one or of another method's (deita_subset)."""


@pool_asset("subsets", kinds={"parquet", "json"}, code_version="2", blocking=EXPORT_CHECKS)
def subset_export(
    context: dg.AssetExecutionContext,
    config: ExportConfig,
    home: MigHome,
    registry: SourceRegistry,
    models: Models,
    mig_subset: pl.LazyFrame,
    raw_pool: pl.LazyFrame,
) -> Outcome:
    """The chosen conversations for trainers, in the order of choice, with a lock file and a card."""
    asked = replace(models.options.subset_export, **given(formats=config.formats, may_leave_out=config.may_leave_out))
    formats, accepted = check_formats(asked.formats) if asked.formats else [], check_reasons(asked.may_leave_out)
    subset = find_subset(config.subset, home.root)
    asset = subset.manifest.asset
    rows = with_conversations(subset.rows.lazy(), raw_pool)
    lock, reasons, target = _lock(subset, registry), subset.table("reasons"), home.export_folder(asset)
    with home.store.workspace() as aside:
        bundle = build_bundle(aside, rows, lock=lock, reasons=reasons, formats=formats, target=target)
        checks = export_checks(bundle, rows, accepted)
        if all(check.passed for check in checks):
            home.publish_export(asset, aside, list(bundle.bytes))
    version = values_digest(rows.select("rank", "row_id", "messages", "tools"))
    inputs = {**inputs_of(context), asset: subset.manifest.data_version}
    return Outcome(version, rows.height, inputs, None, checks, {"folder": target, **_of_export(bundle, rows)})


def _lock(subset: StoredSubset, registry: SourceRegistry) -> dict[str, Any]:
    """Return what pins a published subset; licences are as the registry states them now."""
    sources = registry.load()
    licences = {name: source.licence for name, source in sources.items()}
    return lock_of(subset, licences=licences, uris={name: source.uri for name, source in sources.items()})


def _of_export(bundle: Bundle, rows: pl.DataFrame) -> dict[str, Any]:
    left_out = {each.format: dict(each.left_out) for each in bundle.exports if each.left_out}
    return {
        "files": dict(sorted(bundle.bytes.items())),
        "preview": shown.preview(rows.select("rank", "source", "gain", "labels", "messages")),
        "train": {each.format: list(each.commands) for each in bundle.exports},
        "notes": {each.format: list(each.notes) for each in bundle.exports if each.notes},
        **({"left_out": left_out} if left_out else {}),
    }

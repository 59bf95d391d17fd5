"""One asset for each selection method: it reads the pool and what the method reads, and has the method's options."""

import inspect
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import dagster as dg
import polars as pl

from assets.declare import pool_asset
from assets.method_inputs import inputs_for, pool_frames, tables_of
from assets.options import Options, given, settings_of
from assets.progress import logged
from assets.recorded import Outcome, inputs_of
from assets.subset_checks import SUBSET_CHECKS, subset_checks
from assets.subset_metadata import subset_metadata
from assets.subset_pictures import subset_pictures
from mig_dagster.selection import METHODS, reads
from mig_dagster.selection.base import Method
from mig_dagster.stages.budget import tokens_of
from mig_dagster.stages.fingerprints import check_annotators
from mig_dagster.stages.row_signals import SIGNALS
from mig_dagster.stages.scale import scale_of
from mig_dagster.stages.stored_frames import scan_signal
from mig_dagster.stages.subset import choose_subset
from mig_dagster.storage import Manifest
from resources.home import MigHome
from resources.models import Models

DEFAULT_BUDGET = "5%"
_CONFIGURED = ("max_null_share", "accept_mixed_annotators")
"""What the options file says of every method, where the Launchpad does not."""


class SubsetConfig(Options):
    """What every method is asked; what is null is as the options file says."""

    budget: str = DEFAULT_BUDGET
    """Rows (5000, 50k), a share of the pool (5%), tokens (20Mtok) or trained tokens (5Mtrained)."""
    max_null_share: float | None = None
    """Largest share of the pool that may lack a signal the method needs; 1 % where nothing is configured."""
    accept_mixed_annotators: bool | None = None
    """Choose also where several annotators gave one signal, as two versions of a model; the subset then warns of it."""


def subset_of(method: Method) -> dg.AssetsDefinition:
    """Return the asset that runs one method, with the method's options in the Launchpad."""
    name = method.__name__
    asset = f"{name}_subset"
    settings: Any = settings_of(method, SubsetConfig)
    needed = inputs_for(reads(method))
    on_device = "device" in inspect.signature(method).parameters

    @pool_asset(
        "subsets",
        name=asset,
        description=_description(method),
        kinds={"numpy", "polars"},
        code_version="1",
        blocking=SUBSET_CHECKS,
        pool="gpu" if on_device else None,
        tables=tables_of(needed),
        inputs=needed,
    )
    def subset(
        context: dg.AssetExecutionContext, config: settings, home: MigHome, models: Models, **inputs: Any
    ) -> Outcome:
        asked = config.model_dump()
        options = replace(models.options, **given(**{name: asked.pop(name) for name in _CONFIGURED}))
        budget, read, frames = asked.pop("budget"), inputs_of(context), pool_frames(inputs)
        if tokens_of(budget):
            counted = _token_counts(home, frames.pool)
            frames = replace(frames, token_counts=scan_signal(home.lake, counted))
            read |= {manifest.name: manifest.data_version for manifest in counted}
        signals = _signals(home, read)
        scale = scale_of(signals) if "quality_scores" in inputs else None
        chosen = choose_subset(
            name,
            frames,
            budget=budget,
            settings=asked,
            device=models.selection_device if on_device else None,
            max_null_share=options.max_null_share,
            notes=check_annotators(signals, accept=options.accept_mixed_annotators),
            on_progress=logged(context.log.info),
        )
        info = chosen.info | {"scale": scale}
        manifest = home.lake.write(asset, chosen.tables(), inputs=read, info=info)
        checks = subset_checks(chosen.rows, inputs["pool"], info)
        shown = subset_metadata(chosen, scale) | subset_pictures(frames, chosen, scale)
        return Outcome.of(manifest, checks, shown, chosen.seconds)

    return subset


def _description(method: Method) -> str:
    """Return the method's module docstring as Markdown that keeps its tables: the first line, the rest verbatim."""
    first, _, rest = (inspect.getdoc(inspect.getmodule(method)) or method.__name__).partition("\n")
    return f"{first}\n\n```text\n{rest.strip()}\n```" if rest.strip() else first


def _token_counts(home: MigHome, pool: pl.LazyFrame) -> list[Manifest]:
    """Return the current token counts of every source of the pool.

    They are read under a budget in tokens alone, so that no subset waits for them or is made again when they change.

    Raises:
        ValueError: a source has none.
    """
    sources = pool.select(pl.col("source").unique().sort()).collect()["source"].to_list()
    found = home.lake.current_versions([("token_counts", source) for source in sources])
    if lacking := [source for source, manifest in zip(sources, found, strict=True) if manifest is None]:
        raise ValueError(
            f"a budget in tokens needs token_counts, which {', '.join(lacking)} lack: run `mig-dagster backfill "
            f"--sources {','.join(lacking)} --assets token_counts`"
        )
    return [manifest for manifest in found if manifest is not None]


def _signals(home: MigHome, read: Mapping[str, str]) -> list[Manifest]:
    """Return the current version of every signal and source that a step has read."""
    parts = [name.partition("/") for name in read]
    wanted = [(asset, source) for asset, _, source in parts if asset in SIGNALS]
    return [found for found in home.lake.current_versions(wanted) if found is not None]


subsets = [subset_of(method) for method in METHODS.values()]
mig_subset = next(asset for asset in subsets if asset.key.path == ["mig_subset"])
compared_subsets = [asset for asset in subsets if asset is not mig_subset]
"""What MIG is compared with: made by a job and a sensor of their own, so that MIG does not wait for them."""

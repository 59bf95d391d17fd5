"""One asset for each selection method: it reads the pool and what the method reads, and has the method's options."""

import inspect
from collections.abc import Mapping
from typing import Any

import dagster as dg
from pydantic import create_model

from assets import metadata as shown
from assets.declare import pool_asset
from assets.label_space import VOCABULARY_TABLES
from assets.plots import curve
from assets.recorded import Outcome, inputs_of
from assets.subset_checks import SUBSET_CHECKS, subset_checks
from mig_dagster.selection import METHODS, options, reads
from mig_dagster.selection.base import Method
from mig_dagster.stages.align import PoolFrames
from mig_dagster.stages.label_space import read_vocabulary
from mig_dagster.stages.scale import scale_of
from mig_dagster.stages.subset import MAX_NULL_SHARE, Subset, choose_subset
from resources.gpu import Gpu
from resources.home import MigHome

DEFAULT_BUDGET = "5%"

_TABLES = {"label_vocabulary": VOCABULARY_TABLES, "label_graph": ["rows", "labels"]}
_NEEDS = {"tags": ("tags", "label_vocabulary")}
"""Assets behind an argument that is not an asset's name alone."""


class SubsetConfig(dg.Config):
    """What every method is asked."""

    budget: str = DEFAULT_BUDGET
    """Rows (5000, 50k) or a share of the pool (5%)."""
    max_null_share: float = MAX_NULL_SHARE
    """Largest share of the pool that may lack a signal the method needs."""


def subset_of(method: Method) -> dg.AssetsDefinition:
    """Return the asset that runs one method, with the method's options in the Launchpad."""
    asset = f"{method.__name__}_subset"
    settings: Any = create_model(f"{method.__name__}_options", __base__=SubsetConfig, **options(method))  # type: ignore[call-overload]
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
        tables={name: _TABLES[name] for name in needed if name in _TABLES},
        inputs=needed,
    )
    def subset(context: dg.AssetExecutionContext, config: settings, home: MigHome, gpu: Gpu, **inputs: Any) -> Outcome:
        asked = config.model_dump()
        limits = {name: asked.pop(name) for name in SubsetConfig.model_fields}
        device = gpu.selection_device() if on_device else None
        scale = _scale(home, inputs_of(context)) if "quality_scores" in inputs else None
        chosen = choose_subset(method.__name__, pool_frames(inputs), **limits, settings=asked, device=device)
        info = chosen.info | {"scale": scale}
        manifest = home.lake.write(asset, chosen.tables(), inputs=inputs_of(context), info=info)
        return Outcome.of(manifest, subset_checks(chosen.rows, inputs["pool"], info), subset_metadata(chosen, scale))

    return subset


def _description(method: Method) -> str:
    """Return the method's module docstring as Markdown that keeps its tables: the first line, the rest verbatim."""
    first, _, rest = (inspect.getdoc(inspect.getmodule(method)) or method.__name__).partition("\n")
    return f"{first}\n\n```text\n{rest.strip()}\n```" if rest.strip() else first


def inputs_for(arguments: tuple[str, ...]) -> list[str]:
    """Return the assets behind a method's arguments, the pool first."""
    return list(
        dict.fromkeys(["pool", *(name for argument in arguments for name in _NEEDS.get(argument, (argument,)))])
    )


def pool_frames(inputs: Mapping[str, Any]) -> PoolFrames:
    """Return a step's inputs as the stage takes them."""
    vocabulary, graph = inputs.get("label_vocabulary"), inputs.get("label_graph", {})
    return PoolFrames(
        pool=inputs["pool"],
        tags=inputs.get("tags"),
        quality_scores=inputs.get("quality_scores"),
        vocabulary=None if vocabulary is None else read_vocabulary(vocabulary["rows"], vocabulary["rules"]),
        edges=graph.get("rows"),
        labels=graph.get("labels"),
    )


def _scale(home: MigHome, read: Mapping[str, str]) -> str:
    """Return the scale that the scores of every source are on."""
    sources = [name.partition("/")[2] for name in read if name.startswith("quality_scores/")]
    return scale_of(found for name in sources if (found := home.lake.current("quality_scores", name)) is not None)


def subset_metadata(chosen: Subset, scale: str | None) -> dict[str, Any]:
    """Return what the UI shows of a subset."""
    info = chosen.info
    reasons = chosen.excluded["reason"].value_counts().sort("reason")
    return {
        "pool_rows": info["pool_rows"],
        "budget": info["budget"],
        "objective": info["objective"] if info["objective"] is not None else "none",
        "shortfall": info["shortfall"] or "none",
        "warnings": info["warnings"],
        "options": info["options"],
        "scores": scale or "not used",
        "labels_covered": f"{info['labels']['covered']} of {info['labels']['in_graph']}",
        "source_mix": shown.source_mix(info["pool_mix"], info["source_mix"]),
        "gain_curve": curve(info["gain_curve"], what="gain so far"),
        "excluded": shown.counts("reason", dict(reasons.iter_rows())),
        "preview": shown.preview(chosen.rows),
    }


subsets = [subset_of(method) for method in METHODS.values()]
mig_subset = next(asset for asset in subsets if asset.key.path == ["mig_subset"])

"""Sources whose annotation costs more GPU hours than automation may spend: planned when read, held until approved."""

import functools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import dagster as dg

from assets.checks import warns
from assets.recorded import NotMade, Outcome
from assets.run_tags import BY_ITSELF, TRIGGER
from mig_dagster.annotations.model_files import ModelError
from mig_dagster.sources.discovery import Hold, read_log
from mig_dagster.stages.held import Planned, explained, hours_allowed, review
from mig_dagster.storage import Lake, Manifest
from resources.home import MigHome
from resources.models import Models
from resources.registry import SourceRegistry

WITHIN_BUDGET = {"within_budget": "annotating the source takes no more GPU hours than automation may spend on it"}

Body = Callable[..., Outcome | NotMade]


def review_rows(
    context: dg.AssetExecutionContext, home: MigHome, registry: SourceRegistry, models: Models, manifest: Manifest
) -> None:
    """Plan what annotating new rows of a source costs, and hold it where that is more than automation may spend.

    This comes before anything can read the rows, so that the pool never has rows which nobody may annotate. Without a
    limit, or without a GPU, nothing is planned.
    """
    name = manifest.partition or ""
    limit = hours_allowed(
        registry.source(name), registry.discovered(), name in registry.declared(), models.options.max_gpu_hours
    )
    if limit is not None and models.device == "cpu":
        limit = None
    hold = review(home.store, name, manifest.data_version, limit, lambda: _planned(home.lake, models, manifest))
    if hold is not None:
        context.log.warning(explained(name, hold))


def unless_held(body: Body) -> Body:
    """Let a body that annotates a source make nothing where automation runs it and the source is held.

    What a person runs is never held. The asset is declared with the check `WITHIN_BUDGET`, which never blocks, and with
    `output_required=False`.
    """

    @functools.wraps(body)
    def run(context: dg.AssetExecutionContext, **arguments: Any) -> Outcome | NotMade:
        home: MigHome = arguments["home"]
        name = context.partition_key
        if context.run.tags.get(TRIGGER) in BY_ITSELF and (hold := _open_hold(home, name)):
            return NotMade("within_budget", explained(name, hold))
        outcome = body(context, **arguments)
        if isinstance(outcome, NotMade):
            return outcome
        return replace(outcome, checks=[*outcome.checks, warns("within_budget", True, "not held", partition=name)])

    return run


def _open_hold(home: MigHome, name: str) -> Hold | None:
    """Return what keeps automation from annotating a source now."""
    state = read_log(home.store)
    hold = state.holds.get(name)
    return hold if hold is not None and hold.state != "released" else None


def _planned(lake: Lake, models: Models, manifest: Manifest) -> Planned:
    from mig_dagster.stages.planning.planner import planner  # loads the libraries of models

    name = manifest.partition or ""
    try:
        ours = planner(lake, models.options, device=models.device)
        plan = ours.source(name, lake.scan_versions([manifest]))
    except ModelError as problem:  # the rows are read all the same: annotating them says this too
        return Planned(float("inf"), {"rows": manifest.rows, "problem": str(problem)})
    return Planned(ours.rates.gpu_hours(plan), ours.document(plan) | {"device": ours.rates.device})

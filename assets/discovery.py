"""The sensor that looks for new datasets, by the rules of `discovery:` in sources.yaml."""

from collections.abc import Sequence
from pathlib import Path

import dagster as dg

from mig_dagster.sources import RegistryError
from mig_dagster.sources.discovery.cursor import Cursor
from mig_dagster.stages.discovery import Discovery, RuleOutcome, discover
from resources.home import MigHome
from resources.registry import SourceRegistry

_TOLD = ("added", "proposed", "removed")


@dg.sensor(
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Looks for datasets by the rules of `discovery:` in sources.yaml: in folders, buckets and lists at "
    "every tick, on the Hub every six hours. It starts no run: `sources_sensor` takes up what is added here, and what "
    "is proposed waits for `mig-dagster sources proposals approve`.",
)
def discovery(
    context: dg.SensorEvaluationContext, registry: SourceRegistry, home: MigHome
) -> dg.SensorResult | dg.SkipReason:
    """Run the rules once; a rule that fails is told and holds up no other."""
    try:
        found = discover(home.ledger, Path(registry.path), Cursor.load(context.cursor))
    except RegistryError as error:
        return dg.SkipReason(f"discovery cannot be run, nothing was changed: {error}")
    for outcome in found.outcomes:
        for note in outcome.notes:
            context.log.warning(f"rule {outcome.rule}: {note}")
        if outcome.problem:
            context.log.error(f"rule {outcome.rule}: {outcome.problem}")
    return dg.SensorResult(skip_reason=told(found), cursor=found.cursor.dump())


def told(found: Discovery) -> str:
    """Return what a round did in one line, for the list of ticks in the UI."""
    if not found.outcomes and not found.resting:
        return "sources.yaml has no rule under `discovery:`"
    lines = [f"{outcome.rule}: {text}" for outcome in found.outcomes if (text := _outcome(outcome))]
    return "; ".join(lines) or f"{len(found.outcomes) + len(found.resting)} rules, nothing new"


def _outcome(outcome: RuleOutcome) -> str:
    """Return what came of one rule, "" where nothing did."""
    if outcome.problem:
        return f"failed ({outcome.problem})"
    happened = {kind: [event.name for event in outcome.events if event.kind == kind] for kind in _TOLD}
    waits = {
        "being written": outcome.waiting,
        "waiting for tomorrow": _count(outcome.tomorrow),
        "waiting for the next look": _count(outcome.next_look),
        "note": outcome.notes,
    }
    return ", ".join(f"{what} {_short(names)}" for what, names in (happened | waits).items() if names)


def _count(number: int) -> Sequence[str]:
    return [str(number)] if number else []


def _short(names: Sequence[str]) -> str:
    return " ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")

"""Runs that failed only because sources.yaml could not be read are run again once it can."""

from collections.abc import Collection, Iterator
from datetime import UTC, datetime

import dagster as dg

from assets.failed_runs import not_made, problems_of, source_of
from assets.jobs import TRIGGER, WHOLE, refresh
from assets.run_tags import MENDED
from mig_dagster.sources import RegistryError


def repeats(instance: dg.DagsterInstance, since: float, sources: Collection[str]) -> list[dg.RunRequest]:
    """Return the runs to ask for; each has a key, so that asking twice starts one.

    Args:
        instance: whose runs.
        since: seconds since 1970: runs that failed before are not looked at.
        sources: those that have a partition. A request for another one would fail the tick that makes it, and the next.
    """
    after = datetime.fromtimestamp(since, UTC)
    failed = instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE], updated_after=after))
    known = {None, *sources}
    return [request for run in failed for request in _again(instance, run) if request.partition_key in known]


def _again(instance: dg.DagsterInstance, run: dg.DagsterRun) -> Iterator[dg.RunRequest]:
    if not any(RegistryError.__name__ in problem.errors for problem in problems_of(instance, run)):
        return
    if run.job_name == refresh.name:
        yield dg.RunRequest(run_key=f"again-{run.run_id}", job_name=refresh.name, tags={TRIGGER: MENDED})
        return
    missing = not_made(instance, run)
    for name, (_, assets) in WHOLE.items():
        if chosen := [dg.AssetKey(asset) for asset in missing if asset in assets]:
            yield dg.RunRequest(
                run_key=f"again-{run.run_id}-{name}",
                job_name=name,
                asset_selection=chosen,
                partition_key=source_of(run),
                tags={TRIGGER: MENDED},
            )

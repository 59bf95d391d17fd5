"""Backfills: some assets of some sources made again, by a daemon, one run a source."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg
from dagster._core.execution.backfill import BulkActionStatus, PartitionBackfill
from dagster._core.utils import make_new_backfill_id

from assets.failed_runs import problems_of, source_of
from assets.jobs import BY_SOURCE, LANGUAGE_MODEL, PARTITIONED, TRIGGER
from assets.partitions import source_partitions
from mig_dagster.sources.registry import suggestion
from mig_dagster.stages.row_signals import BY_LANGUAGE_MODEL
from resources.home import MigHome
from resources.registry import SourceRegistry

_DAEMON = "BACKFILL"
_RETRY_TAG = "dagster/auto_retry_run_id"
_HEARTBEAT_SECONDS = 90.0
"""A daemon reports every 30 seconds; one that has not for this long is gone."""


@dataclass(frozen=True)
class Plan:
    """Every asset is made again for every source; both in the order in which they are shown."""

    sources: tuple[str, ...]
    assets: tuple[str, ...]


@dataclass(frozen=True)
class Progress:
    """How far a backfill is.

    Attributes:
        status: Dagster's word for it.
        over: whether it is over, in whatever way.
        succeeded: whether it is over and everything was made.
        done: sources whose run is over.
        failures: for every run that failed: `source`, `asset`, `reason`, `run_id`.
    """

    status: str
    over: bool
    succeeded: bool
    done: int
    failures: list[dict[str, Any]]


def plan(
    definitions: dg.Definitions, instance: dg.DagsterInstance, sources: Sequence[str] | None, assets: Sequence[str]
) -> Plan:
    """Check what somebody asks for.

    Args:
        definitions: of this checkout.
        instance: knows the partitions.
        sources: names; None for every source.
        assets: names; none for all that have a partition a source; before there is a language model, for those that
            need none.

    Raises:
        LookupError: an unknown name, a source without a partition, one whose rows were never read, or an asset that
            needs the language model before there is one.
    """
    resources: Mapping[str, Any] = definitions.resources or {}
    registry: SourceRegistry = resources["registry"]
    home: MigHome = resources["home"]
    partitions = sorted(instance.get_dynamic_partitions(str(source_partitions.name)))
    chosen = partitions if sources is None else sorted(set(sources))
    if not chosen:
        raise LookupError("there are no sources yet: `make dev` adds those of sources.yaml within 30 seconds")
    for name in set(chosen) - set(partitions):
        if name in registry.load():
            raise LookupError(f"source {name!r} has no partition yet: a running `make dev` adds it within 30 seconds")
        raise LookupError(f"--sources names {name!r}, which is no source; {suggestion(name, tuple(partitions))}")
    if unknown := sorted(set(assets) - set(PARTITIONED)):
        problem = f"--assets names {unknown[0]!r}, which is no asset with a partition a source"
        raise LookupError(f"{problem}; {suggestion(unknown[0], PARTITIONED)}")
    trained = all(home.lake.current(name) is not None for name in LANGUAGE_MODEL)
    wanted = tuple(asset for asset in PARTITIONED if asset in (assets or (PARTITIONED if trained else BY_SOURCE)))
    if not trained and (early := [asset for asset in wanted if asset in BY_LANGUAGE_MODEL]):
        raise LookupError(f"{early[0]} needs pool_language_model, which was never made: run job train_language_model")
    unread = [name for name in chosen if home.lake.current("raw_pool", name) is None]
    if unread and "raw_pool" not in wanted:
        raise LookupError(f"raw_pool of {', '.join(unread)} was never made: add raw_pool to --assets")
    return Plan(tuple(chosen), wanted)


def launch(definitions: dg.Definitions, instance: dg.DagsterInstance, planned: Plan) -> str:
    """Hand a backfill to the daemon, as the UI does; returns its id."""
    backfill = PartitionBackfill.from_asset_partitions(
        backfill_id=make_new_backfill_id(),
        asset_graph=definitions.resolve_asset_graph(),
        partition_names=list(planned.sources),
        asset_selection=[dg.AssetKey(asset) for asset in planned.assets],
        backfill_timestamp=time.time(),
        tags={TRIGGER: "backfill"},
        dynamic_partitions_store=instance,
        all_partitions=False,
        title=f"{', '.join(planned.assets)} of {len(planned.sources)} sources"[:100],
        description=None,
        run_config=None,
    )
    instance.add_backfill(backfill)
    return backfill.backfill_id


def daemon_runs(instance: dg.DagsterInstance) -> bool:
    """Return whether a daemon that takes up backfills was at work within the last minutes."""
    beat = instance.get_daemon_heartbeats().get(_DAEMON)
    return beat is not None and time.time() - beat.timestamp < _HEARTBEAT_SECONDS


def progress(instance: dg.DagsterInstance, backfill: str) -> Progress:
    """Look how far a backfill is. Of a run that died and was started again, only the last attempt counts.

    Raises:
        LookupError: there is none with this id.
    """
    found = instance.get_backfill(backfill)
    if found is None:
        raise LookupError(f"backfill {backfill!r} is not in the instance of DAGSTER_HOME: it was deleted there")
    attempts = instance.get_runs(dg.RunsFilter(tags={"dagster/backfill": backfill}))
    runs = [run for run in attempts if _RETRY_TAG not in run.tags]
    failures = [
        {"source": source_of(run), "asset": problem.asset, "reason": problem.message, "run_id": run.run_id}
        for run in runs
        if run.status == dg.DagsterRunStatus.FAILURE
        for problem in problems_of(instance, run)
    ]
    if found.error is not None:
        failures.append({"source": None, "asset": None, "reason": found.error.message.strip(), "run_id": None})
    done = {source_of(run) for run in runs if run.is_finished}
    over = found.status not in (BulkActionStatus.REQUESTED, BulkActionStatus.CANCELING, BulkActionStatus.FAILING)
    succeeded = found.status == BulkActionStatus.COMPLETED_SUCCESS
    return Progress(found.status.value, over, succeeded, len(done), failures)

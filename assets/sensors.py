"""Sensors: one watches the registry and near files, three run what the conditions ask for, one tells of failed runs."""

import json
import time
import warnings
from collections.abc import Sequence
from functools import partial
from typing import Any

import dagster as dg

from assets.approved import runs_to_go_on
from assets.discovery import discovery
from assets.hooks import run_failure
from assets.jobs import (
    COMPARED,
    LANGUAGE_MODEL,
    TRIGGER,
    WHOLE,
    rebuild_label_space_and_subsets,
    refresh,
)
from assets.orphans import fail_orphans, retry_forgotten
from assets.partitions import source_partitions
from assets.repeats import repeats
from assets.reported import all_reported, event_of, reported_revision
from assets.run_tags import AUTOMATION
from assets.source_changes import Changes, dump_seen, find_changes, load_seen
from mig_dagster.sources import RegistryError
from mig_dagster.sources.registry import SLUG
from mig_dagster.stages.row_signals import BY_LANGUAGE_MODEL
from resources.home import MigHome
from resources.registry import SourceRegistry

# Dagster announces that the parameter is in beta although nobody sets it, at every start of a code server.
warnings.filterwarnings("ignore", message="Parameter `owners`", category=dg.BetaWarning)

POOLS = ("gpu", "catalog")
"""The pools that assets name: what one run at a time may use."""


@dg.sensor(
    jobs=[*(job for job, _ in WHOLE.values()), refresh],
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def sources_sensor(
    context: dg.SensorEvaluationContext, registry: SourceRegistry, home: MigHome
) -> dg.SensorResult | dg.SkipReason:
    """Keep the partitions equal to the registry, report changed sources, and end runs whose process is gone.

    Sources on the Hub and on S3 are looked at by a run, when they are new or registered in another way.
    """
    for run in fail_orphans(context.instance):
        context.log.error(f"run {run}: its process was killed")
    for run in retry_forgotten(context.instance):
        context.log.warning(f"run {run}: its retry was forgotten, its failure is reported once more")
    cursor: dict[str, Any] = json.loads(context.cursor or "{}")
    began = time.time()
    try:
        discovered = registry.discovered(cursor.get("batches", 0))
        registered = discovered.registered(registry.declared())
    except RegistryError as error:
        # Nothing is removed on account of a typing error, or of a disk that is missing: what was known stays.
        return dg.SkipReason(f"the registry cannot be used, nothing was changed: {error}")
    changes = find_changes(
        registered,
        load_seen(cursor.get("seen", {})),
        all_reported(context.instance),
        refreshes=discovered.refreshes,
        last_revision=partial(reported_revision, context.instance),
    )
    for name, problem in changes.problems.items():
        context.log.error(f"source {name}: {problem}")
    # The partitions themselves are compared, not what was seen before: the demo adds some, and so may a person.
    partitions = set(context.instance.get_dynamic_partitions(str(source_partitions.name)))
    new, gone = sorted(changes.seen.keys() - partitions), sorted(partitions - registered.keys())
    # What is no slug was typed into the UI by hand; nothing was ever kept under it.
    for name in filter(SLUG.fullmatch, gone):
        home.record_removal(name, registry.removal_reason(name))
    _limit_pools(context.instance)
    kept = (partitions | set(new)) - set(gone)
    requests = repeats(context.instance, cursor.get("well_at", began), kept)
    requests += runs_to_go_on(discovered, home.lake, kept)
    if _pool_is_stale(changes, new, gone, home):
        requests.append(dg.RunRequest(job_name=rebuild_label_space_and_subsets.name, tags={TRIGGER: "sources_changed"}))
    if changes.to_refresh:
        requests.append(_refresh(changes.to_refresh))
    # Runs that fail while the registry cannot be read are looked for from `well_at` on.
    known = {"seen": dump_seen(changes.seen), "well_at": began, "batches": discovered.number}
    return _result(changes, new, gone, requests, known)


def _limit_pools(instance: dg.DagsterInstance) -> None:
    """Give every pool that has none its default limit before a run asks for it.

    The run queue does so itself when it meets a pool, but lets all runs of that first look pass. A pool that has a
    limit is left alone: somebody may have set it, and on PostgreSQL Dagster 1.13 fails to give it one again.
    """
    limited = {limit.name for limit in instance.event_log_storage.get_pool_limits()}
    for pool in sorted(set(POOLS) - limited):
        instance.event_log_storage.initialize_concurrency_limit_to_default(pool)


def _pool_is_stale(changes: Changes, new: Sequence[str], gone: Sequence[str], home: MigHome) -> bool:
    """Say whether the pool changed though no data version did, so that automation would not notice.

    That is so when another source now wins duplicates, and when a source whose rows are in the lake went or came back
    (it is `new` as a partition). A partition that was typed into the UI by hand never had any.
    """

    def has_rows(name: str) -> bool:
        return home.lake.current("row_signatures", name) is not None

    stale = changes.priorities_changed or any(map(has_rows, filter(SLUG.fullmatch, [*new, *gone])))
    return stale and any(map(has_rows, changes.seen))


def _refresh(names: Sequence[str]) -> dg.RunRequest:
    config = {"ops": {"look_at_sources": {"config": {"sources": list(names)}}}}
    return dg.RunRequest(job_name=refresh.name, run_config=config, tags={TRIGGER: "sources_changed"})


def _result(
    changes: Changes, new: Sequence[str], gone: Sequence[str], requests: list[dg.RunRequest], known: dict[str, Any]
) -> dg.SensorResult:
    partitions: list[dg.AddDynamicPartitionsRequest | dg.DeleteDynamicPartitionsRequest] = []
    if new:
        partitions.append(source_partitions.build_add_request(new))
    if gone:
        partitions.append(source_partitions.build_delete_request(gone))
    return dg.SensorResult(
        dynamic_partitions_requests=partitions,
        asset_events=[event_of(name, found) for name, found in sorted(changes.changed.items())],
        run_requests=requests,
        skip_reason=None if requests else _told(changes, new, gone),
        cursor=json.dumps(known, sort_keys=True),
    )


def _told(changes: Changes, new: Sequence[str], gone: Sequence[str]) -> str:
    """Return what a tick that starts no run found; the UI shows it where Dagster would speak of an empty result."""
    found = {
        "new": new,
        "changed": sorted(changes.changed.keys() - changes.problems.keys() - set(new)),
        "removed": gone,
        "unreadable (the log of this tick says why)": sorted(changes.problems),
    }
    told = "; ".join(f"{what}: {', '.join(names)}" for what, names in found.items() if names)
    return told or f"{len(changes.seen)} sources, none changed"


_compared = dg.AssetSelection.assets(*COMPARED)
_by_language_model = dg.AssetSelection.assets(*LANGUAGE_MODEL, *BY_LANGUAGE_MODEL)
_LATER = {TRIGGER: AUTOMATION, "dagster/priority": "-1"}
"""Tags of runs that take minutes and that MIG does not wait for: of those in the queue, the others go first."""
automation_sensor = dg.AutomationConditionSensorDefinition(
    "automation",
    target=dg.AssetSelection.all() - _compared - _by_language_model,
    default_status=dg.DefaultSensorStatus.RUNNING,
    minimum_interval_seconds=10,
    run_tags={TRIGGER: AUTOMATION},
    description="Keeps everything up to MIG's subset, its export and the catalog current.",
)
language_model_sensor = dg.AutomationConditionSensorDefinition(
    "language_model_scores",
    target=_by_language_model,
    default_status=dg.DefaultSensorStatus.RUNNING,
    minimum_interval_seconds=10,
    run_tags=_LATER,
    description="Trains the pool's language model once, and keeps IFD and indicators of every source current; ifd, "
    "iterit and instruct_mining read them, MIG does not. Switch it off where nobody compares methods.",
)
compared_methods_sensor = dg.AutomationConditionSensorDefinition(
    "compared_methods",
    target=_compared,
    default_status=dg.DefaultSensorStatus.STOPPED,
    minimum_interval_seconds=10,
    run_tags=_LATER,
    description="Keeps the subsets of the methods that MIG is compared with, and selection_report, current. It is off "
    "until you switch it on here: most projects compare now and then (job compare_methods) and need no fresh "
    "comparison after every change.",
)
sensors = [sources_sensor, discovery, automation_sensor, language_model_sensor, compared_methods_sensor, run_failure]

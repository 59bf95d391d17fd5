"""What went wrong in a run, in words: for the ledger, the log, the command line, and to know what to repeat."""

from collections.abc import Iterator
from dataclasses import dataclass

import dagster as dg
from dagster_shared.error import SerializableErrorInfo

PARTITION_TAG = "dagster/partition"
FIRST_OF_RANGE_TAG = "dagster/asset_partition_range_start"
"""A backfill names the partition of its run as a range of one."""
_WRAPPER = "DagsterExecutionStepExecutionError"


@dataclass(frozen=True)
class Problem:
    """Why an asset was not made.

    Attributes:
        asset: its name, or that of the op or job where no asset is concerned.
        message: for people.
        errors: class names of the error and of its causes.
    """

    asset: str
    message: str
    errors: tuple[str, ...] = ()


def source_of(run: dg.DagsterRun) -> str | None:
    """Return the source that a run is about, None where it is about all of them."""
    return run.tags.get(PARTITION_TAG) or run.tags.get(FIRST_OF_RANGE_TAG)


def problems_of(instance: dg.DagsterInstance, run: dg.DagsterRun) -> list[Problem]:
    """Return what went wrong in a failed run: its failed steps, or what it did not make when it ended otherwise."""
    failed = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE)
    if problems := [_of_step(entry.dagster_event) for entry in failed if entry.dagster_event]:
        return problems
    ended = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.RUN_FAILURE)
    message = next((entry.dagster_event.message for entry in ended if entry.dagster_event), None) or "no reason given"
    return [Problem(name, message) for name in not_made(instance, run) or [run.job_name.strip("_")]]


def not_made(instance: dg.DagsterInstance, run: dg.DagsterRun) -> list[str]:
    """Return the assets that a run should have made and did not, sorted."""
    planned, made = (
        {entry.dagster_event.asset_key for entry in instance.all_logs(run.run_id, of_type=kind) if entry.dagster_event}
        for kind in (dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED, dg.DagsterEventType.ASSET_MATERIALIZATION)
    )
    return sorted(key.to_user_string() for key in planned - made if key is not None)


def _of_step(event: dg.DagsterEvent) -> Problem:
    failure = event.step_failure_data
    chain = list(_chain(failure.error))
    # Dagster wraps errors of user code in one of its own, which says nothing of them.
    error = next((link for link in chain if link.cls_name != _WRAPPER), None)
    said = failure.user_failure_data.description if failure.user_failure_data else None
    message = said or (error.message if error else None) or event.message or "no reason given"
    return Problem(event.step_key or "", message.strip(), tuple(link.cls_name or "" for link in chain))


def _chain(error: SerializableErrorInfo | None) -> Iterator[SerializableErrorInfo]:
    while error is not None:
        yield error
        error = error.cause

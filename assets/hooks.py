"""What happens when a run fails: a line in the ledger, one in the log, a message to a web address where one is set."""

from datetime import UTC, datetime
from http.client import HTTPException
from typing import Any

import dagster as dg

from assets.failed_runs import Problem, problems_of, source_of
from assets.jobs import PARTITIONED, STAGE, TRIGGER, refresh
from mig_dagster.sources.registry import SLUG
from resources.home import MigHome
from resources.webhook import FailureWebhook

_WILL_RETRY_TAG = "dagster/will_retry"


@dg.run_failure_sensor(
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Notes every failed run in the ledger (table `failures`) with its reason and the remedy, and posts it "
    "to MIG_FAILURE_WEBHOOK where that is set.",
)
def run_failure(context: dg.RunFailureSensorContext, home: MigHome, webhook: FailureWebhook) -> None:
    """Tell what went wrong in a run, once, where people look."""
    run, source = context.dagster_run, source_of(context.dagster_run)
    # The time when it failed first, not of telling: a tick, or an event, that is repeated adds nothing.
    events = context.instance.all_logs(run.run_id, of_type=dg.DagsterEventType.RUN_FAILURE)
    ended = datetime.fromtimestamp(min(event.timestamp for event in events), UTC)
    if source is not None and not SLUG.fullmatch(source):
        source = None  # typed into the UI by hand, and fit for no path; the message names it
    for problem in problems_of(context.instance, run):
        line = {
            "source": source,
            "job": run.tags.get(STAGE) or run.tags.get(TRIGGER) or run.job_name,
            "failed_at": ended.isoformat(),
            "message": problem.message,
            "remedy": _remedy(run, problem, source),
        }
        home.ledger.record("failures", [line], asset=problem.asset, partition=source, run_id=run.run_id)
        where = f"{problem.asset} of {source}" if source else problem.asset
        context.log.error(f"{where} failed in run {run.run_id}: {problem.message} ({line['remedy']})")
        _send(context, webhook, {"asset": problem.asset, "run_id": run.run_id, **line})


def _remedy(run: dg.DagsterRun, problem: Problem, source: str | None) -> str:
    if run.tags.get(_WILL_RETRY_TAG) == "true":
        return "it is started once more by itself"
    if source and problem.asset in PARTITIONED:
        return f"mend the cause, then: mig-dagster backfill --sources {source} --assets {problem.asset}"
    if run.job_name == refresh.name:
        return "mend the cause, then run job refresh_sources, or leave it to the next night"
    return f"mend the cause, then materialise {problem.asset} in the UI"


def _send(context: dg.RunFailureSensorContext, webhook: FailureWebhook, document: dict[str, Any]) -> None:
    try:
        webhook.send(document)
    except (OSError, HTTPException) as error:
        # The ledger has it; a web address that does not answer must not keep the next failures from being noted. Some
        # errors repeat the address, which is a secret.
        why = f": {error}" if isinstance(error, OSError) else ""
        context.log.warning(f"MIG_FAILURE_WEBHOOK was not told ({type(error).__name__}{why})")

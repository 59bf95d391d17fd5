"""Before a code server starts: mark the runs that died with the one before it as failed, so that they are retried.

A run is a process of the code server that was asked for it. When the server's container ends, so do its runs, but
Dagster goes on calling them started: its default launcher cannot look at a run's process, so run monitoring does not
ask. While no code server runs, none of its runs can, and this is the moment to say so.
"""

import json
import os

import dagster as dg

from assets.orphans import end_lost

AT_WORK = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]
SERVER_TAG = ".dagster/grpc_info"
"""Where the launcher notes the server that it asked for a run."""


def end_lost_runs(instance: dg.DagsterInstance, host: str, port: int) -> list[str]:
    """Mark every run that the server at an address was at work on as failed; return their ids."""
    runs = instance.get_runs(dg.RunsFilter(statuses=AT_WORK))
    lost = [run for run in runs if _address(run) == (host, port)]
    for run in lost:
        end_lost(instance, run, "The code server that ran this was stopped. What it had computed so far is kept.")
    return [run.run_id for run in lost]


def _address(run: dg.DagsterRun) -> tuple[str | None, int | None]:
    server = json.loads(run.tags.get(SERVER_TAG, "{}"))
    return server.get("host"), server.get("port")


if __name__ == "__main__":
    with dg.DagsterInstance.get() as opened:
        for run_id in end_lost_runs(opened, os.environ["MIG_CODE_HOST"], int(os.environ["MIG_CODE_PORT"])):
            print(f"run {run_id} ended with the code server that was here before")

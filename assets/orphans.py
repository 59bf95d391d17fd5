"""Runs whose process is gone.

When `dagster dev` itself is killed, or the machine stops, its runs stay STARTED for ever: they would hold the GPU's
place, and everything behind them would wait. Dagster's run monitoring asks only launchers that can look at a worker,
and the default one cannot.
"""

import json
import os
import socket
from collections.abc import Mapping

import dagster as dg

PROCESS_TAG = "mig_dagster/process"
"""Process id of a run that was started in a process of this project."""
_SERVER_TAG = ".dagster/grpc_info"
"""Where the default launcher notes the code server that runs a run: {"socket": path} for a local one."""
_AT_WORK = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]


def fail_orphans(instance: dg.DagsterInstance) -> list[str]:
    """Mark runs whose process no longer exists as failed, so that the run queue and automation go on.

    Returns:
        The ids of those runs.
    """
    orphans = [run for run in instance.get_runs(dg.RunsFilter(statuses=_AT_WORK)) if _orphaned(run.tags)]
    for run in orphans:
        instance.report_run_failed(run, "The process of this run was killed. What it had computed so far is kept.")
    return [run.run_id for run in orphans]


def _orphaned(tags: Mapping[str, str]) -> bool:
    if PROCESS_TAG in tags:
        return not _alive(int(tags[PROCESS_TAG]))
    path = json.loads(tags.get(_SERVER_TAG, "{}")).get("socket")
    return path is not None and not _answers(path)


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it exists, and belongs to somebody else
        return True
    return True


def _answers(path: str) -> bool:
    """Say whether somebody listens; any doubt, as of a server that is too busy, counts as yes."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(1)
        try:
            client.connect(path)
        except (FileNotFoundError, ConnectionRefusedError):
            return False
        except OSError:
            return True
    return True

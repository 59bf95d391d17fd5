"""Runs whose process is gone, and retries that were forgotten.

A run worker that is killed is noticed by the code server that started it. When that server is gone too (`dagster dev`
was killed, the machine stopped), or the run was started from a command, nobody notices: the run stays STARTED for ever,
holds the GPU's place, and everything behind it waits. Dagster's run monitoring asks only launchers that can look at a
worker, and the default one cannot. A worker also outlives its killed server: then it must be left to finish.
"""

import json
import os
import socket
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg

WORKER_TAG = "mig_dagster/worker"
"""The process that executes a run, set by the steps of the run itself: JSON of a `Worker`."""
_SERVER_TAG = ".dagster/grpc_info"
"""Where the default launcher notes the code server that runs a run: {"socket": path} for a local one."""
FORGOTTEN_SECONDS = 90
"""A retry that was not started by then will not be: Dagster looks every few seconds."""
_PROMISED_TAG, _RETRY_TAG = "dagster/will_retry", "dagster/auto_retry_run_id"
_ASKED_TAG = "mig_dagster/retry_asked_for"
"""The id of the run whose retry was asked for: the retry itself inherits the tag."""
# A run that only starts is left to run monitoring, which gives it some minutes: a retry carries the tags of the run
# that died until it has its own.
_AT_WORK = [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]


@dataclass(frozen=True)
class Worker:
    """A process that executes a run, told apart from every other one.

    Attributes:
        run: the run's id: a retry inherits the tags of the run that died.
        host: name of the machine or container.
        pid: process id there.
        began: boot and time since then at which the process began, as an id may be used again; "" where the system
            does not say.
    """

    run: str
    host: str
    pid: int
    began: str

    @classmethod
    def this(cls, run: str) -> "Worker":
        """Return the calling process as the worker of a run."""
        return cls(run, socket.gethostname(), os.getpid(), _began(os.getpid()) or "")

    def alive(self) -> bool:
        """Say whether the process exists; of other hosts nothing is known, and any doubt counts as yes."""
        if self.host != socket.gethostname():
            return True
        if self.began:
            return _began(self.pid) == self.began
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:  # it exists, and belongs to somebody else
            return True
        return True


def sign(instance: dg.DagsterInstance, run: dg.DagsterRun) -> None:
    """Note in a run's tags that the calling process executes it."""
    instance.add_run_tags(run.run_id, {WORKER_TAG: json.dumps(asdict(Worker.this(run.run_id)), sort_keys=True)})


def fail_orphans(instance: dg.DagsterInstance) -> list[str]:
    """Mark runs whose process no longer exists as failed, so that the run queue and automation go on.

    Returns:
        The ids of those runs.
    """
    orphans = [run for run in instance.get_runs(dg.RunsFilter(statuses=_AT_WORK)) if _orphaned(run)]
    for run in orphans:
        end_lost(instance, run, "The process of this run was killed. What it had computed so far is kept.")
    return [run.run_id for run in orphans]


def end_lost(instance: dg.DagsterInstance, run: dg.DagsterRun, why: str) -> None:
    """Mark a run that no process executes as failed; one that was to be cancelled as that, or it would be retried."""
    if run.status is dg.DagsterRunStatus.CANCELING:
        instance.report_run_canceled(run, why)
    else:
        instance.report_run_failed(run, why)


def retry_forgotten(instance: dg.DagsterInstance) -> list[str]:
    """Report once more that a run failed, where Dagster promised to start it again and did not.

    Its daemon looks at each failure once. When it looks between the event and the change of the run's status, as it may
    on a busy machine, it takes the run for one that goes on, and the backfill of the run waits for ever.

    Returns:
        The ids of those runs.
    """
    now = datetime.now(UTC)
    promised = dg.RunsFilter(
        statuses=[dg.DagsterRunStatus.FAILURE],
        tags={_PROMISED_TAG: "true"},
        updated_after=now - timedelta(days=1),
        updated_before=now - timedelta(seconds=FORGOTTEN_SECONDS),
    )
    failed = instance.get_runs(promised)
    forgotten = [run for run in failed if _RETRY_TAG not in run.tags and run.tags.get(_ASKED_TAG) != run.run_id]
    for run in forgotten:
        instance.add_run_tags(run.run_id, {_ASKED_TAG: run.run_id})
        instance.report_run_failed(run, "The retry of this run was forgotten: its failure is reported once more.")
    return [run.run_id for run in forgotten]


def _orphaned(run: dg.DagsterRun) -> bool:
    if (worker := _worker(run)) is not None:
        return not worker.alive()
    path = json.loads(run.tags.get(_SERVER_TAG, "{}")).get("socket")
    return path is not None and not _answers(path)


def _worker(run: dg.DagsterRun) -> Worker | None:
    """Return who executes a run; None when it has not said so itself."""
    said = json.loads(run.tags.get(WORKER_TAG, "null"))
    return Worker(**said) if said is not None and said["run"] == run.run_id else None


def _began(pid: int) -> str | None:
    """Return the boot and the clock tick in which a process began; None when it is over or nothing is known of it."""
    try:
        # The name of the program, in parentheses, may hold spaces and parentheses itself.
        state, *fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if state in "ZX" else f"{boot}/{fields[18]}"


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

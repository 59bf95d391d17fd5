"""A real `dagster dev` that is killed and started again, and what its instance says."""

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import yaml

from assets.orphans import _worker
from tests.dag import graphql
from tests.dag.tiny import TinyProject
from tests.e2e.conftest import CHECKOUT, START_SECONDS, Server, answers, end, free_port

QUICK = {"run_monitoring": {"poll_interval_seconds": 2, "free_slots_after_run_end_seconds": 2}}
UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


@dataclass
class Dev:
    """`dagster dev` over a project, with our dagster.yaml that looks more often."""

    place: TinyProject
    process: subprocess.Popen | None = None
    server: Server | None = None

    @property
    def home(self) -> Path:
        return self.place.folder / "dagster_home"

    def prepare(self) -> None:
        self.home.mkdir()
        settings = yaml.safe_load((CHECKOUT / "dagster.yaml").read_text())
        settings["run_monitoring"] |= QUICK["run_monitoring"]
        (self.home / "dagster.yaml").write_text(yaml.safe_dump(settings))
        for sensor in ("automation", "language_model_scores"):
            self.command("sensor", "stop", sensor, "-w", "workspace.yaml")

    def environment(self) -> dict[str, str]:
        paths = {"DAGSTER_HOME": self.home, "MIG_HOME": self.place.folder / "home", "MIG_SOURCES": self.place.registry}
        return os.environ | {name: str(path) for name, path in paths.items()}

    def command(self, *arguments: str) -> None:
        command = [sys.executable, "-m", "dagster", *arguments]
        subprocess.run(command, cwd=CHECKOUT, env=self.environment(), check=True, capture_output=True)

    def start(self) -> None:
        port = free_port()
        log = self.place.folder / f"dev-{port}.log"
        with log.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "dagster", "dev", "-w", "workspace.yaml", "-h", "127.0.0.1", "-p", str(port)],
                cwd=CHECKOUT,
                env=self.environment(),
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.server = Server(f"http://127.0.0.1:{port}", log, self.place)
        self.server.wait("webserver", lambda: answers(self.server.url), START_SECONDS)

    def kill(self) -> None:
        """End every process of it, workers too, without a word."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        end(self.process)

    def backfill(self, *assets: str, partitions) -> str:
        """Start a backfill; return its id."""
        params = {"partitionNames": list(partitions), "assetSelection": [{"path": [asset]} for asset in assets]}
        answer = self.server.ask(graphql.BACKFILL, params=params)
        assert answer["__typename"] == "LaunchBackfillSuccess", answer
        return answer["backfillId"]

    def done(self, backfill: str) -> bool:
        assert self.status(backfill) in ("REQUESTED", "COMPLETED_SUCCESS")
        return self.succeeded(backfill)

    def over(self, backfill: str) -> bool:
        return self.status(backfill) not in ("REQUESTED", "CANCELING", "FAILING")

    def succeeded(self, backfill: str) -> bool:
        return self.status(backfill) == "COMPLETED_SUCCESS"

    def status(self, backfill: str) -> str:
        return self.server.ask(graphql.BACKFILL_STATUS, id=backfill)["status"]

    @contextmanager
    def instance(self):
        with dg.DagsterInstance.from_config(str(self.home)) as instance:
            yield instance

    def workers(self) -> dict[int, str]:
        """Return the runs whose steps are at work, by process id."""
        with self.instance() as instance:
            runs = instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED]))
        return {worker.pid: run.run_id for run in runs if (worker := _worker(run)) is not None}

    def unfinished(self) -> list[str]:
        with self.instance() as instance:
            return [run.run_id for run in instance.get_runs(dg.RunsFilter(statuses=UNFINISHED))]

    def wait(self, what, condition, seconds, every=0.2):
        deadline = time.monotonic() + seconds
        while not (found := condition()):
            assert time.monotonic() < deadline, f"no {what} after {seconds} s:\n{self.server.log.read_text()[-4000:]}"
            time.sleep(every)
        return found

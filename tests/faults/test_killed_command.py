"""SIGKILL of a step. Our executor runs the steps of a run in the run's own process, so the run dies with it."""

import os
import shutil
import signal
import subprocess
import sys
import time

import dagster as dg
import pytest

from assets.orphans import Worker, fail_orphans
from mig_dagster.definitions import defs
from tests.dag.tiny import alpaca, failure, materialise
from tests.e2e.conftest import CHECKOUT
from tests.faults.audit import audit

RUNS = dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED])


def test_a_step_is_the_run():
    assert defs().executor is dg.in_process_executor


def test_a_step_runs_in_the_process_of_its_run(place, instance):
    instance.add_dynamic_partitions("source", ["maths"])
    result = materialise(place, instance, "raw_pool", partition="maths")
    tags = instance.get_run_by_id(result.run_id).tags
    assert f'"pid": {os.getpid()}' in tags["mig_dagster/worker"]
    assert Worker.this(result.run_id).alive()


@pytest.fixture
def dagster_home(tmp_path):
    folder = tmp_path / "dagster_home"
    folder.mkdir()
    shutil.copyfile(CHECKOUT / "dagster.yaml", folder / "dagster.yaml")
    return folder


def test_a_command_killed_in_the_middle_ends_its_run_and_the_next_one_completes(place, dagster_home, tmp_path):
    place.write("maths", [alpaca(i) for i in range(30_000)])
    with dg.DagsterInstance.from_config(str(dagster_home)) as instance:
        instance.add_dynamic_partitions("source", ["maths"])
        command = [sys.executable, "-m", "dagster", "asset", "materialize", "--select", "raw_pool"]
        paths = {"DAGSTER_HOME": dagster_home, "MIG_HOME": place.home.root, "MIG_SOURCES": place.registry}
        with subprocess.Popen(
            [*command, "--partition", "maths", "-m", "mig_dagster.definitions"],
            cwd=CHECKOUT,
            env=os.environ | {name: str(path) for name, path in paths.items()},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        ) as process:
            deadline = time.monotonic() + 90
            while not [run for run in instance.get_runs(RUNS) if "mig_dagster/worker" in run.tags]:
                assert process.poll() is None, process.stderr.read().decode()[-2000:]
                assert time.monotonic() < deadline
                time.sleep(0.02)
            assert fail_orphans(instance) == []
            process.send_signal(signal.SIGKILL)
        (run,) = instance.get_runs(RUNS)
        assert place.home.lake.current("raw_pool", "maths") is None
        assert fail_orphans(instance) == [run.run_id]
        assert instance.get_runs(RUNS) == []
        audit(place, tmp_path)

        result = materialise(place, instance, "raw_pool", partition="maths")
        assert result.success, failure(result)
    assert place.home.lake.current("raw_pool", "maths").rows == 30_000
    assert place.home.ledger.read("runs").height == 1
    audit(place, tmp_path)

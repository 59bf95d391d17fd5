import json
import os
import socket
import subprocess
import sys

import dagster as dg
import pytest

from assets.orphans import PROCESS_TAG, fail_orphans


@dg.op
def nothing():
    pass


@dg.job
def idle():
    nothing()


@pytest.fixture
def begun(instance):
    """Return a function that makes a run with some tags that has begun and is not over."""

    def make(**tags):
        run = instance.create_run_for_job(idle, tags={name: str(value) for name, value in tags.items()})
        instance.report_run_canceling(run)
        return run.run_id

    return make


def served_by(path):
    return {".dagster/grpc_info": json.dumps({"host": "localhost", "socket": str(path)})}


def test_a_run_whose_code_server_is_gone_is_failed(instance, begun, tmp_path):
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "killed"))  # the file of a killed server stays
    lost = [begun(**served_by(tmp_path / "missing")), begun(**served_by(tmp_path / "killed"))]
    assert sorted(fail_orphans(instance)) == sorted(lost)
    assert {instance.get_run_by_id(run).status for run in lost} == {dg.DagsterRunStatus.FAILURE}
    assert fail_orphans(instance) == []


def test_a_run_whose_code_server_listens_is_left_alone(instance, begun, tmp_path):
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "alive"))
        server.listen()
        begun(**served_by(tmp_path / "alive"))
        assert fail_orphans(instance) == []


def test_a_run_of_a_process_that_was_killed_is_failed_and_one_that_lives_is_not(instance, begun):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    begun(**{PROCESS_TAG: os.getpid()})
    lost = begun(**{PROCESS_TAG: ended.pid})
    assert fail_orphans(instance) == [lost]


def test_runs_that_say_nothing_of_their_process_are_left_alone(instance, begun):
    begun()
    assert fail_orphans(instance) == []

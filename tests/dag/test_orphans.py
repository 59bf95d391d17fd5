import json
import os
import socket
import subprocess
import sys
from dataclasses import asdict, replace

import dagster as dg
import pytest

from assets.orphans import WORKER_TAG, Worker, _began, fail_orphans, retry_forgotten, sign


@dg.op
def nothing():
    pass


@dg.job
def idle():
    nothing()


@pytest.fixture
def begun(instance):
    """Return a function that makes a run that has begun and is not over, with some tags."""

    def make(tags=None):
        return instance.create_run_for_job(idle, tags=tags, status=dg.DagsterRunStatus.STARTED).run_id

    return make


@pytest.fixture
def killed():
    """A process that was killed, and whose parent has not looked yet: its id and when it began."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        began = _began(process.pid)
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        yield {"pid": process.pid, "began": began}


def executed_by(instance, run, **other):
    """Sign a run as if another process executed it."""
    worker = replace(Worker.this(run), **other)
    instance.add_run_tags(run, {WORKER_TAG: json.dumps(asdict(worker))})
    return run


def served_by(path):
    return {".dagster/grpc_info": json.dumps({"host": "localhost", "socket": str(path)})}


def test_a_run_whose_code_server_is_gone_is_failed(instance, begun, tmp_path):
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "killed"))  # the file of a killed server stays
    lost = [begun(served_by(tmp_path / "missing")), begun(served_by(tmp_path / "killed"))]
    assert sorted(fail_orphans(instance)) == sorted(lost)
    assert {instance.get_run_by_id(run).status for run in lost} == {dg.DagsterRunStatus.FAILURE}
    assert fail_orphans(instance) == []


def test_a_run_whose_code_server_listens_is_left_alone(instance, begun, tmp_path):
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "alive"))
        server.listen()
        begun(served_by(tmp_path / "alive"))
        assert fail_orphans(instance) == []


def test_a_worker_that_outlives_its_killed_code_server_finishes_its_run(instance, begun, tmp_path):
    run = begun(served_by(tmp_path / "missing"))
    sign(instance, instance.get_run_by_id(run))
    assert fail_orphans(instance) == []


def test_a_run_of_a_process_that_was_killed_is_failed_also_while_its_code_server_lives(
    instance, begun, killed, tmp_path
):
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "alive"))
        server.listen()
        lost = executed_by(instance, begun(served_by(tmp_path / "alive")), **killed)
        assert fail_orphans(instance) == [lost]


def test_a_run_that_was_being_cancelled_when_its_process_went_is_cancelled_and_not_retried(instance, begun, killed):
    lost = executed_by(instance, begun(), **killed)
    instance.report_run_canceling(instance.get_run_by_id(lost))
    assert fail_orphans(instance) == [lost]
    assert instance.get_run_by_id(lost).status == dg.DagsterRunStatus.CANCELED


@pytest.mark.parametrize("began", ["boot/1", ""])
def test_a_process_id_that_is_free_is_no_worker(instance, begun, began):
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        pass
    lost = executed_by(instance, begun(), pid=ended.pid, began=began)
    assert fail_orphans(instance) == [lost]


def test_a_process_that_has_the_id_of_a_dead_worker_is_not_taken_for_it(instance, begun):
    lost = executed_by(instance, begun(), began="another boot/12345")
    assert fail_orphans(instance) == [lost]


def test_where_the_system_does_not_say_when_a_process_began_its_id_alone_counts(instance, begun):
    executed_by(instance, begun(), began="")
    executed_by(instance, begun(), began="", pid=1)
    assert fail_orphans(instance) == []


def test_nothing_is_said_of_workers_on_other_hosts(instance, begun):
    executed_by(instance, begun(), host="elsewhere", pid=2**22 + 1)
    assert fail_orphans(instance) == []


def test_a_retry_that_inherited_the_tags_of_the_run_that_died_is_left_alone(instance, begun, killed):
    dead = executed_by(instance, begun(), **killed)
    begun(instance.get_run_by_id(dead).tags)
    assert fail_orphans(instance) == [dead]


def test_runs_that_say_nothing_of_their_process_are_left_alone(instance, begun):
    begun()
    assert fail_orphans(instance) == []


def test_a_promised_retry_that_nobody_started_is_asked_for_once(instance, monkeypatch):
    promise = {"dagster/will_retry": "true"}
    made = [promise, promise | {"dagster/auto_retry_run_id": "begun"}, {"dagster/will_retry": "false"}, {}]
    runs = [instance.create_run_for_job(idle, tags=tags) for tags in made]
    for run in runs:
        instance.report_run_failed(run)
    failures = dg.DagsterEventType.RUN_FAILURE
    assert retry_forgotten(instance) == []  # there is time yet
    monkeypatch.setattr("assets.orphans.FORGOTTEN_SECONDS", -60)
    assert retry_forgotten(instance) == [runs[0].run_id]
    assert [len(instance.all_logs(run.run_id, of_type=failures)) for run in runs] == [2, 1, 1, 1]
    assert retry_forgotten(instance) == []
    inherited = instance.get_run_by_id(runs[0].run_id).tags
    retry = instance.create_run_for_job(idle, tags=inherited)
    instance.report_run_failed(retry)
    assert retry_forgotten(instance) == [retry.run_id]
    assert retry_forgotten(instance) == []

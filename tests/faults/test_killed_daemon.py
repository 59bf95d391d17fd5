"""SIGKILL of run workers and of the whole server: with a real daemon, queue, pools and monitoring.

`MIG_FAULTS_KILLS=40 pytest tests/faults/test_killed_daemon.py` kills 40 more workers at random moments.
"""

import os
import random
import signal
import time
from pathlib import Path

import dagster as dg
import pytest

from assets.failed_runs import source_of
from tests.dag.tiny import TinyProject, alpaca, failure, materialise, messages
from tests.faults.audit import audit, current
from tests.faults.server import Dev

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(7200)]
KILLS = int(os.environ.get("MIG_FAULTS_KILLS", "0"))
MADE = ("raw_pool", "row_signatures", "quality_scores")
SIZES = {"big": 12_000, "large": 9_000, "notes": 40}


def fill(place, extra=0):
    """Write two sources that take a run some seconds, and a small one; each with some more rows."""
    for name, rows in SIZES.items():
        make = messages if name == "notes" else alpaca
        place.write(name, [make(i) | {"comment": name} for i in range(rows + extra)])
    place.register(*SIZES)


@pytest.fixture(scope="module")
def dev(tmp_path_factory):
    """The project under `dagster dev`."""
    dev = Dev(TinyProject(tmp_path_factory.mktemp("killed"), Path("unused")))
    fill(dev.place)
    dev.prepare()
    dev.start()
    try:
        dev.wait("partitions", lambda: partitions(dev) == set(SIZES), 90, every=1)
        yield dev
    finally:
        dev.stop()


def undisturbed(folder, extra=0):
    """Return the data versions of a project that nothing happens to."""
    place = TinyProject(folder, Path("unused"))
    fill(place, extra)
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("source", list(SIZES))
        for name in SIZES:
            result = materialise(place, instance, *MADE, partition=name)
            assert result.success, failure(result)
    return current(place)


def partitions(dev):
    with dev.instance() as instance:
        return set(instance.get_dynamic_partitions("source"))


def kill_a_worker(dev) -> str:
    """Kill the worker of a run as soon as there is one; return the run."""
    pid, run = dev.wait("worker", lambda: next(iter(dev.workers().items()), None), 90, every=0.05)
    os.kill(pid, signal.SIGKILL)
    return run


def settled(dev, versions, scratch):
    """Wait until nothing runs; check what there is, and that the pool is free."""
    dev.wait("end of every run", lambda: not dev.unfinished(), 120, every=1)
    assert current(dev.place) == versions
    audit(dev.place, scratch)
    with dev.instance() as instance:
        assert instance.event_log_storage.get_concurrency_info("gpu").active_slot_count == 0


def source(dev, run) -> str:
    with dev.instance() as instance:
        return source_of(instance.get_run_by_id(run))


def status(dev, run) -> str:
    with dev.instance() as instance:
        return instance.get_run_by_id(run).status.value


def test_a_worker_and_then_the_whole_server_are_killed_in_the_middle_of_a_backfill(dev, tmp_path):
    """Every run of it needs the pool `gpu`: none could begin if a dead one kept its place."""
    backfill = dev.backfill(*MADE, partitions=SIZES)
    lost = kill_a_worker(dev)
    dev.wait("end of the killed run", lambda: status(dev, lost) == "FAILURE", 60)

    # A run is retried once: the second kill must not be of the first one's retry.
    others = {*SIZES} - {source(dev, lost)}
    dev.wait("worker of another", lambda: others & {source(dev, run) for run in dev.workers().values()}, 90)
    dev.kill()
    assert len(dev.unfinished()) > 0
    dev.start()
    dev.wait("end of the backfill", lambda: dev.done(backfill), 240, every=1)
    settled(dev, undisturbed(tmp_path / "undisturbed"), tmp_path)


@pytest.mark.skipif(not KILLS, reason="MIG_FAULTS_KILLS says how many workers to kill: minutes, so not by itself")
def test_many_workers_are_killed_at_random_moments(dev, tmp_path):
    seed = random.randrange(2**32)
    chance, killed = random.Random(seed), 0
    for extra in range(1, 10**6):
        fill(dev.place, extra)
        backfill = dev.backfill(*MADE, partitions=SIZES)
        for _ in range(chance.randint(1, 2)):
            dev.wait("worker or the end", lambda: dev.workers() or dev.done(backfill), 120, every=0.05)  # noqa: B023
            time.sleep(chance.uniform(0, 4))
            if workers := dev.workers():
                os.kill(chance.choice([*workers]), signal.SIGKILL)
                killed += 1
        dev.wait("end of the backfill", lambda: dev.over(backfill), 300, every=1)  # noqa: B023
        dev.wait("end of every run", lambda: not dev.unfinished(), 120, every=1)
        if not dev.succeeded(backfill):  # both attempts of a run were killed
            again = dev.backfill(*MADE, partitions=SIZES)
            dev.wait("end of the next backfill", lambda: dev.done(again), 240, every=1)  # noqa: B023
        scratch = tmp_path / str(extra)
        scratch.mkdir()
        settled(dev, undisturbed(scratch / "undisturbed", extra), scratch)
        print(f"seed {seed}: round {extra}, {killed} workers killed")  # noqa: T201
        if killed >= KILLS:
            return

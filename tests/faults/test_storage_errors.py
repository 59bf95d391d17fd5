"""A write that fails, whichever it is: what was current stays, or its successor is whole, and a rerun completes."""

import errno
import json
import os
import shutil
from functools import partial
from uuid import uuid4

import dagster as dg
import polars as pl
import pytest
from botocore.exceptions import EndpointConnectionError

from assets.jobs import BY_SOURCE
from mig_dagster.annotations.quality import LexicalScorer, score_rows
from mig_dagster.pool.ingest import ingest
from mig_dagster.sources import Source, resolve
from mig_dagster.stages.annotate import annotate_source
from resources.home import MigHome
from tests.dag.tiny import alpaca, failure, materialise, versions
from tests.faults.audit import whole
from tests.faults.faulty import FaultyFileSystem

IO_ERROR = OSError(errno.EIO, "Input/output error")


@pytest.fixture
def source(tmp_path):
    """A file that can be written anew, and the source of it."""
    path = tmp_path / "maths.jsonl"

    def write(rows):
        path.write_text("".join(json.dumps(alpaca(i)) + "\n" for i in range(rows)))
        return Source("maths", str(path))

    return write


def make(home, source, run):
    """Do what two assets do, each up to its publication."""
    revision = resolve(source)
    rows = ingest(source, revision, home.lake)
    home.record_revision(source, revision, run)
    finish(home, rows, run)
    scorer = partial(score_rows, scorer=LexicalScorer(), aggregation="turn_mean", cache=home.cache)
    raw_pool = home.lake.scan("raw_pool", "maths")
    finish(home, annotate_source(home.lake, "quality_scores", "maths", raw_pool, scorer, values=["score"]), run)


def finish(home, manifest, run):
    line = {"data_version": manifest.data_version, "rows": manifest.rows}
    home.ledger.record("runs", [line], asset=manifest.asset, partition="maths", run_id=run)
    home.lake.publish(manifest)


def state(home):
    """Return the rows of both assets, after a look at every version of theirs."""
    found = []
    for asset in ("raw_pool", "quality_scores"):
        for manifest in home.lake.history(asset, "maths"):
            whole(home.lake, manifest)
        found.append(home.lake.current(asset, "maths").rows)
    return tuple(found)


def whatever_write_fails(home, source, fail):
    """Fail one write after the other of a second version, until none is left; return how many there were.

    Args:
        home: returns a home with the first version.
        source: writes the source's file.
        fail: takes k; the k-th write fails from now on, none for 0.
    """
    for k in range(1, 200):
        fail(0)
        source(20)
        place = home()
        make(place, source(20), "first")
        fail(k)
        try:
            make(place, source(30), "second")
        except OSError:
            fail(0)
            assert state(place) in [(20, 20), (30, 20), (30, 30)]
            make(place, source(30), "third")
            assert state(place) == (30, 30)
            lines = place.ledger.read("runs").group_by("run_id", "asset", "data_version").len()
            assert lines["len"].max() == 1
            assert set(lines.filter(pl.col("run_id") == "third")["asset"]) == {"raw_pool", "quality_scores"}
        else:
            fail(0)
            assert state(place) == (30, 30)
            return k - 1
    raise AssertionError("it never came to an end")


@pytest.mark.parametrize("takes_effect", [False, True], ids=["not done", "done, answer lost"])
@pytest.mark.parametrize("error", [IO_ERROR, ConnectionResetError("peer went away")], ids=["I/O", "connection"])
def test_an_object_store_may_fail_at_any_write(source, error, takes_effect):
    writes = whatever_write_fails(
        lambda: MigHome(root=f"faulty://{uuid4().hex}"),
        source,
        lambda k: FaultyFileSystem.arm(k, error, takes_effect=takes_effect),
    )
    assert writes >= 10


def test_a_local_disk_may_fail_at_any_write(source, tmp_path, monkeypatch):
    flush = os.fsync
    count = [0, 0]

    def fail(k):
        count[:] = 0, k

    def failing(descriptor):
        count[0] += 1
        if count[0] == count[1]:
            raise IO_ERROR
        flush(descriptor)

    monkeypatch.setattr(os, "fsync", failing)

    def home():
        shutil.rmtree(tmp_path / "home", ignore_errors=True)
        return MigHome(root=str(tmp_path / "home"))

    assert whatever_write_fails(home, source, fail) >= 20
    assert list((tmp_path / "home/.tmp").iterdir()) == []


LOST = [
    (1, ConnectionResetError("peer went away"), False),
    (3, OSError(errno.EBUSY, "Please reduce your request rate."), True),
    (-2, OSError(errno.EREMOTEIO, "We encountered an internal error. Please try again."), False),
    (-1, EndpointConnectionError(endpoint_url="https://storage"), True),
]
"""The write that fails (-1 is the last one: a publication), its error, and whether it took effect."""


def test_a_run_whose_connection_is_lost_at_any_write_tries_again(place, instance, monkeypatch):
    monkeypatch.setattr("resources.failures.WAIT_SECONDS", 0)
    kept_at(place, monkeypatch, "undisturbed")
    instance.add_dynamic_partitions("source", ["maths"])
    FaultyFileSystem.arm(0)
    undisturbed = versions(materialise(place, instance, *BY_SOURCE, partition="maths"))
    writes = FaultyFileSystem.writes
    for k, error, takes_effect in LOST:
        kept_at(place, monkeypatch, f"write{k}")
        FaultyFileSystem.arm(k if k > 0 else writes + 1 + k, error, takes_effect=takes_effect)
        result = materialise(place, instance, *BY_SOURCE, partition="maths")
        assert result.success, failure(result)
        assert versions(result) == undisturbed
        retried = [e for e in result.all_events if e.event_type == dg.DagsterEventType.STEP_RESTARTED]
        assert len(retried) == 1


def kept_at(place, monkeypatch, name):
    """Keep the project in the file system that fails."""
    root = f"faulty://{place.folder.name}-{name}"
    monkeypatch.setattr(type(place), "home", property(lambda self: MigHome(root=root)))


def test_the_third_write_fails_for_good_and_the_run_says_why(place, instance, monkeypatch):
    kept_at(place, monkeypatch, "third")
    instance.add_dynamic_partitions("source", ["maths"])
    FaultyFileSystem.arm(3, IO_ERROR)
    result = materialise(place, instance, "raw_pool", partition="maths")
    assert "OSError: [Errno 5] Input/output error" in failure(result)
    FaultyFileSystem.arm(0)
    assert materialise(place, instance, "raw_pool", partition="maths").success
    assert place.home.lake.current("raw_pool", "maths").rows == 40


def test_a_server_that_stays_away_ends_the_run_after_three_attempts(place, instance, monkeypatch):
    monkeypatch.setattr("resources.failures.WAIT_SECONDS", 0)
    kept_at(place, monkeypatch, "third")
    instance.add_dynamic_partitions("source", ["maths"])
    tried = []

    def gone(*_, **__):
        tried.append(1)
        raise ConnectionError("the server is gone")

    monkeypatch.setattr(FaultyFileSystem, "pipe_file", gone)
    result = materialise(place, instance, "raw_pool", partition="maths")
    assert not result.success
    assert "ConnectionError: the server is gone" in failure(result)
    assert len(tried) == 3

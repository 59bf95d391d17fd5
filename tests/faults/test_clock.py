"""A clock that goes back by hours between runs: what was made last is current, and last in the ledger."""

import json
import time
from datetime import UTC, datetime, timedelta

import duckdb
import polars as pl
import pytest

from mig_dagster.lineage import build_catalog
from mig_dagster.lineage.trace import _runs
from tests.dag.tiny import alpaca, failure, materialise
from tests.faults.audit import audit

MADE = ("raw_pool", "row_signatures", "quality_scores")
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def clock(monkeypatch):
    """Return a function that sets the time of day, in hours from noon; the time of files is the system's own."""

    class Clock(datetime):
        now_is = NOON

        @classmethod
        def now(cls, tz=None):
            cls.now_is += timedelta(milliseconds=1)
            return cls.now_is.astimezone(tz)

    def turn(hours):
        Clock.now_is = NOON + timedelta(hours=hours)

    for module in ("assets.recorded", "mig_dagster.storage.writer"):
        monkeypatch.setattr(f"{module}.datetime", Clock)
    monkeypatch.setattr("time.time_ns", lambda: int(Clock.now_is.timestamp() * 10**9))
    return turn


def run(place, instance, rows):
    """Ingest a source of some rows; return the run."""
    place.write("maths", [alpaca(i) for i in range(rows)])
    result = materialise(place, instance, *MADE, partition="maths")
    assert result.success, failure(result)
    return result.run_id


def test_what_was_published_last_is_current_whatever_the_clock_says(place, instance, clock, tmp_path):
    instance.add_dynamic_partitions("source", ["maths"])
    runs = []
    for hours, rows in ((0, 20), (-5, 30), (-9, 20), (-30, 25)):
        clock(hours)
        runs.append(run(place, instance, rows))
        assert place.home.lake.current("raw_pool", "maths").rows == rows
    lines = place.home.ledger.read("runs", "raw_pool")
    assert lines["run_id"].to_list() == runs
    assert lines["recorded_at"].is_sorted()
    audit(place, tmp_path)

    # The next run of everything: nothing changes, and the lines say so.
    clock(1)
    last = run(place, instance, 25)
    assert place.home.ledger.read("runs", "raw_pool")["run_id"][-1] == last
    assert len(place.home.lake.history("raw_pool", "maths")) == 3


def test_the_catalog_names_the_run_that_made_a_version_last(place, instance, clock, tmp_path):
    """20 rows are there again: of the two runs that made them, the later one has the earlier time."""
    instance.add_dynamic_partitions("source", ["maths"])
    for hours, rows in ((0, 20), (-5, 30)):
        clock(hours)
        run(place, instance, rows)
    clock(-9)
    last = run(place, instance, 20)
    build_catalog(place.home.lake, place.home.ledger, [], tmp_path / "catalog.duckdb")
    with duckdb.connect(str(tmp_path / "catalog.duckdb"), read_only=True) as database:
        made = "select run_id from runs where asset = 'raw_pool' order by recorded_at desc limit 1"
        assert database.execute(made).fetchall() == [(last,)]
        assert {line["run_id"] for line in _runs(database, ["maths"], ["raw_pool"])} == {last}


def test_a_clean_up_under_a_wrong_clock_keeps_what_is_current_and_what_is_young(place, instance, clock, monkeypatch):
    """Files from the future are not old enough to go; under a clock far ahead what is current stays."""
    instance.add_dynamic_partitions("source", ["maths"])
    for hours, rows in ((0, 20), (-5, 30)):
        clock(hours)
        run(place, instance, rows)
    now = time.time()
    lake = place.home.lake
    monkeypatch.setattr("time.time", lambda: now - 7 * 3600)
    assert lake.vacuum(keep=0).paths == ()
    monkeypatch.setattr("time.time", lambda: now + 1000 * 3600)
    gone = lake.vacuum(keep=0)
    assert [manifest.rows for manifest in lake.history("raw_pool", "maths")] == [30]
    assert lake.scan("raw_pool", "maths").collect().height == 30
    assert len(gone.paths) > 0


def test_a_version_whose_shards_a_clean_up_took_is_not_published(place):
    """A clock that jumps ahead by days makes the shards of a writer that is at work look abandoned."""
    lake = place.home.lake
    with lake.writer("raw_pool", "maths") as writer:
        writer.append("rows", pl.DataFrame({"n": [1]}))
        manifest = writer.finish()
    lake.store.remove(manifest.tables["rows"][0].path)
    with pytest.raises(LookupError, match=r"shard .* of version .* is gone.*run again"):
        lake.publish(manifest)
    assert lake.current("raw_pool", "maths") is None
    assert json.loads(lake.store.read(manifest.path))["asset"] == "raw_pool"

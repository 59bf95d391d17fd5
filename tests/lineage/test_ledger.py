"""The ledger: lines added by many writers at once, none lost, none twice."""

import multiprocessing
from uuid import uuid4

import polars as pl
import pytest

from mig_dagster.lineage import Ledger
from mig_dagster.lineage.ledger import TABLES, columns
from mig_dagster.storage import Store

REVISION = {"source": "a", "uri": "a.jsonl", "revision": "r1", "licence": None, "files": "[]", "bytes": 7}


@pytest.fixture(params=["local", "memory"])
def ledger(request, tmp_path):
    return Ledger(Store(tmp_path if request.param == "local" else f"memory://{uuid4().hex}"))


def test_lines_come_back_with_who_wrote_them_and_when(ledger):
    path = ledger.record("revisions", [REVISION], asset="raw_pool", partition="a", run_id="run-1")
    assert path.startswith("ledger/revisions/asset=raw_pool/partition=a/run-1-")
    assert ledger.fragments("revisions") == [path]
    (line,) = ledger.read("revisions").to_dicts()
    assert line.pop("recorded_at").tzinfo is not None
    assert line == {**REVISION, "run_id": "run-1", "asset": "raw_pool", "partition": "a"}


def test_the_same_call_twice_is_one_fragment(ledger):
    paths = {ledger.record("removals", [{"source": "a"}], asset="s", partition="a", run_id="1") for _ in range(3)}
    assert len(paths) == len(ledger.fragments("removals")) == ledger.read("removals").height == 1


def test_other_lines_of_the_same_run_are_another_fragment(ledger):
    for rows in (1, 2):
        ledger.record("runs", [{"rows": rows}], asset="pool", partition=None, run_id="1")
    assert ledger.read("runs")["rows"].to_list() == [1, 2]
    assert ledger.read("runs")["partition"].to_list() == [None, None]


def test_lines_of_one_asset_are_read_alone(ledger):
    for asset in ("mig_subset", "mig_subset2"):
        ledger.record("runs", [{"rows": 1}], asset=asset, partition=None, run_id="1")
    assert ledger.read("runs", "mig_subset")["asset"].to_list() == ["mig_subset"]
    assert ledger.read("runs", "random_subset").height == 0


def test_fragments_from_before_a_column_are_read_with_nulls(ledger, monkeypatch):
    earlier = {name: kind for name, kind in TABLES["runs"].items() if name != "seconds"}
    with monkeypatch.context() as patch:
        patch.setitem(TABLES, "runs", earlier)
        ledger.record("runs", [{"rows": 1}], asset="pool", partition=None, run_id="1")
    ledger.record("runs", [{"rows": 2, "seconds": 0.5}], asset="pool", partition=None, run_id="2")
    assert ledger.read("runs")["seconds"].to_list() == [None, 0.5]


@pytest.mark.parametrize("table", TABLES)
def test_an_empty_table_has_its_columns(ledger, table):
    assert ledger.fragments(table) == []
    assert ledger.read(table).equals(pl.DataFrame(schema=columns(table)))


def test_unknown_tables_and_columns_are_refused(ledger):
    with pytest.raises(ValueError, match=r"table='rums': expected one of .*'removals', 'revisions', 'runs'"):
        ledger.record("rums", [], asset="pool", partition=None, run_id="1")
    with pytest.raises(ValueError, match="table 'runs' has no column 'colour': it has"):
        ledger.record("runs", [{"colour": 1}], asset="pool", partition=None, run_id="1")


@pytest.mark.parametrize("name", ["asset", "partition", "run_id"])
def test_names_that_would_leave_the_folder_are_refused(ledger, name):
    names = {"asset": "pool", "partition": "a", "run_id": "1", name: "../up"}
    with pytest.raises(ValueError, match=f"{name}='../up': expected letters, digits"):
        ledger.record("runs", [], **names)


def _write(root, writer, gate):
    ledger = Ledger(Store(root))
    gate.wait()
    for number in range(20):
        rows = [{"rows": writer * 1000 + number * 10 + line} for line in range(10)]
        ledger.record("runs", rows, asset="tags", partition=f"s{number % 3}", run_id=f"run-{writer}-{number}")


def test_eight_processes_that_finish_at_once_lose_no_line(tmp_path):
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["mig_dagster.lineage.ledger"])
    gate = context.Barrier(8)
    writers = [context.Process(target=_write, args=(str(tmp_path), writer, gate)) for writer in range(8)]
    for process in writers:
        process.start()
    for process in writers:
        process.join()
        assert process.exitcode == 0
    found = Ledger(Store(tmp_path)).read("runs")["rows"].sort().to_list()
    assert found == sorted(w * 1000 + n * 10 + line for w in range(8) for n in range(20) for line in range(10))


def test_a_clock_that_was_put_back_does_not_make_a_later_line_an_earlier_one(ledger, monkeypatch):
    now = 1_700_000_000 * 10**9
    for run, hours in (("first", 0), ("second", -5), ("third", -5), ("fourth", 1)):
        monkeypatch.setattr("time.time_ns", lambda hours=hours: now + hours * 3600 * 10**9)
        ledger.record("runs", [{"rows": 1}], asset="pool", partition=None, run_id=run)
        ledger.record("runs", [{"rows": 1}], asset="pool", partition=None, run_id=run)
    lines = ledger.read("runs")
    assert lines["run_id"].to_list() == ["first", "second", "third", "fourth"]
    assert lines["recorded_at"].n_unique() == 4
    assert lines["recorded_at"].dt.timestamp("us").to_list()[0] == now // 1000

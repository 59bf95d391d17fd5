"""The commands about sources whose annotation automation holds."""

import json

import polars as pl
import pytest

from mig_dagster.sources import Source
from mig_dagster.sources.discovery import read_log, record
from mig_dagster.sources.discovery.events import first_event
from mig_dagster.stages.held import Planned, review
from mig_dagster.storage import Lake, Store
from tests.cli.running import run


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Two sources with rows, both held: `dear`, which a rule found, and `own`, which is declared."""
    home = str(tmp_path / "home")
    monkeypatch.setenv("MIG_HOME", home)
    store = Store(home)
    lake = Lake(store)
    record(store, lambda state: [first_event("added", Source("dear", "in/dear.jsonl"), rule="inbox")])
    for name, hours in (("dear", 12.0), ("own", float("inf"))):
        rows = lake.write("raw_pool", pl.DataFrame({"row_id": ["1"]}), partition=name)
        lake.publish(rows)
        plan = {"rows": 1, "tokens_missing": 9} if hours < 99 else {"problem": "model 'm' is gated"}
        review(store, name, rows.data_version, 0.5, lambda hours=hours, plan=plan: Planned(hours, plan))
    return home


def listed():
    code, stdout, stderr = run("sources", "proposals", "--json")
    assert code == 0, stderr
    return {hold["name"]: hold for hold in json.loads(stdout)["held"]}


def states(home):
    return {name: hold.state for name, hold in read_log(Store(home)).holds.items()}


def test_held_sources_are_listed_with_their_hours(home):
    found = listed()
    assert [(name, hold["gpu_hours"], hold["max_gpu_hours"]) for name, hold in found.items()] == [
        ("dear", 12.0, 0.5),
        ("own", None, 0.5),
    ]
    assert found["dear"]["plan"] == {"rows": 1, "tokens_missing": 9}
    dear, own = (line for line in run("sources", "proposals")[1].splitlines() if "0.5" in line)
    assert [cell.strip() for cell in dear.strip("| ").split("|")][:5] == ["dear", "12", "0.5", "1", "9"]
    assert "| unknown" in own
    assert "model 'm' is gated" in own


@pytest.mark.parametrize("command", [("approve",), ("proposals", "approve")])
def test_approval_lets_a_held_source_go_on_once(home, command):
    code, stdout, _ = run("sources", *command, "dear")
    assert (code, stdout) == (0, "approved dear; a running `make dev` begins to annotate it within 30 seconds\n")
    assert states(home) == {"dear": "released", "own": "held"}
    assert list(listed()) == ["own"]
    number = read_log(Store(home)).number
    assert run("sources", *command, "dear")[0] == 0
    assert read_log(Store(home)).number == number


def test_rejection_keeps_its_rows_out_until_it_is_approved(home):
    _, stdout, _ = run("sources", "reject", "own")
    assert stdout == "rejected own; the pool goes on without its rows that are not annotated\n"
    assert (states(home)["own"], list(listed())) == ("withheld", ["dear"])
    run("sources", "approve", "own")
    assert states(home)["own"] == "released"


def test_a_name_that_is_not_held_is_refused_and_nothing_is_decided(home):
    code, _, stderr = run("sources", "approve", "dear", "cheap")
    assert code == 2
    assert stderr == "error: nothing called 'cheap' was discovered or is held; proposals are: dear, own\n"
    assert states(home)["dear"] == "held"


def test_a_held_source_that_was_removed_waits_no_longer(home):
    record(Store(home), lambda state: [first_event("removed", Source("dear", "in/dear.jsonl"))])
    assert list(listed()) == ["own"]

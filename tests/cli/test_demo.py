import json
import sys
from contextlib import nullcontext
from types import ModuleType, SimpleNamespace

import pytest

from tests.cli.running import run

RESULT = {
    "rows": 143,
    "pool_rows": 2867,
    "objective": 2170.3,
    "export": "/somewhere/exports/mig_subset",
    "comparison": "/somewhere/lake/selection_report/shard.parquet",
    "report": "/somewhere/reports/selection_report/report.html",
    "catalog": "/somewhere/catalog/lineage.duckdb",
    "first_row_id": "0123456789abcdef0123456789abcdef",
}


def run_of(name, outcome):
    def start():
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    return SimpleNamespace(name=name, start=start)


@pytest.fixture
def runs(monkeypatch):
    """The runs that the command will start; nothing of Dagster is loaded."""
    planned = [run_of("sql", "500 rows accepted"), run_of("lineage [catalog]", "done")]
    local_runs = ModuleType("assets.local_runs")
    local_runs.demo_runs = lambda definitions, instance: planned
    local_runs.demo_result = lambda definitions: dict(RESULT)
    local_runs.local_instance = lambda: nullcontext("instance")
    definitions = ModuleType("mig_dagster.definitions")
    definitions.defs = lambda: "definitions"
    monkeypatch.setitem(sys.modules, "assets.local_runs", local_runs)
    monkeypatch.setitem(sys.modules, "mig_dagster.definitions", definitions)
    return planned


def test_the_result_is_one_json_object_and_the_runs_are_told_on_stderr(runs):
    code, stdout, stderr = run("demo", "--json")
    result = json.loads(stdout)
    assert code == 0
    assert result.pop("seconds") >= 0
    assert result == RESULT
    assert [line.split("s  ")[1] for line in stderr.splitlines()] == [
        "sql: 500 rows accepted",
        "lineage [catalog]: done",
    ]


def test_it_ends_with_where_everything_is(runs):
    code, stdout, _ = run("demo")
    assert code == 0
    assert "143 of 2,867 rows chosen" in stdout
    for line in (
        RESULT["export"],
        RESULT["comparison"],
        RESULT["report"],
        RESULT["catalog"],
        f"mig-dagster trace {RESULT['first_row_id']}",
        f"mig-dagster explain {RESULT['first_row_id']}",
        "make dev",
    ):
        assert line in stdout


def test_a_run_that_fails_for_a_reason_of_the_user_ends_it_with_one_line(runs):
    runs.insert(1, run_of("pool", LookupError("nothing is materialised")))
    code, stdout, stderr = run("demo", "--json")
    assert (code, stdout) == (2, "")
    assert stderr.splitlines()[-1] == "error: nothing is materialised"


def test_outside_a_checkout_it_says_where_to_get_one(monkeypatch):
    monkeypatch.setitem(sys.modules, "assets", None)
    monkeypatch.delitem(sys.modules, "assets.local_runs", raising=False)
    code, stdout, stderr = run("demo")
    assert (code, stdout) == (2, "")
    assert "needs a checkout of the project" in stderr
    assert "every other command works from the wheel" in stderr
    assert "Traceback" not in stderr


def test_a_missing_library_is_not_taken_for_a_missing_checkout(runs, monkeypatch):
    def broken(definitions, instance):
        raise ModuleNotFoundError("No module named 'dagster'", name="dagster")

    monkeypatch.setattr(sys.modules["assets.local_runs"], "demo_runs", broken)
    with pytest.raises(ModuleNotFoundError, match="dagster"):
        run("demo")

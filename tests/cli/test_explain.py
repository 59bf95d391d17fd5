import json
from importlib import import_module

import pytest

from tests.cli.running import run

ROW = "0123456789abcdef0123456789abcdef"
OTHER = "fedcba9876543210fedcba9876543210"
FOUND = {
    "subset": "mig_subset",
    "method": "mig",
    "budget": "5%",
    "row_id": ROW,
    "source": "sums",
    "origin": "a[1].jsonl:000000001",
    "status": "not chosen",
    "reason": "Not chosen: after the last row it would add 0.01234 of the 2.5 it would have added ([b]sums[/b]).",
    "details": {
        "rank": None,
        "rule": "exact",
        "gains": {"start": {"rule": 2.5, "true": 2.5}, "now": {"rule": 0.012345, "true": 0.012345}},
        "labels": [
            {"label": "[i]sums", "left": 0.125, "told_by": [{"row_id": OTHER, "rank": 1234, "share": 3.0}]},
            {"label": "maths", "left": 1.0, "told_by": []},
        ],
        "next": {"rank": 5678},
    },
}


@pytest.fixture
def answer(monkeypatch):
    """What the command is told; and whom it asked."""
    asked = []
    module = import_module("mig_dagster.cli.explain")
    monkeypatch.setattr(module, "find_subset", lambda subset, home: (subset, str(home)))

    def explain_row(row_id, subset, report):
        asked.append((row_id, subset))
        report("replaying", 0, None)
        return found

    found = FOUND
    monkeypatch.setattr(module, "explain_row", explain_row)
    return asked


def test_the_explanation_is_one_json_object(answer):
    code, stdout, stderr = run("explain", ROW, "--subset", "deita~1", "--home", "here", "--json")
    assert (code, json.loads(stdout), stderr) == (0, FOUND, "")
    assert answer == [(ROW, ("deita~1", "here"))]


def test_the_mig_subset_of_the_home_is_meant_where_none_is_named(answer, monkeypatch):
    monkeypatch.setenv("MIG_HOME", "elsewhere")
    run("explain", ROW, "--json")
    assert answer == [(ROW, ("mig_subset", "elsewhere"))]


def test_people_read_a_sentence_and_small_tables(answer):
    code, stdout, _ = run("explain", ROW)
    lines = stdout.splitlines()
    assert code == 0
    assert lines[0] == f"{ROW} sums/a[1].jsonl:000000001"
    assert lines[1:3] == ["not chosen in mig_subset (mig, budget 5%)", FOUND["reason"]]
    assert "start rule 2.5, true 2.5, now rule 0.01235, true 0.01235" in stdout
    assert "fedcba98, rank 1,234, share 3" in stdout
    assert "[i]sums" in stdout
    assert OTHER not in stdout
    assert not any(line.strip() == "None" for line in lines)


def test_a_duplicate_is_followed_by_the_row_that_stands_for_it(answer, monkeypatch):
    duplicate = FOUND | {"row_id": OTHER, "status": "duplicate", "reason": "It is a duplicate.", "instead": FOUND}
    module = import_module("mig_dagster.cli.explain")
    monkeypatch.setattr(module, "explain_row", lambda *asked: duplicate)
    lines = run("explain", OTHER)[1].splitlines()
    assert lines[0].startswith(OTHER)
    assert [line for line in lines if line.startswith(ROW)] == [f"{ROW} sums/a[1].jsonl:000000001"]


def test_without_a_subset_it_says_what_there_is(tmp_path):
    code, stdout, stderr = run("explain", ROW, "--home", tmp_path, "--json")
    assert (code, stdout) == (2, "")
    assert "no subset 'mig_subset'" in stderr
    assert stderr.count("\n") == 1

import json
from importlib import import_module

import pytest

from tests.cli.running import run

ROW = "0123456789abcdef0123456789abcdef"
STORY = {
    "row_id": ROW,
    "messages": [{"role": "user", "content": "Read [/this] and [bold]that[/bold]."}],
    "tools": None,
    "found_in": [{"source": "sums", "origin": "a.jsonl:000000001"}],
    "duplicates": [],
}


@pytest.fixture
def asked(monkeypatch):
    calls = []

    def trace_home(home, row_id):
        calls.append((str(home), row_id))
        return STORY

    monkeypatch.setattr(import_module("mig_dagster.cli.trace"), "trace_home", trace_home)
    return calls


def test_the_story_is_one_json_object(asked):
    code, stdout, stderr = run("trace", ROW, "--home", "here", "--json")
    assert (code, json.loads(stdout), stderr) == (0, STORY, "")
    assert asked == [("here", ROW)]


def test_the_story_is_a_tree_with_texts_as_they_are_and_nothing_empty(asked):
    code, stdout, _ = run("trace", ROW)
    assert code == 0
    assert stdout.startswith(ROW)
    assert "content Read [/this] and [bold]that[/bold]." in stdout
    assert "origin a.jsonl:000000001" in stdout
    assert "tools" not in stdout
    assert "duplicates" not in stdout


def test_long_texts_are_wrapped_and_never_cut_at_the_edge_of_the_screen(monkeypatch):
    words = [f"word{i}" for i in range(60)]
    story = STORY | {"messages": [{"role": "user", "content": " ".join(words)}]}
    monkeypatch.setattr(import_module("mig_dagster.cli.trace"), "trace_home", lambda home, row_id: story)
    shown = run("trace", ROW)[1].split()
    assert [word for word in shown if word.startswith("word")] == words


def test_the_home_comes_from_the_environment(asked, monkeypatch):
    monkeypatch.setenv("MIG_HOME", "elsewhere")
    run("trace", ROW, "--json")
    assert asked == [("elsewhere", ROW)]


def test_without_a_catalog_it_says_what_to_make(tmp_path):
    code, stdout, stderr = run("trace", ROW, "--home", tmp_path, "--json")
    assert (code, stdout) == (2, "")
    assert "there is no lineage catalog at" in stderr
    assert "materialise lineage_catalog" in stderr
    assert stderr.count("\n") == 1


def test_a_file_that_is_no_catalog_is_one_line_too(tmp_path):
    (tmp_path / "catalog").mkdir()
    (tmp_path / "catalog" / "lineage.duckdb").write_text("junk" * 1000)
    code, _, stderr = run("trace", ROW, "--home", tmp_path)
    assert code == 2
    assert "the lineage catalog cannot be read; materialise lineage_catalog again" in stderr
    assert stderr.count("\n") == 1


def test_a_defect_of_the_program_keeps_its_traceback(monkeypatch):
    def trace_home(home, row_id):
        raise IndexError("list index out of range")

    monkeypatch.setattr(import_module("mig_dagster.cli.trace"), "trace_home", trace_home)
    with pytest.raises(IndexError):
        run("trace", ROW)

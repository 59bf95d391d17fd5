import json
from pathlib import Path

import pytest

from mig_dagster.sources import load_registry
from tests.cli.running import run

GOOD = '{"instruction": "Add 1 and 2.", "input": "", "output": "3"}\n'


@pytest.fixture
def pool(tmp_path: Path) -> Path:
    path = tmp_path / "sums.jsonl"
    path.write_text(GOOD + "\n" + '{"instruction": "Add 2 and 2.", "output": ""}\n' + "{broken\n" + GOOD)
    return path


def test_check_counts_every_record_once_and_prints_one_json_object(pool):
    code, stdout, _ = run("sources", "check", pool, "--json")
    (file,) = json.loads(stdout)["files"]
    assert code == 0
    assert file["records"] == 5
    assert (file["format"], file["accepted"], file["blank"], file["failure"]) == ("alpaca", 2, 1, None)
    assert file["rejected"] == {"empty_answer": 1, "invalid_json": 1}
    assert set(file) == {"path", "format", "records", "accepted", "rejected", "blank", "failure"}


def test_check_exits_1_when_a_file_fails_and_says_why(tmp_path):
    (tmp_path / "not.parquet").write_bytes(b"this is text")
    code, stdout, _ = run("sources", "check", tmp_path / "not.parquet", "--json")
    (file,) = json.loads(stdout)["files"]
    assert code == 1
    assert "Parquet" in file["failure"]


def test_check_draws_a_table_for_people(pool):
    code, stdout, _ = run("sources", "check", pool)
    assert code == 0
    assert "alpaca" in stdout
    assert "1 empty_answer" in stdout


def test_a_missing_file_is_a_failure_with_its_path(tmp_path):
    code, _, stderr = run("sources", "check", tmp_path / "absent.jsonl")
    assert code == 1
    assert "absent.jsonl" in stderr.replace("\n", "")


def test_add_then_list_then_remove_edits_the_registry(pool, tmp_path):
    registry = tmp_path / "sources.yaml"
    registry.write_text("# mine\nsources: []\n")
    code, _, stderr = run("sources", "add", "sums", pool, "--licence", "MIT", "--priority", 3, "--registry", registry)
    assert code == 0, stderr
    _, stdout, _ = run("sources", "list", "--registry", registry, "--json")
    (source,) = json.loads(stdout)["sources"]
    assert (source["name"], source["licence"], source["priority"]) == ("sums", "MIT", 3)
    assert run("sources", "remove", "sums", "--registry", registry)[0] == 0
    assert json.loads(run("sources", "list", "--registry", registry, "--json")[1]) == {"sources": []}
    assert registry.read_text().startswith("# mine\n")


@pytest.fixture
def scored(tmp_path):
    """Three records with an id, and scores of two of them."""
    ids = [{"instruction": f"ask {i}", "output": "ok", "id": i} for i in range(3)]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, ids)))
    (tmp_path / "scores.jsonl").write_text('{"id": 1, "Q": 5}\n{"id": 2, "Q": 6}\n')
    (tmp_path / "data").mkdir()
    (tmp_path / "data/sources.yaml").write_text("sources: []\n")
    return tmp_path / "rows.jsonl", tmp_path / "scores.jsonl", tmp_path / "data/sources.yaml"


def test_scores_in_a_file_of_their_own_are_added_with_the_source(scored, monkeypatch):
    rows, scores, registry = scored
    monkeypatch.chdir(rows.parent)
    code, stdout, stderr = run("sources", "add", "mine", rows, "--scores", scores.name, "--registry", registry)
    assert code == 0, stderr
    assert "scores: 2 ids, 2 records have one" in stdout
    assert load_registry(registry)["mine"].scores == str(scores)
    assert "scores: ../scores.jsonl" in registry.read_text()
    code, stdout, _ = run("sources", "check", rows, "--scores", scores, "--json")
    assert (code, json.loads(stdout)["scores"]) == (0, {"ids": 2, "joined": 2})


@pytest.mark.parametrize(
    ("uri", "text", "message"),
    [
        ("rows.jsonl", '{"id": "x", "Q": 5}', "has 1 ids, and none of the 3 accepted records has one as its `id`"),
        ("rows.jsonl", '{"Q": 5}', "has no `id` that is a number or text"),
        ("rows.jsonl", None, "scores.jsonl"),
        ("hf://datasets/org/name", '{"id": 1, "Q": 5}', "is on the Hub, and `scores` can be said of other files only"),
    ],
)
def test_scores_that_do_not_fit_are_not_added(scored, uri, text, message):
    rows, scores, registry = scored
    scores.unlink() if text is None else scores.write_text(text)
    where = uri if "://" in uri else rows
    code, _, stderr = run("sources", "add", "mine", where, "--scores", scores, "--registry", registry)
    assert code == 1
    assert message in stderr
    assert "not added: 1 of" in stderr
    assert registry.read_text() == "sources: []\n"


def test_add_refuses_a_source_whose_file_cannot_be_read(tmp_path):
    (tmp_path / "bad.parquet").write_bytes(b"text")
    registry = tmp_path / "sources.yaml"
    registry.write_text("sources: []\n")
    code, _, stderr = run("sources", "add", "bad", tmp_path / "bad.parquet", "--registry", registry)
    assert code == 1
    assert "not added" in stderr
    assert registry.read_text() == "sources: []\n"


def test_a_bad_column_mapping_is_explained(pool):
    code, _, stderr = run("sources", "check", pool, "--column", "instruction")
    assert code == 2
    assert "field=column" in stderr


def test_check_refuses_a_mapping_that_no_format_could_use(pool):
    code, _, stderr = run("sources", "check", pool, "--column", "instructions=text")
    assert code == 2
    assert "columns names 'instructions'" in stderr


def test_files_of_one_name_in_different_folders_are_told_apart(tmp_path):
    for split in ("train", "test"):
        (tmp_path / split).mkdir()
        (tmp_path / split / "0000.jsonl").write_text(GOOD)
    _, stdout, _ = run("sources", "check", tmp_path)
    assert "train/0000.jsonl" in stdout
    assert "test/0000.jsonl" in stdout
    assert str(tmp_path) not in stdout


def test_json_output_is_one_object_and_nothing_else_even_when_adding_fails(tmp_path):
    (tmp_path / "bad.parquet").write_bytes(b"text")
    registry = tmp_path / "sources.yaml"
    code, stdout, stderr = run("sources", "add", "bad", tmp_path / "bad.parquet", "--registry", registry, "--json")
    assert code == 1
    assert json.loads(stdout)["added"] is False
    assert stderr == "not added: 1 of 1 files could not be read\n"


def test_a_source_of_which_no_record_can_be_used_is_not_added(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"instruction": "Add 1 and 2.", "output": ""}\n')
    registry = tmp_path / "sources.yaml"
    code, _, stderr = run("sources", "add", "a", tmp_path / "a.jsonl", "--registry", registry)
    assert code == 1
    assert "every record is rejected" in stderr
    assert not registry.exists()


def test_a_relative_path_is_written_as_seen_from_the_registry(tmp_path, monkeypatch):
    (tmp_path / "data").mkdir()
    (tmp_path / "project").mkdir()
    (tmp_path / "data" / "sums.jsonl").write_text(GOOD)
    monkeypatch.chdir(tmp_path / "data")
    monkeypatch.setenv("MIG_SOURCES", "../project/sources.yaml")
    assert run("sources", "add", "sums", "sums.jsonl")[0] == 0
    assert "uri: ../data/sums.jsonl" in (tmp_path / "project" / "sources.yaml").read_text()
    monkeypatch.chdir("/")
    registry = tmp_path / "project" / "sources.yaml"
    (source,) = json.loads(run("sources", "list", "--registry", registry, "--json")[1])["sources"]
    assert source["uri"] == str(tmp_path / "data" / "sums.jsonl")


@pytest.mark.parametrize(
    ("name", "message"), [("Bad Name", "is no slug"), ("known", "is used twice; give each source a name of its own")]
)
def test_a_name_that_cannot_be_used_is_refused_before_the_files_are_read(tmp_path, name, message):
    registry = tmp_path / "sources.yaml"
    registry.write_text("sources:\n  - {name: known, uri: a.jsonl}\n")
    code, stdout, stderr = run("sources", "add", name, tmp_path / "absent.jsonl", "--registry", registry, "--json")
    assert (code, stdout) == (2, "")
    assert message in stderr


def test_a_registry_that_cannot_be_written_is_one_line_that_says_so(pool, tmp_path):
    registry = tmp_path / "nowhere" / "sources.yaml"
    code, _, stderr = run("sources", "add", "sums", pool, "--registry", registry)
    assert code == 2
    assert f"error: {registry}: cannot be written (No such file or directory)" in stderr
    assert stderr.count("\n") == 1


def test_a_scheme_without_its_client_is_a_failure_of_the_check(monkeypatch):
    from mig_dagster.sources import locations

    class Broken:
        def isfile(self, path):
            raise RuntimeError("no credentials")

    monkeypatch.setattr(locations, "url_to_fs", lambda uri: (Broken(), uri))
    code, stdout, _ = run("sources", "check", "gs://bucket/rows.jsonl", "--json")
    assert code == 1
    assert "cannot be listed (no credentials)" in json.loads(stdout)["files"][0]["failure"]


def test_removing_an_unknown_source_names_the_known_ones(tmp_path):
    registry = tmp_path / "sources.yaml"
    registry.write_text("sources:\n  - {name: known, uri: a.jsonl}\n")
    code, _, stderr = run("sources", "remove", "other", "--registry", registry)
    assert code == 2
    assert stderr == f"error: no source is called 'other' in {registry}; there are: known\n"

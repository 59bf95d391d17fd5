import json
from pathlib import Path

import pytest

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

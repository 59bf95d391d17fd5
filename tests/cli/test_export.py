"""`mig-dagster export`: from a folder or a name to files, and how to train on them."""

import json

import pytest

from tests.cli.running import run

from .test_select import config, pool, select  # noqa: F401


@pytest.fixture
def folder(pool, config, tmp_path):  # noqa: F811
    code, _, stderr = select(pool, config, tmp_path, "--budget", "12", "--output", tmp_path / "chosen")
    assert code == 0, stderr
    return tmp_path / "chosen"


def export(folder, *more):
    return run("export", folder, "--home", folder.parent / "home", "--output", folder.parent / "out", *more)


def lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_every_format_has_a_folder_and_a_command(folder, tmp_path):
    code, stdout, stderr = export(folder, "--to", "llama-factory", "--to", "trl", "--to", "hf", "--to", "jsonl")
    assert code == 0, stderr
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["hf", "jsonl", "llama-factory", "trl"]
    assert f"llamafactory-cli train {tmp_path}/out/llama-factory/chosen.train.yaml" in stdout
    assert f"trl sft --config {tmp_path}/out/trl/chosen.train.yaml" in stdout
    assert lines(tmp_path / "out/jsonl/chosen.jsonl") == lines(folder / "train.jsonl")
    lock = json.loads((tmp_path / "out/hf/selection.lock.json").read_text())
    assert lock["kept"] == json.loads((folder / "selection.lock.json").read_text())["kept"]


def test_the_first_rows_are_the_subset_for_that_budget(folder, tmp_path):
    code, stdout, stderr = export(folder, "--to", "jsonl", "--to", "hf", "--rows", "5", "--json")
    assert code == 0, stderr
    assert lines(tmp_path / "out/jsonl/chosen-first-5.jsonl") == lines(folder / "train.jsonl")[:5]
    assert "of which these are the first 5 rows" in (tmp_path / "out/hf/README.md").read_text()
    (first, _) = json.loads(stdout)["exports"]
    assert (first["format"], first["rows"], first["written"], first["left_out"]) == ("jsonl", 5, 5, {})
    assert list(first["files"]) == ["chosen-first-5.jsonl"]


def test_an_output_that_is_a_file_is_said_to_be_one(folder, tmp_path):
    (tmp_path / "out").write_text("mine")
    code, _, stderr = export(folder, "--to", "jsonl")
    assert (code, (tmp_path / "out").read_text()) == (2, "mine")
    assert "is a file; name a folder" in stderr.replace("\n", " ")


def test_prompt_and_completion_are_asked_for_by_a_flag(folder, tmp_path):
    code, _, stderr = export(folder, "--to", "trl", "--prompt-completion")
    assert code == 0, stderr
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["trl-prompt-completion"]


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (("--to", "alpaca"), "unknown format 'alpaca': expected some of llama-factory, trl"),
        (("--to", "jsonl", "--rows", "13"), "rows=13: expected 1 to 12, the rows of the subset"),
        (("--to", "jsonl", "--rows", "0"), "rows=0: expected 1 to 12"),
    ],
)
def test_what_cannot_be_written_says_why_and_writes_nothing(folder, tmp_path, more, told):
    code, _, stderr = export(folder, *more)
    assert code == 2
    assert told in stderr
    assert not (tmp_path / "out").exists()


def test_a_method_that_is_not_nested_has_no_first_rows(pool, config, tmp_path):  # noqa: F811
    select(pool, config, tmp_path, "--method", "car", "--budget", "12", "--output", tmp_path / "chosen")
    code, _, stderr = export(tmp_path / "chosen", "--to", "jsonl", "--rows", "5")
    assert code == 2
    assert "are not its choice for a smaller budget; choose again with --budget 5" in stderr


def test_rows_that_a_format_cannot_say_are_counted_with_their_reason(config, tmp_path):  # noqa: F811
    twice = [{"role": "user", "content": text} for text in ("cat", "dog")]
    records = [{"messages": [*twice, {"role": "assistant", "content": f"poem {i}"}]} for i in range(3)]
    path = tmp_path / "twice.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    select(path, config, tmp_path, "--budget", "3", "--method", "random", "--output", tmp_path / "chosen")
    code, stdout, stderr = export(tmp_path / "chosen", "--to", "llama-factory", "--to", "jsonl")
    assert code == 0, stderr
    assert "llama-factory: 3 of 3 rows left out: turn_order, after an optional system turn, the trainer" in stderr
    assert "out/llama-factory/chosen.left_out.jsonl names each row left out" in stdout.replace("\n", " ")
    assert "max_samples" not in stdout  # its first k lines are no longer the first k rows
    assert len(lines(tmp_path / "out/llama-factory/chosen.left_out.jsonl")) == 3
    assert len(lines(tmp_path / "out/jsonl/chosen.jsonl")) == 3

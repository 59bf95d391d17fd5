import json

import polars as pl
import pytest

from tests.annotations.tokens.templates import CHATML, save_chat_tokenizer
from tests.cli.running import run

TURNS = [{"role": "user", "content": "What is [bold]it[/]?"}, {"role": "assistant", "content": "It."}]


def records(odd):
    rows = [{"messages": [{**TURNS[0], "content": f"{TURNS[0]['content']} {i}"}, TURNS[1]]} for i in range(12)]
    if odd:
        rows[3]["messages"].insert(1, TURNS[0])
    return rows


@pytest.fixture
def chosen(tmp_path):
    """Return a function that chooses every row of a small file."""

    def choose(odd=False):
        path = tmp_path / "pool.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in records(odd)))
        home = tmp_path / "home"
        where = ("--output", tmp_path / "subset", "--home", home)
        code, _, stderr = run("select", path, "--method", "random", "--budget", "12", *where)
        assert code == 0, stderr
        return (tmp_path / "subset", "--home", home)

    return choose


def test_a_subset_that_loads_whole_passes_for_each_trainer(chosen):
    code, stdout, stderr = run("check-export", *chosen(), "--for", "trl", "--for", "llama-factory")
    assert code == 0, stderr
    assert "trl (trl 1.16.0): 12 of 12 rows" in stdout
    assert "llama-factory (llamafactory 0.9.5): 12 of 12 rows" in stdout


def test_a_lost_row_fails_the_check_and_is_named_with_its_reason(chosen, tmp_path):
    subset = chosen(odd=True)
    code, stdout, _ = run("check-export", *subset, "--for", "llama-factory", "--output", tmp_path / "found")
    assert code == 1
    assert "11 of 12 rows" in stdout
    assert "turn_order: after an optional system turn, the trainer wants a question and an answer in turns" in stdout
    assert "its turns: user, user, assistant" in stdout
    dropped = pl.read_parquet(tmp_path / "found/llama-factory.dropped.parquet")
    assert dropped["reason"].to_list() == ["turn_order"]
    assert pl.read_parquet(tmp_path / "found/llama-factory.cut.parquet").is_empty()
    code, stdout, _ = run("check-export", *subset, "--for", "llama-factory", "--json")
    found = json.loads(stdout)["llama-factory"]
    assert (code, found["rows"], found["kept"], found["lost"]) == (1, 12, 11, 1)
    assert run("check-export", *subset, "--for", "trl")[0] == 0


def test_a_limit_is_counted_in_the_tokens_of_the_tokenizer_that_is_named(chosen, tmp_path):
    subset, folder = chosen(), save_chat_tokenizer(tmp_path / "tokenizer", CHATML)
    asked = ("check-export", *subset, "--for", "trl", "--tokenizer", folder, "--max-tokens", "30", "--json")
    code, stdout, stderr = run(*asked)
    assert code == 0, stderr
    found = json.loads(stdout)["trl"]
    assert (found["cut"], found["max_tokens"]) == (12, 30)
    assert found["tokenizer"].startswith("tokenizer @ sha256:")
    assert {line["kept_tokens"] for line in found["examples"]["cut"]} == {30}


def test_what_cannot_be_asked_says_what_can(chosen):
    subset = chosen()
    code, _, stderr = run("check-export", *subset, "--for", "alpaca")
    assert code == 2
    assert "unknown format 'alpaca': expected some of llama-factory, trl" in stderr
    code, _, stderr = run("check-export", *subset, "--for", "trl", "--max-tokens", "30")
    assert code == 2
    assert "--max-tokens needs --tokenizer" in stderr

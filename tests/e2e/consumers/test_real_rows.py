"""Rows of open datasets with tools, system prompts and reasoning: every trainer loads as many as were chosen."""

import pytest

from mig_dagster.stages.export_subset import export_subset
from tests.cli.running import run
from tests.shared_data import shared

pytestmark = pytest.mark.e2e

FILES = ("glaive_toolcall_en_demo.json.gz", "reason_tool_use_demo_50.jsonl", "v1_sft_demo.jsonl")
ROWS = 150
DATASET = {"kind": "parquet", "max_length": 100_000, "sequence_len": 100_000}


@pytest.mark.parametrize(("name", "form"), [("llama_factory", "llama-factory"), ("trl", "trl"), ("axolotl", "axolotl")])
def test_real_rows_are_loaded_in_full_by_the_trainer_and_by_its_dry_run(name, form, real, chat_model, tmp_path):
    pool = [shared(f"data/llamafactory/{file}") for file in FILES]
    where = ("--output", tmp_path / "subset", "--home", tmp_path / "home")
    code, _, stderr = run("select", *pool, "--method", "random", "--budget", ROWS, *where)
    assert code == 0, stderr
    [made] = export_subset(str(tmp_path / "subset"), tmp_path / "out", formats=[form], home=str(tmp_path / "home"))
    assert run("check-export", tmp_path / "subset", "--for", form, "--home", tmp_path / "home")[0] == 0
    case = {"model": str(chat_model), "name": made.name, "folder": str(made.folder), "template": "qwen"}
    case |= DATASET | {"cutoff_len": 100_000, "data": str(made.folder / made.data[0]), "dataset": made.registration}
    [found] = real(name, [case])
    assert "error" not in found, found
    assert len(found["texts"]) == ROWS

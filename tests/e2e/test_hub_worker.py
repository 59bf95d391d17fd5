"""A gated dataset in the process of a real run: the token of the environment reaches it, and is kept nowhere."""

import os
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest
import yaml

from assets.partitions import source_partitions
from tests.dag.tiny import TinyProject
from tests.e2e.conftest import CHECKOUT

TOKEN = "hf_a_token_of_this_test"


@pytest.mark.e2e
def test_a_run_reads_a_gated_dataset_with_the_token_of_the_environment(hub, tmp_path):
    rows = '{"instruction": "a", "output": "b"}\n' * 3
    sha = hub.commit("org/rows", {"train.jsonl": rows}, gated="manual")
    hub.tokens[TOKEN] = {"org/rows"}
    place = TinyProject(tmp_path, encoder=Path("unused"))
    place.registry.write_text(yaml.safe_dump({"sources": [{"name": "gated", "uri": "hf://datasets/org/rows"}]}))
    dagster_home = tmp_path / "dagster_home"
    dagster_home.mkdir()
    with dg.DagsterInstance.from_config(str(dagster_home), config_filename="none.yaml") as instance:
        instance.add_dynamic_partitions(str(source_partitions.name), ["gated"])
    paths = {"DAGSTER_HOME": dagster_home, "MIG_HOME": tmp_path / "home", "MIG_SOURCES": place.registry}
    environment = os.environ | {name: str(path) for name, path in paths.items()} | {"HF_TOKEN": TOKEN}
    command = ["asset", "materialize", "--select", "raw_pool", "--partition", "gated", "-m", "mig_dagster.definitions"]
    done = subprocess.run(
        [sys.executable, "-m", "dagster", *command], cwd=CHECKOUT, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]
    manifest = place.home.lake.current("raw_pool", "gated")
    assert (manifest.info["revision"], manifest.info["accepted"]) == (sha, 3)
    assert {request.token for request in hub.requests if "org/rows" in request.path} == {TOKEN}
    kept = [path for path in tmp_path.rglob("*") if path.is_file() and TOKEN.encode() in path.read_bytes()]
    assert kept == []
    assert TOKEN not in done.stdout + done.stderr

"""What is exported for whom: the asset's options, and what they leave in the home."""

import json

import pytest

from mig_dagster.export import lines
from tests.cli.running import run
from tests.dag.tiny import failure, materialise, materialise_all


@pytest.fixture
def exported(place, instance):
    materialise_all(place, instance)

    def again(**config):
        return materialise(place, instance, "subset_export", config={"subset_export": config} if config else None)

    return again


def files(place, subset="mig_subset"):
    folder = place.folder / "home/exports" / subset
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_formats_and_the_subset_are_options_and_what_is_no_longer_asked_for_goes(place, instance, exported):
    assert failure(exported(formats=["hf"])) == ""
    names = set(files(place))
    assert {"train.jsonl", "hf/data/train-00000-of-00001.parquet", "hf/README.md"} <= names
    assert not any(name.startswith(("llama-factory/", "trl/")) for name in names)
    assert failure(materialise(place, instance, "longest_subset")) == ""
    assert failure(exported(subset="longest_subset", formats=["jsonl"])) == ""
    assert {"train.jsonl", "jsonl/longest_subset.jsonl"} <= set(files(place, "longest_subset"))
    lock = json.loads(files(place, "longest_subset")["selection.lock.json"])
    assert (lock["method"], lock["kept"]["asset"]) == ("longest", "longest_subset")
    assert set(files(place)) == names


def test_the_ui_shows_how_to_train(place, exported):
    (made,) = exported().asset_materializations_for_node("subset_export")
    (command,) = made.metadata["train"].value["llama-factory"]
    assert command.startswith("llamafactory-cli train ")
    assert command.endswith("exports/mig_subset/llama-factory/mig_subset.train.yaml")
    assert "left_out" not in made.metadata


def test_what_does_not_read_back_replaces_no_file(place, exported, monkeypatch):
    before = files(place)
    monkeypatch.setattr(lines, "json_line", lambda record: b'{"messages": []}\n')
    assert "not published: reread_count: rows differ in train.jsonl, llama-factory" in failure(exported())
    assert files(place) == before


def test_a_format_or_a_subset_that_is_not_there_says_what_there_is(exported):
    assert "unknown format 'alpaca': expected some of llama-factory, trl" in failure(exported(formats=["alpaca"]))
    assert "no subset 'deita_subset': expected" in failure(exported(subset="deita_subset"))


def test_a_published_subset_is_exported_by_its_name(place, exported, tmp_path):
    code, stdout, stderr = run("export", "mig", "--home", place.home.root, "--to", "hf", "--output", tmp_path / "out")
    assert code == 0, stderr
    assert "hf upload YOUR_NAME/YOUR_DATASET" in stdout
    lock = json.loads((tmp_path / "out/hf/selection.lock.json").read_text())
    published = json.loads(files(place)["selection.lock.json"])
    changed = {name for name in lock if lock[name] != published[name]}
    assert (set(lock), changed) == (set(published), {"files", "lock_sha256"})

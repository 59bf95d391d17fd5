"""What is exported for whom: the asset's options, and what they leave in the home."""

import json

import pytest

from mig_dagster.export import lines
from tests.cli.running import run
from tests.dag.tiny import failure, materialise, materialise_all, messages


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


def two_questions(place):
    """Put a row that asks twice before its answer into the notes, so that it is among the first of the longest."""
    asked = [{"role": "user", "content": "Hello?"}, {"role": "user", "content": "Anybody there?"}]
    notes = [messages(i) for i in range(17)]
    place.write("notes", [*notes, {"messages": [*asked, {"role": "assistant", "content": "Here I am. " * 99}]}])


def test_a_row_that_a_trainer_would_lose_is_named_with_the_remedies_and_each_of_them_works(place, instance):
    two_questions(place)
    materialise_all(place, instance)
    assert failure(materialise(place, instance, "longest_subset")) == ""

    def again(**config):
        return materialise(
            place, instance, "subset_export", config={"subset_export": {"subset": "longest_subset"} | config}
        )

    lost = again()
    said = failure(lost)
    assert "no_row_lost: llama-factory would lose 1 of 4 rows: turn_order in 1 (after an optional system turn," in said
    assert (
        "first at rank 1: not in the file; its turns: user, user, assistant). Either leave llama-factory out of" in said
    )
    assert "or name turn_order in may_leave_out to publish without these rows" in said
    (check,) = [each for each in lost.get_asset_check_evaluations() if each.check_name == "no_row_lost"]
    assert "| llama-factory | 1 | turn\\_order |" in check.metadata["lost_rows"].value
    assert "notes.jsonl:000000018" in check.metadata["lost_rows"].value.replace("\\", "")
    assert files(place, "longest_subset") == {}

    assert failure(again(formats=["trl"])) == ""
    assert not any(name.startswith("llama-factory/") for name in files(place, "longest_subset"))
    assert failure(again(may_leave_out=["turn_order"])) == ""
    published = files(place, "longest_subset")
    assert len(published["train.jsonl"].splitlines()) == 4
    assert len(published["llama-factory/longest_subset.jsonl"].splitlines()) == 3
    (listed,) = map(json.loads, published["llama-factory/longest_subset.left_out.jsonl"].splitlines())
    assert (listed["rank"], listed["source"], listed["reason"]) == (1, "notes", "turn_order")
    assert "no_row_lost: llama-factory would lose" in failure(again(may_leave_out=["text_like_markup"]))

    place.options.write_text(place.options.read_text() + "subset_export: {may_leave_out: [turn_order]}\n")
    assert failure(again()) == ""
    assert "unknown reason 'turns': `mig-dagster check-export` names" in failure(again(may_leave_out=["turns"]))

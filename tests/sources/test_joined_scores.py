"""Scores in a file of their own: pinned with the source, joined by id, and refused where they do not fit."""

import json

import pytest

from mig_dagster.annotations.annotator import Row
from mig_dagster.annotations.imports import quality_imports
from mig_dagster.conversation import from_dicts
from mig_dagster.pool import ingest
from mig_dagster.sources import Source, SourceFileError, files_of, load_registry, resolve
from mig_dagster.storage import Lake, Store
from tests.shared_data import shared


@pytest.fixture
def lake(tmp_path):
    return Lake(Store(tmp_path / "home"))


def lines(*records):
    return "\n".join(each if isinstance(each, str) else json.dumps(each) for each in records)


def scored(tmp_path, scores, *, ids=(1, "b", 3), record=None):
    """A source of three plain records and its scores."""
    rows = [{"instruction": f"ask {i}", "output": "ok", "id": key, **(record or {})} for i, key in enumerate(ids)]
    (tmp_path / "rows.jsonl").write_text(lines(*rows))
    (tmp_path / "scores.jsonl").write_text(scores)
    return Source("mine", str(tmp_path / "rows.jsonl"), scores=str(tmp_path / "scores.jsonl"))


def metas(lake, source):
    manifest = ingest(source, resolve(source), lake)
    return [json.loads(meta) for meta in lake.scan_versions([manifest]).collect()["meta"]], manifest.info


@pytest.mark.parametrize("record", [{}, {"extra": [1]}], ids=["plain", "nested"])
def test_scores_become_columns_of_the_record_with_their_id(tmp_path, lake, record):
    scores = lines({"id": "b", "scores": {"Q": 5}}, "", {"id": "1", "scores": {"Q": 7}}, {"id": 99, "scores": {"Q": 1}})
    found, info = metas(lake, scored(tmp_path, scores, record=record))
    assert found == [
        {"id": 1, "scores": {"Q": 7}, **record},
        {"id": "b", "scores": {"Q": 5}, **record},
        {"id": 3, **record},
    ]
    assert info["scores"] == {"ids": 3, "joined": 2}
    assert (info["records"], info["accepted"]) == (3, 3)


def test_a_column_of_the_records_own_makes_room(tmp_path, lake):
    source = scored(tmp_path, lines({"id": 1, "QA_scores": {"IFD": 0.5}}), record={"QA_scores": {"IFD": None}})
    found, _ = metas(lake, source)
    assert found[0] == {"id": 1, "QA_scores": {"IFD": 0.5}, "source_QA_scores": {"IFD": None}}


def test_new_scores_are_a_new_revision_and_no_file_to_read_rows_from(tmp_path, lake):
    source = scored(tmp_path, lines({"id": 1, "score": 1}))
    assert [file.relative for file in files_of(source)] == ["rows.jsonl"]
    before = resolve(source)
    assert [file.path for file in before.files] == ["rows.jsonl", "scores:scores.jsonl"]
    (tmp_path / "scores.jsonl").write_text(lines({"id": 1, "score": 2}))
    assert resolve(source, before).id != before.id
    assert resolve(Source("mine", source.uri)).id != before.id


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        (lines({"id": 7, "score": 1}), "has 1 ids, and none of the 3 accepted records has one as its `id`"),
        (lines({"id": 1, "a": 1}, {"id": "1", "a": 2}), "record 2: says something else of id '1' than a record before"),
        (lines({"score": 1}), "record 1: has no `id` that is a number or text"),
        (lines({"id": None, "score": 1}), "record 1: has no `id`"),
        (lines({"id": 1, "score": 1}, [1]), "record 2: is no object with scores: a list"),
        (lines({"id": 1, "score": 1}, "{broken"), "record 2: is no object with scores: "),
        ("", "holds no record"),
    ],
)
def test_scores_that_do_not_fit_fail_their_source(tmp_path, lake, scores, message):
    source = scored(tmp_path, scores)
    with pytest.raises(SourceFileError, match=message):
        ingest(source, resolve(source), lake)


def test_scores_said_twice_alike_are_one(tmp_path, lake):
    _, info = metas(lake, scored(tmp_path, lines({"id": 1, "a": 1}, {"a": 1, "id": "1"})))
    assert info["scores"] == {"ids": 1, "joined": 1}


def test_scores_that_are_not_there_are_named(tmp_path):
    source = scored(tmp_path, "")
    (tmp_path / "scores.jsonl").unlink()
    with pytest.raises(SourceFileError, match=r"scores\.jsonl: is no file"):
        resolve(source)


def test_a_dataset_on_the_hub_takes_no_scores_from_elsewhere():
    with pytest.raises(SourceFileError, match="`scores` can be said of other files only"):
        resolve(Source("hub", "hf://datasets/org/rows", scores="a.jsonl"))


def test_the_registry_names_scores_as_seen_from_its_folder(tmp_path):
    path = tmp_path / "sources.yaml"
    path.write_text("sources:\n  - {name: a, uri: rows.jsonl, scores: more/scores.jsonl}\n")
    assert load_registry(path)["a"].scores == str(tmp_path / "more/scores.jsonl")
    password = "secret"  # in two pieces: no file holds anything like a key
    path.write_text(f"sources:\n  - {{name: a, uri: rows.jsonl, scores: 's3://me:{password}@host/b'}}\n")
    with pytest.raises(ValueError, match="`scores` holds a password"):
        load_registry(path)


def test_the_real_scores_of_opendataarena_join_their_rows_whatever_the_order(lake):
    folder = shared("data/annotated")
    source = Source(
        "arena",
        str(folder / "oda_example_input.jsonl.gz"),
        scores=str(folder / "oda_example_input_scored.jsonl"),
    )
    manifest = ingest(source, resolve(source), lake)
    assert manifest.info["scores"] == {"ids": 1000, "joined": 1000}
    (imported,) = quality_imports("imported:scores.QA.All.Correctness", "turn_mean", lambda scores: scores[0])
    rows = lake.scan_versions([manifest]).collect().iter_rows(named=True)
    scores = {}
    for line in rows:
        meta = json.loads(line["meta"])
        row = Row(line["row_id"], from_dicts(line["messages"], line["tools"]), meta)
        scores[meta["id"]] = imported.read(row)["score"]
    assert len(scores) == 1000
    assert (scores[0], scores[986]) == (10.0, 9.0)
    assert sum(scores.values()) / 1000 == pytest.approx(9.297)

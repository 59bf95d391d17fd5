"""Annotations that came with the rows of one source, from its files to the tables of every source with such rows."""

import json
from functools import partial

import polars as pl
import pytest

from mig_dagster.annotations import Annotator, FragmentCache
from mig_dagster.annotations.ifd import ifd_rows
from mig_dagster.annotations.imports import TAG_IMPORTS, ifd_imports, imported_first, not_scored
from mig_dagster.annotations.models import CausalLanguageModel, ModelSpec
from mig_dagster.annotations.quality import ImportedScorer, LexicalScorer, score_rows
from mig_dagster.pool import ingest
from mig_dagster.sources import Source, resolve
from mig_dagster.stages.annotate import annotate_source
from mig_dagster.storage import Lake, Store
from tests.shared_data import shared

ANNOTATED = {
    "dialogs": [{"role": "user", "content": "sing"}, {"role": "assistant", "content": "la la"}],
    "annotation": {"deita": {"quality_scores": [3.0], "complexity_scores": [2.0]}},
}
COPY = {"instruction": "sing", "output": "la la"}
OTHER = {"instruction": "dance", "output": "one two three"}
NOBODY = Annotator("nobody", "none")


@pytest.fixture
def project(tmp_path):
    lake, cache = Lake(Store(tmp_path)), FragmentCache(Store(tmp_path))

    def score(name, path, scorer):
        return annotated(name, path, "quality_scores", ["score"], partial(score_rows, scorer=scorer, cache=cache))

    def annotated(name, path, signal, values, annotate):
        source = Source(name, str(path))
        rows = lake.scan_versions([ingest(source, resolve(source), lake)])
        manifest = annotate_source(lake, signal, name, rows, annotate, values=values)
        return manifest.info, lake.scan_versions([manifest]).collect()

    score.annotated, score.cache = annotated, cache
    return score


def written(folder, name, *records):
    path = folder / f"{name}.jsonl"
    path.write_text("\n".join(map(json.dumps, records)))
    return path


def test_a_score_that_came_with_one_sources_copy_serves_the_copy_in_another(project, tmp_path):
    scorer = ImportedScorer("deita")
    theirs, rows = project("pool", written(tmp_path, "pool", ANNOTATED), scorer)
    assert rows["score"].to_list() == [6.0]
    info, rows = project("plain", written(tmp_path, "plain", COPY, OTHER), scorer)
    assert rows["score"].to_list() == [6.0, None]
    assert rows["flag"].to_list() == [None, "not_scored"]
    assert info["speakers"] == theirs["speakers"]
    assert info["flags"] == {"not_scored": 1}


def test_a_source_that_was_scored_before_the_one_with_the_scores_gets_them_when_it_is_scored_again(project, tmp_path):
    scorer, plain = ImportedScorer("deita"), written(tmp_path, "plain", COPY)
    assert project("plain", plain, scorer)[0]["flags"] == {"not_scored": 1}
    project("pool", written(tmp_path, "pool", ANNOTATED), scorer)
    assert project("plain", plain, scorer)[1]["score"].to_list() == [6.0]


def test_imported_scores_of_one_scorer_never_serve_another(project, tmp_path):
    project("pool", written(tmp_path, "pool", ANNOTATED), ImportedScorer("deita"))
    info, rows = project("plain", written(tmp_path, "plain", COPY), LexicalScorer())
    assert info["provenance"] == {"computed": 1}
    assert rows["score"][0] != 6.0


def test_cars_scores_serve_their_copies_in_alpaca(project):
    """172 conversations of the released CaR file also stand in the random 9k of Alpaca."""
    scorer = ImportedScorer("iqs")
    info, car = project("car", shared("data/annotated/car_selected_result.json"), scorer)
    assert info["provenance"] == {"imported": 1013}
    assert info["flags"] == {}
    assert car["score"].sort(descending=True)[:2].to_list() == pytest.approx([1.532609, 1.517220], abs=1e-6)
    info, alpaca = project("alpaca", shared("data/alpaca/alpaca_random_9k.json.gz"), scorer)
    assert sum(info["speakers"]["imported"].values()) == 172
    assert info["flags"] == {"not_scored": alpaca.height - 172}
    both = alpaca.drop_nulls("score").join(car, on="row_id", suffix=" of car")
    assert both.height == 172
    assert both.select((pl.col("score") == pl.col("score of car")).all()).item()


def test_the_xsample_example_brings_tags_and_scores_of_its_nine_rows(project):
    path = shared("data/annotated/xsample_example.jsonl")
    info, rows = project("deita", path, ImportedScorer("deita"))
    assert (info["provenance"], info["flags"]) == ({"imported": 9}, {})
    reference = [7.283683, 5.960247, 7.200770, 15.315029, 14.336861, 13.747663, 10.035537, 12.429288, 5.423317]
    assert rows["score"].to_list() == pytest.approx(reference, abs=1e-6)
    tagger = partial(imported_first, imports=TAG_IMPORTS, rest=not_scored(NOBODY, {"tags": []}), cache=project.cache)
    info, rows = project.annotated("tags", path, "tags", ["tags"], tagger)
    assert info["provenance"] == {"imported": 9}
    assert rows["tags"].list.len().to_list() == [3, 3, 4, 7, 6, 3, 7, 1, 5]


def test_ratios_of_a_named_model_are_taken_and_the_other_rows_computed(project, tmp_path, tiny_llama):
    """A row that brought one ratio has no other numbers, whatever their type."""
    path = written(tmp_path, "pool", ANNOTATED | {"ifd_score": {"version": 1, "content": 0.75}})
    plain = written(tmp_path, "plain", COPY, OTHER)
    model = CausalLanguageModel(ModelSpec(str(tiny_llama), max_tokens=64))
    compute = partial(ifd_rows, model=model, cache=project.cache)
    score = partial(imported_first, imports=ifd_imports("theirs"), rest=compute, cache=project.cache)
    columns = ["ifd_loss", "ifd_ppl", "answer_tokens", "truncated"]
    _, rows = project.annotated("pool", path, "ifd_scores", columns, score)
    assert rows.select(columns).rows() == [(None, 0.75, None, None)]
    info, rows = project.annotated("plain", plain, "ifd_scores", columns, score)
    assert rows["provenance"].to_list() == ["imported", "computed"]
    assert rows["ifd_ppl"][0] == 0.75
    assert rows.select(pl.all().last().is_not_null()).drop("flag").row(0) == (True,) * (len(rows.columns) - 1)
    assert info["flags"] == {}

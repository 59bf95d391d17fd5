"""Files in, a comparison out: what cannot be measured is null and said, what fails has a line."""

import json
import re

import polars as pl
import pytest

from mig_dagster.annotations import FragmentCache
from mig_dagster.sources import Source
from mig_dagster.stages.compare.from_files import compare_files, notes_of
from mig_dagster.stages.pool_options import EncoderOptions, PoolOptions
from mig_dagster.storage import Lake, Store


@pytest.fixture
def compare(tmp_path, tiny_model):
    def run(methods, settings=None, **changes):
        path = tmp_path / "one.jsonl"
        path.write_text(json.dumps({"instruction": "sing", "output": "la la"}) + "\n")
        return compare_files(
            [Source("one", str(path))],
            tmp_path / "out",
            methods=methods,
            budget="1",
            settings=settings or {},
            options=PoolOptions(encoder=EncoderOptions(model=str(tiny_model)), **changes),
            cache=FragmentCache(Store(tmp_path / "cache")),
            lake=Lake(Store(tmp_path / "lake")),
            models=tmp_path / "cache",
            on_progress=lambda what, done, total: None,
        )

    return run


def test_without_a_label_the_measures_of_labels_are_null_and_a_note_says_why(compare):
    made = compare(["longest", "zip"])
    rows = made.tables["rows"]
    assert rows["name"].to_list() == ["longest", "zip", "balanced_random"]
    for measure in ("labels_covered", "labels_in_pool", "information"):
        assert rows[measure].null_count() == rows.height
    assert rows["tokens"].null_count() == 0
    [note] = [note for note in notes_of(made) if "null" in note]
    assert note.startswith("Measures of labels are null: the vocabulary has no label: lower min_count")


def test_a_method_that_needs_labels_says_where_to_set_what_gives_them(compare):
    made = compare(["longest", "mig"])
    assert list(made.failures) == ["mig"]
    assert re.search(r"no label: .*--config with `label_vocabulary: \{min_count: 1\}`", made.failures["mig"])
    assert made.tables["rows"].filter(pl.col("error").is_null())["name"].to_list() == ["longest", "balanced_random"]


def test_a_method_that_reads_tags_alone_runs_without_a_label(compare):
    made = compare(["instag"])
    assert made.failures == {}
    assert made.tables["rows"].row(by_predicate=pl.col("name") == "instag", named=True)["labels_covered"] == 0


def test_a_baseline_that_failed_with_its_options_is_not_tried_again(compare):
    made = compare(["longest", "balanced_random"], {"balanced_random": {"seed": 1.5}})
    assert list(made.failures) == ["balanced_random"]
    assert made.tables["rows"]["name"].to_list() == ["longest", "balanced_random"]
    assert made.tables["rows"]["error"].null_count() == 1


def test_a_share_that_is_none_is_refused_before_anything_is_read(compare):
    with pytest.raises(ValueError, match=r"max_null_share must be a number in 0\.\.1, got nan"):
        compare(["longest"], max_null_share=float("nan"))

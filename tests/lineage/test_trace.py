"""One row's whole story."""

import pytest

from mig_dagster.lineage import publish_catalog, trace, trace_home
from tests.lineage.small_home import ADD, ADD_LOUD, EMPTY, REGISTRY, SING, SOURCES, SQL, Home, chat, fill, fill_source


def story(home, row_id):
    return trace(home.catalog, home.lake, row_id)


def test_a_row_says_where_it_came_from(home):
    found = story(home, ADD.row_id)
    assert found["row_id"] == ADD.row_id
    assert found["messages"] == [{"role": "user", "content": "Add 1 and 2."}, {"role": "assistant", "content": "3"}]
    assert (found["n_turns"], found["n_chars"], found["tools"]) == (1, 13, None)
    first, second = found["found_in"]
    assert first == {
        "source": "a",
        "origin": "a.jsonl:000000001",
        "uri": "a.jsonl",
        "licence": "MIT",
        "revision": "rev-a",
        "registered": True,
        "removed_at": None,
        "in_pool": False,
        "meta": {"topic": "a"},
    }
    assert (second["source"], second["uri"], second["in_pool"]) == ("b", "b/*.json", True)
    assert second["meta"] == {"topic": "b"}  # the other columns of a record belong to its place, not to the text


def test_annotations_spell_their_annotator_out(home):
    by_signal = {line["signal"]: line for line in story(home, ADD.row_id)["annotations"]}
    assert by_signal["tags"] == {
        "signal": "tags",
        "value": ["addition", "maths"],
        "flag": None,
        "provenance": "computed",
        "sources": ["a", "b"],
        "annotator": {
            "fingerprint": "t" * 16,
            "name": "tags",
            "model": "tagger",
            "revision": "1",
            "prompt_version": None,
            "parameters": {"top": 3},
        },
    }
    assert by_signal["quality_scores"]["value"] == 2.0
    assert by_signal["row_embeddings"]["annotator"]["fingerprint"] == "e" * 16


def test_what_has_no_value_says_why(home):
    flags = {line["signal"]: (line["value"], line["flag"]) for line in story(home, EMPTY.row_id)["annotations"]}
    assert flags["tags"] == flags["quality_scores"] == (None, "empty_output")


def test_tags_are_followed_to_labels(home):
    assert story(home, SQL.row_id)["labels"] == [
        {"tag": "rare", "label": None, "step": "rare"},
        {"tag": "sql", "label": "sql", "step": "kept"},
    ]


def test_a_kept_row_names_the_rows_it_stands_for(home):
    duplicates = story(home, ADD.row_id)["duplicates"]
    assert duplicates["kept_instead"] is None
    assert [(row["kind"], row["source"], row["origin"]) for row in duplicates["stands_for"]] == [
        ("exact", "a", "a.jsonl:000000001"),
        ("normalised", "a", "a.jsonl:000000003"),
    ]


def test_a_row_removed_as_a_duplicate_names_the_one_that_stayed(home):
    found = story(home, ADD_LOUD.row_id)
    kept = {"kind": "normalised", "source": "b", "origin": "b.jsonl:000000001", "row_id": ADD.row_id}
    assert found["duplicates"] == {"stands_for": [], "kept_instead": kept}
    assert {line["why"] for line in found["subsets"]} == {f"the pool has {ADD.row_id} instead"}


def test_subsets_give_rank_and_gain_or_why_not(home):
    assert story(home, SQL.row_id)["subsets"] == [
        {"subset": "car_subset", "chosen": False, "why": "considered, not chosen"},
        {
            "subset": "mig_subset",
            "chosen": True,
            "rank": 2,
            "gain": 0.5,
            "score": 3.0,
            "labels": ["sql"],
            "why": "Raised sql.",
        },
        {"subset": "random_subset", "chosen": False, "why": "considered, not chosen"},
    ]
    assert {line["subset"]: line["why"] for line in story(home, EMPTY.row_id)["subsets"]} == {
        "car_subset": "considered, not chosen",
        "mig_subset": "excluded: quality_scores: empty_output",
        "random_subset": "considered, not chosen",
    }


def test_the_runs_that_made_it_are_those_of_its_sources_and_of_all(home):
    runs = story(home, SING.row_id)["runs"]
    assert {run["partition"] for run in runs} == {"a", None}
    assert {run["run_id"] for run in runs} >= {"run-raw_pool-a", "run-tags-a", "run-pool-None", "run-mig_subset-None"}


def test_a_few_digits_are_enough_when_they_are_unique(home):
    assert story(home, SQL.row_id[:5])["row_id"] == SQL.row_id
    assert trace_home(home.store.root, SQL.row_id[:5]) == story(home, SQL.row_id)


def test_a_place_names_a_row_or_a_rejected_record(home):
    assert story(home, "b/b.jsonl:000000002") == story(home, SQL.row_id)
    rejected = story(home, "a/a.jsonl:000000099")
    assert rejected["row_id"] is None
    assert rejected["rejected"] == {
        "source": "a",
        "origin": "a.jsonl:000000099",
        "reason": "empty_answer",
        "detail": "no text",
        "raw": "{}",
    }
    assert [run["run_id"] for run in rejected["runs"]] == ["run-raw_pool-a"]


def test_what_cannot_be_found_says_what_to_do(home):
    with pytest.raises(LookupError, match="no row has an id that begins with 'ffffffff': look it up in a subset"):
        story(home, "ffffffff")
    for text in ("", "xyz", "A" * 32, "0" * 33):
        with pytest.raises(LookupError, match=f"row_id={text!r}: expected up to 32 hex digits"):
            story(home, text)
    with pytest.raises(LookupError, match=r"source 'a' has no record at 'x:1', accepted or rejected: an origin is"):
        story(home, "a/x:1")


def test_too_few_digits_name_the_candidates(tmp_path):
    home = Home(tmp_path)
    fill_source(home, "a", [chat(f"question {i}", "answer") for i in range(100)])
    publish_catalog(home.lake, home.ledger, REGISTRY)
    with pytest.raises(LookupError, match=r"several rows begin with 'a': a\w{31}, .* \.\.\.: give more digits"):
        story(home, "a")


def test_a_home_without_a_catalog_says_what_to_do(tmp_path):
    with pytest.raises(LookupError, match="materialise lineage_catalog first"):
        trace_home(tmp_path, "ab")


def test_a_row_that_left_the_lake_since_still_has_a_story(tmp_path):
    home = fill(Home(tmp_path))
    publish_catalog(home.lake, home.ledger, REGISTRY)
    fill_source(home, "b", [conversation for conversation in SOURCES["b"] if conversation != SQL])
    found = story(home, SQL.row_id)
    assert found["messages"] is None
    assert found["found_in"][0]["source"] == "b"

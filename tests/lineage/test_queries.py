"""Every example query answers its question on a small catalog."""

import pytest

from mig_dagster.lineage.queries import ask, questions
from tests.lineage.small_home import ADD, SING, SQL

DIGITS = ADD.row_id[:6]
ANSWERS = {
    "where_a_row_came_from": (
        ["source", "origin", "licence", "revision", "in_pool"],
        [("a", "a.jsonl:000000001", "MIT", "rev-a", False), ("b", "b.jsonl:000000001", None, "rev-b", True)],
    ),
    "who_duplicates_whom": (
        ["source", "kept_source", "kind", "rows"],
        [("a", "a", "exact", 1), ("a", "b", "exact", 1), ("a", "b", "normalised", 1)],
    ),
    "label_coverage_per_source": (
        ["source", "rows", "labels", "share_of_labels", "rows_without_label"],
        [("a", 3, 2, 0.6667, 1), ("b", 3, 2, 0.6667, 1)],
    ),
    "score_statistics_per_source": (
        ["source", "rows", "scored", "lowest", "median", "highest", "mean", "flags"],
        [("a", 3, 3, 2.0, 3.0, 4.0, 3.0, None), ("b", 3, 2, 2.0, 2.5, 3.0, 2.5, ["empty_output"])],
    ),
    "source_mix_of_pool_and_subsets": (
        ["part", "source", "rows", "share"],
        [
            ("car_subset", "b", 1, 1.0),
            ("mig_subset", "b", 2, 1.0),
            ("pool", "b", 3, 0.75),
            ("pool", "a", 1, 0.25),
            ("random_subset", "b", 1, 1.0),
        ],
    ),
    "methods_beside_random": (
        ["subset", "measure", "value", "random_mean", "deviations"],
        [
            ("car_subset", "information", 5.0, 4.0, 2.0),
            ("random_subset", "information", 3.0, 4.0, -2.0),
            ("mig_subset", "information", 7.5, 6.0, None),  # all random subsets of that size have the same
        ],
    ),
    "rows_that_only_one_method_chose": (
        ["subset", "rank", "row_id", "origin"],
        [
            ("car_subset", 1, SING.row_id, "b.jsonl:000000002"),
            ("mig_subset", 2, SQL.row_id, "b.jsonl:000000002"),
        ],
    ),
    "rejected_by_reason": (
        ["source", "reason", "records", "first_origin", "first_detail"],
        [
            ("a", "empty_answer", 1, "a.jsonl:000000099", "no text"),
            ("b", "empty_answer", 1, "b.jsonl:000000099", "no text"),
        ],
    ),
    "labels_most_connected": (
        ["label", "neighbours", "weight", "nearest"],
        [("sql", 2, 1.4, "maths"), ("maths", 1, 0.9, "sql"), ("song", 1, 0.5, "sql")],
    ),
    "imported_and_computed": (
        ["signal", "source", "imported", "computed", "missing"],
        [
            ("quality_scores", "a", 1, 2, 0),
            ("quality_scores", "b", 0, 2, 1),
            ("row_embeddings", "a", 0, 3, 0),
            ("row_embeddings", "b", 0, 3, 0),
            ("tags", "a", 1, 2, 0),
            ("tags", "b", 0, 2, 1),
        ],
    ),
    "what_subsets_share": (
        ["subset", "other", "shared", "share_of_subset"],
        [("mig_subset", "random_subset", 1, 0.5)],
    ),
    "sources_and_their_state": (
        ["source", "registered", "removed_at", "revision", "rows", "rejected", "in_pool"],
        [("a", True, None, "rev-a", 4, 1, 1), ("b", True, None, "rev-b", 3, 1, 3)],
    ),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_the_answer_is_right(home, name):
    columns, expected = ANSWERS[name]
    found = ask(home.catalog, name, {"row_id": DIGITS} if name == "where_a_row_came_from" else None)
    assert found.select(columns).rows() == expected


def test_what_made_what_names_run_inputs_and_annotators(home):
    found = ask(home.catalog, "what_made_what")
    by_asset = {(line["asset"], line["partition"]): line for line in found.to_dicts()}
    assert len(by_asset) == 17
    assert by_asset["raw_pool", "a"]["inputs"] == '{"source_revisions": "r1"}'
    assert by_asset["tags", "a"]["annotators"] == ["tagger@1"]
    assert by_asset["pool", None]["annotators"] is None
    for (asset, partition), line in by_asset.items():
        assert line["run_id"] == f"run-{asset}-{partition}"


def test_every_query_begins_with_its_question_and_is_tested(home):
    assert set(questions()) == {*ANSWERS, "what_made_what"}
    assert all(question.endswith("?") for question in questions().values())


def test_a_query_that_does_not_exist_names_those_that_do(home):
    with pytest.raises(LookupError, match="query 'nope' does not exist: there are imported_and_computed, "):
        ask(home.catalog, "nope")

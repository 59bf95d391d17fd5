"""Alignment and choice: what a method gets, and what is said of what it chose."""

import warnings
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from mig_dagster.graph import Entry, Rule, Vocabulary
from mig_dagster.selection import METHODS, Selection, mig
from mig_dagster.stages.align import PoolFrames, align
from mig_dagster.stages.subset import SUBSET_SCHEMA, choose_subset
from mig_dagster.stages.tag_matrix import tag_matrix

LABELS = ["a", "b", "c"]
MIG = ("tags", "quality_scores", "label_graph")


def vocabulary(mapping):
    return Vocabulary(tuple(Entry(tag, 2, label, "kept") for tag, label in mapping.items()))


def frames(*, tags=None, scores=None, source=None, **changes):
    """A pool of six rows in two sources with tags and scores; the graph links a and b."""
    ids = [f"id{i}" for i in range(6)]
    tags = tags or [["a"], ["b", "x"], ["c", "C"], [], ["a", "b"], ["c"]]
    scores = scores or [3.0, 2.0, 5.0, 4.0, 1.0, 2.5]
    sources = ["s1"] * 3 + ["s2"] * 3
    columns = {} if source is None else {"source": source}
    pool = {"row_id": ids, "source": sources, "origin": [f"f:{i}" for i in range(6)]}
    edges = [(0, 0, 1.0), (1, 1, 1.0), (2, 2, 1.0), (0, 1, 0.9), (1, 0, 0.9)]
    given = {
        "pool": pl.LazyFrame(pool),
        "tags": pl.LazyFrame(
            {"row_id": ids, "tags": tags, "flag": [None if t is not None else "parse_failure" for t in tags]} | columns,
            schema_overrides={"flag": pl.String, "tags": pl.List(pl.String)},
        ),
        "quality_scores": pl.LazyFrame(
            {"row_id": ids, "score": scores, "flag": [None] * 6} | columns, schema_overrides={"flag": pl.String}
        ),
        "vocabulary": vocabulary({"a": "a", "b": "b", "c": "c", "C": "c", "x": None}),
        "edges": pl.LazyFrame(edges, schema=["row", "column", "weight"], orient="row"),
        "labels": pl.LazyFrame({"label": LABELS}),
    }
    return PoolFrames(**(given | changes))


def test_tags_become_a_matrix_of_labels_in_pool_order():
    aligned = align(frames(), MIG)
    dense = [[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 0], [1, 1, 0], [0, 0, 1]]
    assert aligned.arguments["tags"].toarray().tolist() == dense
    assert aligned.arguments["quality_scores"].tolist() == [3.0, 2.0, 5.0, 4.0, 1.0, 2.5]
    assert aligned.arguments["label_graph"].toarray()[0].tolist() == [1.0, 0.9, 0.0]
    assert set(aligned.arguments) == set(MIG)


def test_the_order_of_signals_does_not_matter():
    shuffled = frames()
    tags = shuffled.tags.reverse()
    aligned = align(replace(shuffled, tags=tags), MIG)
    assert aligned.arguments["tags"].toarray()[0].tolist() == [1, 0, 0]


def test_of_a_row_that_two_sources_annotate_the_pools_own_source_counts():
    given = frames(source=["s1"] * 3 + ["s2"] * 3)
    other = pl.LazyFrame(
        {"row_id": ["id0"], "tags": [["c"]], "flag": [None], "source": ["s2"]}, schema_overrides={"flag": pl.String}
    )
    aligned = align(replace(given, tags=pl.concat([other, given.tags])), MIG)
    assert aligned.arguments["tags"].toarray()[0].tolist() == [1, 0, 0]


def test_two_lines_for_one_row_are_an_error():
    given = frames()
    doubled = replace(given, tags=pl.concat([given.tags, given.tags]))
    with pytest.raises(ValueError, match="tags has 6 rows of the pool more than once: materialise tags again"):
        align(doubled, MIG)


def test_rows_without_a_signal_are_excluded_with_the_reason():
    given = frames(tags=[["a"], None, ["c"], [], ["a"], ["c"]], scores=[1.0, None, 1.0, None, 1.0, 1.0])
    aligned = align(given, MIG)
    assert aligned.excluded.rows() == [("id1", "s1", "tags: parse_failure"), ("id3", "s2", "quality_scores: missing")]
    assert aligned.rows["row_id"].to_list() == ["id0", "id2", "id4", "id5"]
    assert aligned.arguments["tags"].shape == (4, 3)


def test_a_row_that_was_never_annotated_is_excluded_as_missing():
    given = frames()
    aligned = align(replace(given, tags=given.tags.head(5)), MIG)
    assert aligned.excluded.rows() == [("id5", "s2", "tags: missing")]


def test_association_rules_delete_labels_that_others_imply():
    words = vocabulary({"a": "a", "b": "b", "c": "c"})
    ruled = Vocabulary(words.entries, (Rule(("a",), "b", 0.99, 40),))
    tags = pl.Series([["b", "a"], ["b"], [], ["c", "b", "a", "a"]])
    assert tag_matrix(tags, ruled, LABELS).toarray().tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 0], [1, 0, 1]]


def test_the_two_ways_to_a_matrix_agree():
    words = vocabulary(dict(zip("abcdef", "aabbcc", strict=True)))
    never = Vocabulary(words.entries, (Rule(("z",), "y", 0.99, 40),))
    rng = np.random.default_rng(0)
    tags = pl.Series([rng.choice(list("abcdefgh"), rng.integers(0, 6)).tolist() for _ in range(300)])
    plain, ruled = (tag_matrix(tags, given, LABELS) for given in (words, never))
    assert (plain.toarray() == ruled.toarray()).all()
    assert plain.has_canonical_format


def test_a_graph_older_than_the_vocabulary_is_refused():
    with pytest.raises(ValueError, match=r"label_graph lacks 1 labels of label_vocabulary \('c' first\): materialise"):
        tag_matrix(pl.Series([["a"]]), vocabulary({"a": "a", "c": "c"}), ["a", "b"])


def test_what_a_method_reads_must_be_there():
    with pytest.raises(ValueError, match="reads label_graph, which is not there: materialise label_graph first"):
        align(frames(edges=None), MIG)
    with pytest.raises(ValueError, match="no asset gives 'moods': there are tags, quality_scores, label_graph"):
        align(frames(), ("moods",))


def test_the_subset_is_what_the_method_chooses():
    given = frames()
    chosen = choose_subset("mig", given, budget="3", settings={"gain": "exact"})
    expected = mig(3, **align(given, MIG).arguments, gain="exact")
    assert chosen.rows.schema == SUBSET_SCHEMA
    assert chosen.rows["row_id"].to_list() == [f"id{i}" for i in expected.rows]
    assert chosen.rows["gain"].to_list() == expected.gains.tolist()
    assert chosen.rows["rank"].to_list() == [1, 2, 3]
    assert chosen.info["objective"] == expected.objective
    assert chosen.info["options"]["gain"] == "exact"
    assert chosen.info["options"]["phi_b"] == 0.8  # defaults are recorded too
    assert "device" not in chosen.info["options"]


def test_what_is_said_of_a_subset():
    info = choose_subset("mig", frames(), budget="50%").info
    assert (info["k"], info["rows"], info["pool_rows"], info["excluded"]) == (3, 3, 6, 0)
    assert info["pool_mix"] == {"s1": 3, "s2": 3}
    assert sum(info["source_mix"].values()) == 3
    assert info["labels"]["in_graph"] == 3
    assert [rank for rank, _ in info["gain_curve"]] == [1, 2, 3]
    assert info["gain_curve"][-1][1] == pytest.approx(choose_subset("mig", frames(), budget="50%").rows["gain"].sum())


def test_a_row_carries_its_labels_sorted():
    rows = choose_subset("mig", frames(), budget="6").rows
    assert rows.filter(row_id="id4")["labels"].to_list() == [["a", "b"]]
    assert rows.filter(row_id="id3")["labels"].to_list() == [[]]


def test_a_budget_above_the_pool_takes_everything_and_warns():
    chosen = choose_subset("mig", frames(), budget="1k")
    assert chosen.rows.height == 6
    assert "the budget asks for 1000 rows and 6 can be chosen: all 6 are" in chosen.info["warnings"]


def test_what_a_method_warns_of_is_kept_not_shown():
    with warnings.catch_warnings(record=True) as shown:
        chosen = choose_subset("mig", frames(), budget="1")
    assert shown == []
    assert any("gradient" in note for note in chosen.info["warnings"])


def test_other_warnings_are_passed_on(monkeypatch):
    def noisy(k, *, tags, quality_scores, label_graph):
        warnings.warn("something else", RuntimeWarning, stacklevel=1)
        return mig(k, tags=tags, quality_scores=quality_scores, label_graph=label_graph, gain="exact")

    monkeypatch.setitem(METHODS, "noisy", noisy)
    with pytest.warns(RuntimeWarning, match="something else"):
        choose_subset("noisy", frames(), budget="1")


def test_too_many_rows_without_a_signal_are_an_error():
    given = frames(tags=[["a"], None, ["c"], None, ["a"], ["c"]])
    with pytest.raises(
        ValueError,
        match=r"2 of 6 rows lack a signal \(tags: parse_failure 2\): more than max_null_share=0.01; annotate again",
    ):
        choose_subset("mig", given, budget="2")
    chosen = choose_subset("mig", given, budget="2", max_null_share=0.5)
    assert chosen.excluded.height == chosen.info["excluded"] == 2


@pytest.mark.parametrize("share", [5, -1, float("nan"), float("inf")])
def test_a_share_outside_its_range_is_refused(share):
    with pytest.raises(ValueError, match=rf"max_null_share must be a number in 0\.\.1, got {share}"):
        choose_subset("mig", frames(), budget="2", max_null_share=share)


def test_a_share_counts_the_rows_that_were_excluded_too():
    given = frames(tags=[["a"], None, ["c"], None, ["a"], ["c"]])
    assert choose_subset("mig", given, budget="50%", max_null_share=0.5).info["k"] == 3


def test_unknown_methods_and_options_are_refused():
    with pytest.raises(ValueError, match=r"unknown method 'magic': expected one of .*mig"):
        choose_subset("magic", frames(), budget="1")
    with pytest.raises(ValueError, match=r"method mig has no option 'gian': it has .*gain"):
        choose_subset("mig", frames(), budget="1", settings={"gian": "exact"})


def test_of_a_method_without_tags_no_labels_are_counted(monkeypatch):
    def first(k, *, row_ids):
        return Selection(np.arange(k), np.ones(k))

    monkeypatch.setitem(METHODS, "first", first)
    chosen = choose_subset("first", frames(), budget="2")
    assert chosen.info["labels"] == {"in_graph": None, "covered": None}
    assert chosen.rows["labels"].to_list() == [None, None]
    assert chosen.rows.schema == SUBSET_SCHEMA


def test_clusters_become_a_table_and_only_where_there_are_some(monkeypatch):
    def clustering(k, *, quality_scores):
        return Selection(np.arange(k), np.ones(k), clusters=np.arange(len(quality_scores)) // 2)

    monkeypatch.setitem(METHODS, "clustering", clustering)
    scores = [3.0, None, 5.0, 4.0, 1.0, 2.5]
    tables = choose_subset("clustering", frames(scores=scores), budget="2", max_null_share=0.5).tables()
    assert tables["clusters"].rows() == [("id0", 0), ("id2", 0), ("id3", 1), ("id4", 1), ("id5", 2)]
    of_mig = choose_subset("mig", frames(), budget="2").tables()
    assert set(of_mig) == {"rows", "excluded", "reasons", "label_gains"}


def test_a_method_gets_the_device_and_the_progress_it_takes_and_nothing_else(monkeypatch):
    told = []

    def slow(k, *, row_ids, device=None, on_progress=None):
        on_progress(1, k)
        return Selection(np.arange(k), np.full(k, float(device == "cpu")))

    monkeypatch.setitem(METHODS, "slow", slow)
    chosen = choose_subset("slow", frames(), budget="2", device="cpu", on_progress=lambda *done: told.append(done))
    assert chosen.rows["gain"].to_list() == [1.0, 1.0]
    assert told == [(1, 2)]
    assert choose_subset("mig", frames(), budget="2", on_progress=told.append).rows.height == 2


def test_the_seconds_of_a_method_are_not_part_of_what_is_stored():
    chosen = choose_subset("mig", frames(), budget="3")
    assert chosen.seconds > 0
    assert "seconds" not in chosen.info


def test_nothing_is_chosen_from_nothing():
    chosen = choose_subset("mig", frames(), budget="0")
    assert (chosen.rows.height, chosen.info["gain_curve"]) == (0, [])
    assert chosen.rows.schema == SUBSET_SCHEMA


def test_a_long_gain_curve_is_thinned_and_keeps_its_end():
    n = 1000
    ids = [f"{i:04d}" for i in range(n)]
    given = PoolFrames(
        pool=pl.LazyFrame({"row_id": ids, "source": ["s"] * n, "origin": ids}),
        tags=pl.LazyFrame(
            {"row_id": ids, "tags": [["a"]] * n, "flag": [None] * n}, schema_overrides={"flag": pl.String}
        ),
        quality_scores=pl.LazyFrame(
            {"row_id": ids, "score": np.linspace(1, 5, n), "flag": [None] * n}, schema_overrides={"flag": pl.String}
        ),
        vocabulary=vocabulary({"a": "a"}),
        edges=pl.LazyFrame([(0, 0, 1.0)], schema=["row", "column", "weight"], orient="row"),
        labels=pl.LazyFrame({"label": ["a"]}),
    )
    points = choose_subset("mig", given, budget="100%").info["gain_curve"]
    assert len(points) <= 100
    assert (points[0][0], points[-1][0]) == (1, n)

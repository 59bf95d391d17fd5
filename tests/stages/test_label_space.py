import json

import numpy as np
import polars as pl
import pytest

from mig_dagster.graph import Association
from mig_dagster.stages.label_space import (
    VocabularyOptions,
    embed_labels,
    embeddings_to_graph,
    graph_weights,
    read_vocabulary,
    tags_to_vocabulary,
    vocabulary_tables,
)


def axes(labels):
    """Embed each label on its own axis: no two are alike."""
    return np.eye(64, dtype=np.float32)[: len(labels)]


def tagged(*rows, **columns):
    ids = [f"r{i}" for i in range(len(rows))]
    return pl.LazyFrame({"row_id": ids, "tags": list(rows)} | columns, schema_overrides={"tags": pl.List(pl.String)})


def test_tags_become_labels_and_rare_ones_are_dropped():
    built, info = tags_to_vocabulary(
        tagged(["sql", "rare"], ["sql"], ["sql"], ["SQL", "SQL"], ["SQL"]), VocabularyOptions(), axes
    )
    assert built.labels == ("sql",)
    assert built.mapping == {"sql": "sql", "SQL": "sql"}
    assert (info["tags"], info["labels"], info["unmapped_share"]) == (3, 1, pytest.approx(1 / 6))


def test_a_row_that_two_sources_share_counts_once():
    frame = tagged(["a"], ["a"]).with_columns(row_id=pl.lit("same"))
    built, _ = tags_to_vocabulary(frame, VocabularyOptions(min_count=2), axes)
    assert built.labels == ()


def test_rows_without_tags_are_left_out():
    built, _ = tags_to_vocabulary(tagged(["a"], None, [], ["a"]), VocabularyOptions(), axes)
    assert built.labels == ("a",)


def test_the_order_of_rows_changes_nothing():
    rows = [["b", "a"], ["a"], ["b"], ["c"], ["c", "a"]]
    tables = [
        vocabulary_tables(tags_to_vocabulary(tagged(*r), VocabularyOptions(), axes)[0]) for r in (rows, rows[::-1])
    ]
    assert tables[0]["rows"].equals(tables[1]["rows"])


def test_a_vocabulary_survives_its_tables():
    rows = [["a", "b"]] * 6 + [["a"]] * 3
    options = VocabularyOptions(merge_distance=None, association=Association(min_support=5, min_confidence=0.9))
    built, _ = tags_to_vocabulary(tagged(*rows), options, axes)
    assert built.rules
    tables = vocabulary_tables(built)
    assert read_vocabulary(tables["rows"].lazy(), tables["rules"].lazy()) == built


def test_a_closed_list_keeps_its_tags_only(tmp_path):
    path = tmp_path / "valid.json"
    path.write_text(json.dumps(["a", "z"]))
    options = VocabularyOptions(mode="closed", list_path=str(path))
    built, info = tags_to_vocabulary(tagged(["a", "b"]), options, axes)
    assert (built.labels, info["steps"]) == (("a",), {"kept": 1, "not_in_list": 1})


def test_a_closed_list_needs_a_file():
    with pytest.raises(ValueError, match="mode 'closed' needs list_path"):
        tags_to_vocabulary(tagged(["a"]), VocabularyOptions(mode="closed"), axes)


def test_a_frozen_vocabulary_keeps_its_labels_and_says_what_it_does_not_cover():
    before, _ = tags_to_vocabulary(tagged(["a"], ["a"]), VocabularyOptions(), axes)
    now, info = tags_to_vocabulary(tagged(["b"], ["b"], ["a"]), VocabularyOptions(mode="frozen"), axes, before)
    assert now.labels == before.labels
    assert info["version"] == before.version
    assert info["unmapped_share"] == pytest.approx(2 / 3)


def test_freezing_needs_something_to_freeze():
    with pytest.raises(ValueError, match="there is none: build one first"):
        tags_to_vocabulary(tagged(["a"]), VocabularyOptions(mode="frozen"), axes)


def test_labels_are_embedded_in_sorted_order():
    frame = embed_labels(["b", "a"], lambda labels: np.array([[1, 0], [0, 1]], np.float32)[: len(labels)])
    assert frame["label"].to_list() == ["a", "b"]
    assert frame.schema["embedding"] == pl.Array(pl.Float32, 2)


def test_a_vocabulary_without_labels_cannot_be_embedded():
    with pytest.raises(ValueError, match="the vocabulary has no label: lower min_count"):
        embed_labels([], axes)


def test_the_graph_survives_its_tables():
    half = np.sqrt(np.float32(0.5))
    vectors = np.array([[1, 0], [half, half], [0, 1]], np.float32)
    frame = pl.DataFrame(
        {"label": ["a", "b", "c"], "embedding": vectors},
        schema={"label": pl.String, "embedding": pl.Array(pl.Float32, 2)},
    )
    graph, tables = embeddings_to_graph(frame, threshold=0.5)
    assert tables["labels"]["label"].to_list() == ["a", "b", "c"]
    assert tables["rows"].height == 3 + 2 * 2
    again = graph_weights(tables["rows"], 3)
    assert (again.toarray() == graph.weights.toarray()).all()
    assert again.has_sorted_indices

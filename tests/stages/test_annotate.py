import json

import numpy as np
import polars as pl
import pytest

from mig_dagster.annotations import FLAGS, Annotations, Annotator
from mig_dagster.pool.schema import RAW_POOL
from mig_dagster.stages import annotate
from mig_dagster.stages.annotate import Tally, annotate_source, annotation_frames, to_frame
from mig_dagster.storage import Lake, Store

WHO = Annotator("test", "length")


def raw_pool(*texts):
    """Rows that ask `text` and answer "ok"; equal texts are equal rows."""
    lines = [
        {
            "row_id": f"id-{text}",
            "source": "s",
            "origin": f"f:{i:09d}",
            "messages": [{"role": "user", "content": text}, {"role": "assistant", "content": "ok"}],
            "tools": None,
            "n_turns": 1,
            "n_chars": len(text) + 2,
            "meta": json.dumps({"from": text}),
        }
        for i, text in enumerate(texts)
    ]
    return pl.LazyFrame(lines, schema=RAW_POOL)


def lengths(rows, seen=None):
    """Score a row by the length of what it asks; "" has no score."""
    if seen is not None:
        seen.append([row.row_id for row in rows])
    asked = [row.conversation.messages[0].content for row in rows]
    assert [row.meta for row in rows] == [{"from": text} for text in asked]
    scores = np.array([float(len(text)) if text else np.nan for text in asked])
    flags = [None if text else "empty_text" for text in asked]
    n = len(rows)
    return Annotations(
        [row.row_id for row in rows],
        {"score": scores},
        [WHO.fingerprint] * n,
        ["computed"] * n,
        flags,
        {WHO.fingerprint: WHO},
    )


def test_each_distinct_row_is_annotated_once_in_the_order_of_the_source(monkeypatch):
    monkeypatch.setattr(annotate, "BATCH_ROWS", 2)
    seen, told = [], []
    rows = raw_pool("b", "a", "b", "ccc", "a", "dd", "b")
    tally = Tally()
    frames = list(annotation_frames(rows, lambda batch: lengths(batch, seen), tally, lambda *n: told.append(n)))
    assert pl.concat(frames)["row_id"].to_list() == ["id-b", "id-a", "id-ccc", "id-dd"]
    assert [row_id for batch in seen for row_id in batch] == ["id-b", "id-a", "id-ccc", "id-dd"]
    assert told[-1] == (7, 7)
    assert tally.rows == 4


def test_a_value_with_a_flag_is_null():
    frame = to_frame(lengths([]))
    assert frame.schema == {
        "row_id": pl.String,
        "score": pl.Float64,
        "annotator": pl.String,
        "provenance": pl.String,
        "flag": pl.String,
    }
    (frame,) = annotation_frames(raw_pool("aa", ""), lengths, Tally())
    assert frame.select("score", "flag").rows() == [(2.0, None), (None, "empty_text")]
    assert "empty_text" in FLAGS


def test_vectors_keep_their_width_and_lists_their_strings():
    vectors = Annotations(
        ["x", "y"], {"embedding": np.eye(2, 3, dtype=np.float32)}, ["f"] * 2, ["computed"] * 2, [None, "empty_text"], {}
    )
    frame = to_frame(vectors)
    assert frame.schema["embedding"] == pl.Array(pl.Float32, 3)
    assert frame["embedding"].to_list() == [[1.0, 0.0, 0.0], None]
    tags = Annotations(
        ["x", "y"], {"tags": [["b", "a"], None]}, ["f"] * 2, ["imported"] * 2, [None, "parse_failure"], {}
    )
    assert to_frame(tags)["tags"].to_list() == [["b", "a"], None]
    assert to_frame(tags).schema["tags"] == pl.List(pl.String)


def test_of_partial_annotations_the_values_that_are_there_stand_beside_a_flag():
    values = {"len": np.array([3.0, 5.0]), "nat": np.array([0.5, np.nan])}
    frame = to_frame(Annotations(["x", "y"], values, ["f"] * 2, ["computed"] * 2, [None, "truncated"], {}, True))
    assert frame["len"].to_list() == [3.0, 5.0]
    assert frame["nat"].to_list() == [0.5, None]
    assert frame["flag"].to_list() == [None, "truncated"]


@pytest.fixture
def lake(tmp_path):
    return Lake(Store(tmp_path))


def test_a_source_without_rows_has_the_columns(lake):
    manifest = annotate_source(lake, "quality_scores", "s", raw_pool(), lengths, values=["score"])
    assert (manifest.rows, manifest.info["rows"]) == (0, 0)
    assert lake.scan_versions([manifest]).collect_schema().names() == [
        "row_id",
        "score",
        "annotator",
        "provenance",
        "flag",
    ]


def test_vectors_of_half_precision_are_stored_as_such(lake):
    vectors = np.array([[0.6, 0.8], [np.nan, np.nan]], np.float16)

    def embed(rows):
        return Annotations(["x", "y"], {"embedding": vectors}, ["f"] * 2, ["computed"] * 2, [None, "empty_text"], {})

    manifest = annotate_source(lake, "row_embeddings", "s", raw_pool("a", ""), embed, values=["embedding"])
    stored = lake.scan_versions([manifest]).collect()["embedding"]
    assert stored.dtype == pl.Array(pl.Float16, 2)
    assert stored.to_list() == [vectors[0].tolist(), None]


def test_the_version_counts_values_and_flags_and_not_who_gave_them(lake):
    first = annotate_source(lake, "quality_scores", "s", raw_pool("a", "bb"), lengths, values=["score"])

    def imported(rows):
        same = lengths(rows)
        return Annotations(same.row_ids, same.values, ["other"] * len(rows), ["imported"] * len(rows), same.flags, {})

    second = annotate_source(lake, "quality_scores", "s", raw_pool("a", "bb"), imported, values=["score"])
    third = annotate_source(lake, "quality_scores", "s", raw_pool("a", "bbb"), lengths, values=["score"])
    assert first.data_version == second.data_version != third.data_version


def test_the_manifest_says_who_annotated_and_what_failed(lake):
    manifest = annotate_source(
        lake,
        "quality_scores",
        "s",
        raw_pool("a", ""),
        lengths,
        values=["score"],
        inputs={"raw_pool/s": "v"},
        info={"scale": "x"},
    )
    assert manifest.inputs == {"raw_pool/s": "v"}
    assert manifest.info == {
        "rows": 2,
        "speakers": {"computed": {WHO.fingerprint: 1}},
        "provenance": {"computed": 2},
        "flags": {"empty_text": 1},
        "annotators": {WHO.fingerprint: WHO.as_dict()},
        "counts": {},
        "scale": "x",
    }


def test_it_is_counted_who_gave_how_many_values_and_how_wide_vectors_are():
    rows = [f"r{i}" for i in range(4)]
    vectors, tags = np.zeros((4, 3), np.float32), [["a"], ["a", "b"], None, []]
    signed = ["f", "f", "f", "g"], ["computed", "computed", "computed", "imported"]
    flags = [None, None, "empty_text", None]
    tally = Tally()
    tally.add(Annotations(rows, {"embedding": vectors}, *signed, flags, {}))
    tally.add(Annotations(rows, {"tags": tags}, *signed, flags, {}, partial=True))
    tally.add(Annotations([], {"embedding": np.zeros((0, 7), np.float32)}, [], [], [], {}))
    info = tally.as_info()
    assert info["speakers"] == {"computed": {"f": 5}, "imported": {"g": 2}}
    assert info["dimension"] == 3
    assert "dimension" not in Tally().as_info()


def test_a_row_that_brought_a_part_of_the_columns_has_no_others():
    values = {"ifd_ppl": np.array([0.5, 0.7]), "ppl": np.array([2.0, np.nan]), "tokens": np.array([3, 0])}
    signed = ["f", "g"], ["computed", "imported"]
    frame = to_frame(Annotations(["a", "b"], values, *signed, [None, None], {}, partial=True))
    assert frame.select("ifd_ppl", "ppl", "tokens").rows() == [(0.5, 2.0, 3), (0.7, None, None)]

"""A pool as figures take it: every part in the pool's order, and what a row lacks is said to be lacking."""

import numpy as np
import polars as pl
import pytest

from mig_dagster.stages.compare.comparison import Compared
from mig_dagster.stages.report import pool as module
from mig_dagster.stages.report.inputs import report_inputs
from mig_dagster.stages.report.pool import report_pool, scale_or_none, with_tokens
from tests.stages.small_pool import GRAPH, LABELS, SmallPool, Words

POOL = SmallPool()


def signal(**values):
    lines = {"row_id": POOL.ids, "source": POOL.sources, **values, "flag": [None] * POOL.n}
    return pl.LazyFrame(lines, schema_overrides={"flag": pl.String}).reverse()


def test_every_part_is_in_the_order_of_the_pool():
    pool = report_pool(POOL.frames())
    assert pool.rows["row_id"].to_list() == POOL.ids
    assert pool.rows.columns == ["row_id", "source", "origin", "n_turns", "n_chars"]
    np.testing.assert_array_equal(pool.scores["score"], [np.nan if each is None else each for each in POOL.scores])
    carried = [[LABELS[label] for label in pool.tags[[row]].indices] for row in range(POOL.n)]
    assert [sorted(labels) for labels in carried] == [sorted(tags or []) for tags in POOL.tags]
    np.testing.assert_array_equal(pool.label_graph.toarray(), GRAPH)
    assert list(pool.labels) == LABELS
    assert pool.place[2] == -1
    there = [row for row in range(POOL.n) if row != 2]
    np.testing.assert_array_equal(pool.embeddings[pool.place[there]], POOL.vectors[there])


def test_every_number_that_annotators_give_is_a_score():
    ratio, length = np.arange(POOL.n) / 7, np.arange(POOL.n) * 2.0
    frames = POOL.frames(
        ifd_scores=signal(ifd_ppl=ratio, ifd_loss=ratio + 1), indicators=signal(length=length, mtld=-length)
    )
    scores = report_pool(frames).scores
    assert list(scores) == ["score", "ifd_ppl", "ifd_loss", "length", "mtld"]
    np.testing.assert_array_equal(scores["ifd_loss"], ratio + 1)
    np.testing.assert_array_equal(scores["mtld"], -length)


def test_a_ratio_that_nobody_measured_is_not_there():
    frames = POOL.frames(ifd_scores=signal(ifd_loss=np.arange(POOL.n) / 7))
    assert list(report_pool(frames).scores) == ["score", "ifd_loss"]


def test_a_pool_without_signals_has_its_rows():
    nothing = dict.fromkeys(["tags", "quality_scores", "row_embeddings", "vocabulary", "edges", "labels"])
    pool = report_pool(POOL.frames(**nothing))
    assert pool.n == POOL.n
    assert (pool.scores, pool.tags, pool.label_graph, pool.embeddings, pool.place) == ({}, None, None, None, None)


def test_texts_are_read_in_the_order_asked_for():
    pool = report_pool(POOL.frames())
    said = pool.texts(pool.rows[[5, 3, 29]])
    assert [len(each.response.split()) for each in said] == [POOL.words[row] for row in (5, 3, 29)]
    with pytest.raises(LookupError, match="1 rows of the pool are not in raw_pool, as s1/nowhere"):
        pool.texts(pl.DataFrame({"row_id": ["x"], "source": ["s1"], "origin": ["nowhere"]}))


def test_without_conversations_a_text_that_is_asked_for_is_an_error():
    pool = report_pool(POOL.frames(raw_pool=None))
    with pytest.raises(LookupError, match="materialise raw_pool"):
        pool.texts(pool.rows.head(1))


def test_tokens_are_counted_of_all_rows_or_of_none(monkeypatch):
    frames = POOL.frames()
    counted = with_tokens(report_pool(frames), frames, Words())
    assert counted.tokens.tolist() == [words + 1 for words in POOL.words]
    assert counted.tokenizer == Words.name
    monkeypatch.setattr(module, "COUNTED", POOL.n - 1)
    assert with_tokens(report_pool(frames), frames, Words()).tokens is None
    assert with_tokens(report_pool(frames), POOL.frames(raw_pool=None), Words()).tokens is None


def test_no_scores_have_no_scale():
    assert scale_or_none([]) == ""


def compared(name, rows):
    lines = {"row_id": [POOL.ids[row] for row in rows], "gain": [1.0] * len(rows)}
    return Compared(name, "deita", pl.DataFrame(lines), info={"nested": True})


def test_the_subset_that_the_report_is_about_comes_first():
    given = report_inputs(report_pool(POOL.frames()), [compared("a", [3, 1]), compared("b", [7])], about="b")
    assert [subset.name for subset in given.subsets] == ["b", "a"]
    assert given.subsets[1].rows.tolist() == [3, 1]
    assert given.is_chosen().nonzero()[0].tolist() == [7]


def test_what_cannot_be_reported_on_is_refused():
    pool = report_pool(POOL.frames())
    with pytest.raises(ValueError, match="choose one first"):
        report_inputs(pool, [])
    with pytest.raises(ValueError, match="two subsets are named 'a'"):
        report_inputs(pool, [compared("a", [1]), compared("a", [2])])
    stranger = Compared("a", "deita", pl.DataFrame({"row_id": ["unknown"], "gain": [0.0]}))
    with pytest.raises(ValueError, match="1 rows that are not in the pool, as unknown"):
        report_inputs(pool, [stranger])

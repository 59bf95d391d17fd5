"""Why each row of a subset was chosen, as tables."""

import json

import numpy as np
import polars as pl
import pytest

from mig_dagster.selection import METHODS, Selection, reads
from mig_dagster.selection.reasons import EXPLAINERS
from mig_dagster.stages.align import align
from mig_dagster.stages.explain.reasons import LABEL_GAINS_SCHEMA, REASONS_SCHEMA
from mig_dagster.stages.subset import choose_subset
from tests.stages.small_pool import SmallPool

POOL = SmallPool(30)
SIGNALS = {"row_ids", "sources", "lengths", "tags", "quality_scores", "label_graph", "row_embeddings"}
HERE = [name for name in METHODS if set(reads(METHODS[name])) <= SIGNALS | {"serialized_rows"}]


def chosen(method="mig", budget="10", **settings):
    return choose_subset(method, POOL.frames(), budget=budget, max_null_share=0.5, settings=settings)


@pytest.mark.parametrize("method", HERE)
def test_every_chosen_row_has_a_sentence_and_numbers(method):
    subset = chosen(method)
    reasons = subset.tables()["reasons"]
    assert reasons.schema == REASONS_SCHEMA
    assert reasons.select("rank", "row_id").equals(subset.rows.select("rank", "row_id"))
    assert all(text.endswith(".") and text.isprintable() for text in reasons["reason"])
    keys = {tuple(json.loads(details)) for details in reasons["details"]}
    assert len(keys) == 1
    assert ("label_gains" in subset.tables()) == (method == "mig")


def test_every_method_explains_itself():
    assert set(EXPLAINERS) | {"mig"} == set(METHODS)


def test_the_gains_of_labels_add_up_to_the_objective_and_to_each_row():
    subset = chosen(gain="exact", budget="20")
    lines = subset.tables()["label_gains"]
    assert lines.schema == LABEL_GAINS_SCHEMA
    assert lines["gain"].sum() == pytest.approx(subset.info["objective"], rel=1e-12)
    by_row = subset.rows.join(lines.group_by("rank").agg(told=pl.col("gain").sum()), on="rank", how="left")
    np.testing.assert_allclose(by_row["told"].fill_null(0), by_row["gain"], rtol=1e-9, atol=1e-12)
    stored = [json.loads(details)["gain"] for details in subset.tables()["reasons"]["details"]]
    np.testing.assert_allclose(stored, by_row["gain"], rtol=1e-9, atol=1e-12)


def test_labels_beyond_the_first_few_stand_in_one_line(monkeypatch):
    from mig_dagster.selection.reasons import label_gains as module
    from mig_dagster.selection.reasons.label_gains import LabelGains

    top = LabelGains.top
    monkeypatch.setattr(LabelGains, "top", lambda self: top(self, 1))
    subset = chosen(gain="exact", budget="20")
    aligned = align(POOL.frames(), reads(METHODS["mig"]))
    rows = np.array([aligned.rows["row_id"].to_list().index(row) for row in subset.rows["row_id"]])
    told = module(rows, **aligned.arguments)
    lines = subset.tables()["label_gains"]
    for rank in range(1, 21):
        entries = slice(told.starts[rank - 1], told.starts[rank])
        mine = lines.filter(rank=rank)
        assert mine["labels"].sum() == entries.stop - entries.start
        assert mine.height == min(2, mine["labels"].sum())
        if not mine.is_empty():
            assert mine["label"][0] == aligned.labels[told.labels[entries][np.argmax(told.gain[entries])]]
            assert mine["label"][1:].to_list() == [None] * (mine.height - 1)
        for column in ("direct", "propagated", "gain"):
            assert mine[column].sum() == pytest.approx(getattr(told, column)[entries].sum())


def test_a_sentence_names_the_labels_it_raised_most():
    reasons = chosen(gain="exact").tables()["reasons"]
    lines = chosen(gain="exact").tables()["label_gains"].filter(rank=1)
    first = f"{lines['label'][0]} (+{lines['gain'].round_sig_figs(4)[0]}"
    assert reasons["reason"][0].startswith(f"Raised the information of {lines.height} label")
    assert first in reasons["reason"][0]


def test_a_row_without_labels_says_so():
    reasons = chosen(budget="100%").tables()["reasons"]
    silent = [row for row, tags in zip(POOL.ids, POOL.tags, strict=True) if tags == []]
    found = reasons.filter(pl.col("row_id").is_in(silent))["reason"].unique().to_list()
    assert found == ["Raised the information of no label: it carries none, or its score is 0."]


def test_an_empty_subset_has_empty_tables():
    tables = chosen(budget="0").tables()
    assert tables["reasons"].schema == REASONS_SCHEMA
    assert tables["label_gains"].schema == LABEL_GAINS_SCHEMA
    assert tables["label_gains"].is_empty()


def test_a_method_without_an_explainer_gives_rank_and_gain(monkeypatch):
    def first(k, *, row_ids):
        return Selection(np.arange(k), np.ones(k))

    monkeypatch.setitem(METHODS, "first", first)
    assert chosen("first", "1").tables()["reasons"]["reason"].to_list() == ["Chosen at rank 1 with a gain of 1."]

"""Scores of the pool, of the chosen and of the rejected rows are counted in the same bins, and none is lost."""

import dataclasses

import numpy as np
import polars as pl
import pytest

from mig_dagster.report.figure import Chart
from mig_dagster.report.figures.score_histograms import score_histograms
from mig_dagster.report.groups import COLOURS
from tests.report.drawing import assert_draws
from tests.report.small_report import small_inputs


def charts(figure):
    return [part for part in figure.parts if isinstance(part, Chart)]


def members(given):
    chosen = set(given.chosen.rows.tolist())
    everyone = range(given.pool.n)
    rejected = [row for row in everyone if row not in chosen]
    return {"pool": list(everyone), "chosen": sorted(chosen), "rejected": rejected}


@pytest.mark.parametrize("seed", range(3))
def test_each_bin_counts_the_rows_of_its_group_that_lie_in_it(seed):
    given = small_inputs(seed=seed)
    table = score_histograms(given).tables["score_histograms"]
    lengths = {"characters": given.pool.rows["n_chars"].to_numpy(), "tokens": given.pool.tokens}
    everything = dict(given.pool.scores) | lengths
    assert set(table["score"]) == set(everything)
    for line in table.iter_rows(named=True):
        low = -np.inf if line["from"] is None else line["from"]
        high = np.inf if line["to"] is None else line["to"]
        group = members(given)[line["group"]]
        last = line["to"] == table.filter(pl.col("score") == line["score"])["to"].max()
        inside = [r for r in group if low <= (value := everything[line["score"]][r]) < high or (last and value == high)]
        assert line["rows"] == len(inside)


def test_the_shares_of_a_group_add_up_to_one_and_missing_values_are_counted():
    given = small_inputs()
    figure = score_histograms(given)
    sums = figure.tables["score_histograms"].group_by("score", "group").agg(pl.col("share").sum())
    assert np.allclose(sums["share"], 1)
    summary = figure.tables["score_histograms_summary"]
    pool = summary.filter(pl.col("group") == "pool", pl.col("score").str.starts_with("Quality"))
    assert pool["without a value"].to_list() == [1]
    assert pool["mean"][0] == pytest.approx(np.nanmean(given.pool.scores["score"]))
    assert pool["median"][0] == pytest.approx(np.nanmedian(given.pool.scores["score"]))


def test_every_chart_draws_without_a_warning_in_the_colours_of_the_groups(capfd):
    figure = score_histograms(small_inputs())
    assert [chart.spec["title"] for chart in charts(figure)] == [
        "Quality score (lexical, turn_mean)",
        "IFD, ratio of perplexities",
        "Length in characters",
        "Length in tokens",
    ]
    for chart in charts(figure):
        scale = chart.spec["layer"][0]["encoding"]["color"]["scale"]
        assert dict(zip(scale["domain"], scale["range"], strict=True)) == COLOURS
        assert_draws(chart, capfd)


@pytest.mark.parametrize("k", [0, 40])
def test_an_empty_group_has_no_share_and_no_mean(k, capfd):
    given = small_inputs(40)
    subset = dataclasses.replace(given.chosen, rows=np.arange(k), gains=np.zeros(k))
    figure = score_histograms(dataclasses.replace(given, subsets=[subset]))
    empty = "rejected" if k else "chosen"
    summary = figure.tables["score_histograms_summary"].filter(pl.col("group") == empty)
    assert summary["rows"].to_list() == [0] * 4
    assert summary["mean"].null_count() == 4
    assert f"{empty} no row" in charts(figure)[0].alt
    for chart in charts(figure):
        assert_draws(chart, capfd)


@pytest.mark.parametrize("value", [np.nan, 3.0])
def test_a_score_that_no_row_has_or_all_have_alike(value, capfd):
    figure = score_histograms(small_inputs(scores={"score": np.full(60, value)}, tokens=None))
    assert len(charts(figure)) == 1 + (not np.isnan(value))
    for chart in charts(figure):
        assert_draws(chart, capfd)


def test_without_scores_the_lengths_are_left_and_a_pool_of_one_row_is_drawn(capfd):
    given = small_inputs(scores={}, tokens=None, scale="")
    assert [chart.spec["title"] for chart in charts(score_histograms(given))] == ["Length in characters"]
    rows = given.pool.rows[:1].with_columns(n_chars=pl.lit(0, pl.Int64))
    pool = dataclasses.replace(given.pool, rows=rows, scores={"score": np.array([2.5])})
    subset = dataclasses.replace(given.chosen, rows=np.array([0]), gains=np.ones(1))
    for chart in charts(score_histograms(dataclasses.replace(given, pool=pool, subsets=[subset]))):
        assert_draws(chart, capfd)


def test_it_is_said_what_an_indicator_is_and_any_other_score_keeps_its_name():
    scores = {"mtld": np.arange(60.0), "house_style": np.arange(60.0)}
    figure = score_histograms(small_inputs(scores=scores, tokens=None))
    assert [chart.spec["title"] for chart in charts(figure)][:2] == ["mtld", "house_style"]
    assert figure.about.endswith(" mtld is lexical diversity, threshold 0.72.")


def test_what_is_drawn_does_not_grow_with_the_pool():
    small, large = (score_histograms(small_inputs(n, tokens=None)) for n in (100, 3000))
    marks = [sum(frame.height for chart in charts(each) for frame in chart.data.values()) for each in (small, large)]
    assert max(marks) < 4 * 200


def test_a_reward_is_not_taken_for_that_of_a_reward_model():
    rewards = np.linspace(0, 5, 60)
    assert (
        "rew is a reward model's logit, or the lexical score"
        in score_histograms(small_inputs(scores={"rew": rewards})).about
    )

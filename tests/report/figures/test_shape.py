"""Turns, lengths and scripts are counted as looking at every row does."""

import dataclasses

import numpy as np
import polars as pl
import pytest

from mig_dagster.conversation import Conversation, Message
from mig_dagster.report.charts.length_lines import POINTS
from mig_dagster.report.figure import Chart
from mig_dagster.report.figures.shape import SAMPLE, sample, shape
from tests.report.drawing import assert_draws
from tests.report.small_report import small_inputs


def groups(given):
    return {"pool": list(range(given.pool.n)), "chosen": given.chosen.rows.tolist()}


def assert_all_draw(figure, capfd):
    for part in figure.parts:
        if isinstance(part, Chart):
            assert_draws(part, capfd)


def test_turns_are_counted_with_the_many_as_one(capfd):
    given = small_inputs()
    turns = np.random.default_rng(0).integers(0, 30, 60).astype(np.int32)
    given = dataclasses.replace(
        given, pool=dataclasses.replace(given.pool, rows=given.pool.rows.with_columns(n_turns=pl.Series(turns)))
    )
    figure = shape(given)
    for line in figure.tables["shape_turns"].iter_rows(named=True):
        rows = groups(given)[line["group"]]
        many = line["turns"] == "10 and more"
        count = sum(turns[row] >= 10 if many else turns[row] == int(line["turns"]) for row in rows)
        assert (line["rows"], line["share"]) == (count, pytest.approx(count / len(rows)))
    assert figure.tables["shape_turns"].group_by("group").agg(pl.col("share").sum())["share"].to_list() == [1, 1]
    assert_all_draw(figure, capfd)


def test_a_line_says_how_many_rows_are_at_least_so_long():
    given = small_inputs()
    table = shape(given).tables["shape_lengths"]
    values = {"characters": given.pool.rows["n_chars"].to_list(), "tokens": given.pool.tokens.tolist()}
    for line in table.iter_rows(named=True):
        rows = groups(given)[line["group"]]
        at_least = sum(values[line["unit"]][row] >= line["length"] for row in rows) / len(rows)
        assert line["share"] == pytest.approx(at_least)
    assert table.height <= 4 * POINTS
    assert set(table["unit"]) == {"characters", "tokens"}


def test_rows_beyond_a_cut_off_are_counted():
    given = small_inputs()
    listing = next(part for part in shape(given).parts if getattr(part, "heading", "") == "Rows longer than a cut-off")
    limit, in_pool, share, chosen, _ = listing.lines[1]
    assert (limit, in_pool) == (512, sum(given.pool.tokens > 512))
    assert share == pytest.approx(100 * in_pool / 60, abs=1e-3)
    assert chosen == sum(given.pool.tokens[given.chosen.rows] > 512)


def test_scripts_are_those_of_the_rows_read(capfd):
    speech = ["hello", "привет", "学习 of", "12 + 3"]

    def texts(rows: pl.DataFrame) -> list[Conversation]:
        return [Conversation((Message("user", speech[int(row_id[2:]) % 4]),)) for row_id in rows["row_id"]]

    given = small_inputs(60, texts=texts)
    figure = shape(given)
    table = figure.tables["shape_scripts"]
    names = ["Latin", "Cyrillic", "Latin", "no letters"]  # of "学习 of" two letters are of either: the first counts
    for line in table.iter_rows(named=True):
        rows = groups(given)[line["group"]]
        assert line["rows"] == sum(names[row % 4] == line["script"] for row in rows)
    assert (table["script"][0], table["script"][-1]) == ("Latin", "Han")
    han = table.filter(pl.col("script") == "Han", pl.col("group") == "pool")
    assert (han["rows"].item(), han["contain"].item()) == (0, 15)
    assert "all 60 rows of the pool and all 12 rows chosen" in figure.about
    assert_all_draw(figure, capfd)


def test_a_large_pool_is_sampled_the_same_way_each_time():
    rows = np.arange(10, 50_000)
    assert sample(rows).tolist() == sample(rows).tolist()
    assert len(np.unique(sample(rows))) == SAMPLE
    assert np.all(np.diff(sample(rows)) > 0)
    given = small_inputs(5000)
    asked = []
    pool = dataclasses.replace(given.pool, texts=lambda rows: asked.append(rows) or given.pool.texts(rows))
    figure = shape(dataclasses.replace(given, pool=pool))
    assert "a sample of 2,000 of the 5,000 rows of the pool (seed 0) and all 12 rows chosen" in figure.about
    assert len(asked) == 1
    assert SAMPLE <= asked[0].height <= SAMPLE + 12


@pytest.mark.parametrize("k", [0, 1, 60])
def test_no_tokens_no_row_chosen_and_all_rows_chosen(k, capfd):
    given = small_inputs(tokens=None)
    subset = dataclasses.replace(given.chosen, rows=np.arange(k), gains=np.zeros(k))
    figure = shape(dataclasses.replace(given, subsets=[subset]))
    assert figure.tables["shape_lengths"]["unit"].unique().to_list() == ["characters"]
    assert_all_draw(figure, capfd)


def test_a_pool_of_one_row_that_says_nothing(capfd):
    given = small_inputs(20)
    rows = given.pool.rows[:1].with_columns(n_turns=pl.lit(0, pl.Int32), n_chars=pl.lit(0, pl.Int64))
    pool = dataclasses.replace(given.pool, rows=rows, tokens=np.zeros(1, np.int64))
    subset = dataclasses.replace(given.chosen, rows=np.array([0]), gains=np.ones(1))
    assert_all_draw(shape(dataclasses.replace(given, pool=pool, subsets=[subset])), capfd)
    none = dataclasses.replace(pool, rows=rows[:0], tokens=np.zeros(0, np.int64))
    empty = dataclasses.replace(subset, rows=np.zeros(0, np.int64), gains=np.zeros(0))
    assert shape(dataclasses.replace(given, pool=none, subsets=[empty])).missing

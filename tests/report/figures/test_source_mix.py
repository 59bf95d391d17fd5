"""The shares of sources, before and after the choice, are those that counting row by row gives."""

import dataclasses

import numpy as np
import polars as pl
import pytest

from mig_dagster.report.figure import Chart, Listing
from mig_dagster.report.figures.source_mix import DRAWN, source_mix
from mig_dagster.report.inputs import ReportInputs
from tests.report.drawing import assert_draws
from tests.report.small_report import small_inputs


def with_sources(sources: list[str], **changes) -> ReportInputs:
    given = small_inputs(len(sources), **changes)
    rows = given.pool.rows.with_columns(source=pl.Series(sources))
    return dataclasses.replace(given, pool=dataclasses.replace(given.pool, rows=rows))


@pytest.mark.parametrize("seed", range(3))
def test_counts_shares_and_ratios_are_those_of_counting_row_by_row(seed):
    given = small_inputs(seed=seed)
    table = source_mix(given).tables["source_mix"]
    tokens = given.pool.tokens.tolist()
    sources = given.pool.rows["source"].to_list()
    for subset in given.subsets:
        for line in table.filter(pl.col("subset") == subset.name).iter_rows(named=True):
            pool = [row for row, source in enumerate(sources) if source == line["source"]]
            chosen = [row for row in subset.rows.tolist() if sources[row] == line["source"]]
            assert (line["pool_rows"], line["chosen_rows"]) == (len(pool), len(chosen))
            assert line["pool_tokens"] == sum(tokens[row] for row in pool)
            share = sum(tokens[row] for row in chosen) / sum(tokens[row] for row in subset.rows.tolist())
            assert line["chosen_tokens_share"] == pytest.approx(share)
            assert line["rows_ratio"] == pytest.approx((len(chosen) / len(subset.rows)) / (len(pool) / len(sources)))
    assert table.height == len(given.subsets) * len(set(sources))


def test_every_subset_has_its_listing_and_rows_and_tokens_are_drawn(capfd):
    given = small_inputs()
    parts = source_mix(given).parts
    charts = [part for part in parts if isinstance(part, Chart)]
    assert [part.heading for part in parts if isinstance(part, Listing)] == [
        "Sources of mig_subset",
        "Sources of random_subset",
    ]
    assert len(charts) == 2
    for chart in charts:
        assert_draws(chart, capfd)


def test_the_largest_sources_are_drawn_and_the_others_as_one(capfd):
    sources = [f"source-{i:03d}" for i in range(40) for _ in range(1 + (i == 17))]
    figure = source_mix(with_sources(sources))
    drawn = figure.parts[0].data["shares"]
    assert drawn["source"][0] == "source-017"
    assert drawn["source"][-1] == "other (15 sources)"
    assert drawn.height == 2 * (DRAWN + 1)
    for _, group in drawn.group_by("group"):
        assert group["share"].sum() == pytest.approx(1)
        assert group["rows"].sum() in (41, 12)
    assert "Drawn are the 25 largest of 40 sources" in figure.about
    assert figure.tables["source_mix"].filter(pl.col("subset") == "mig_subset").height == 40
    assert_draws(figure.parts[0], capfd)


def test_whose_tokens_are_counted_is_said():
    assert "Tokens are those of small @ 1." in source_mix(small_inputs(tokenizer="small @ 1")).about


def test_without_tokens_rows_alone_are_shown():
    figure = source_mix(small_inputs(tokens=None))
    assert [type(part) for part in figure.parts] == [Chart, Listing, Listing]
    assert "Tokens were not counted" in figure.about
    assert not [name for name in figure.tables["source_mix"].columns if "token" in name]


@pytest.mark.parametrize("k", [0, 30])
def test_no_row_chosen_and_all_rows_chosen(k, capfd):
    given = small_inputs(30)
    first = dataclasses.replace(given.chosen, rows=np.arange(k), gains=np.zeros(k))
    figure = source_mix(dataclasses.replace(given, subsets=[first]))
    assert figure.tables["source_mix"]["rows_ratio"].to_list() == [k / 30] * 3
    assert_draws(figure.parts[0], capfd)


def test_text_of_sources_stays_as_it_is():
    figure = source_mix(small_inputs())
    assert any("<script>" in name for name in figure.tables["source_mix"]["source"])
    assert any("<script>" in str(line[0]) for line in figure.parts[2].lines)

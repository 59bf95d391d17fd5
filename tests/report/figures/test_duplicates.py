"""What deduplication removed is counted, traced to what stands for it, and shown as pairs whose difference is seen."""

import dataclasses
from collections import Counter

import numpy as np
import polars as pl
import pytest

from mig_dagster.conversation import Conversation, Message
from mig_dagster.pool.schema import DUPLICATES
from mig_dagster.report.figure import Chart
from mig_dagster.report.figures.duplicates import PAIRS, duplicates
from mig_dagster.report.inputs import ReportInputs
from tests.report.drawing import assert_draws
from tests.report.small_report import small_inputs


def with_removed(count: int, normalised: float, seed: int = 0) -> ReportInputs:
    given = small_inputs()
    rng = np.random.default_rng(seed)
    kept = given.pool.rows[rng.integers(0, given.pool.n, count)]
    columns = {
        "source": rng.choice(["chat", "gone", "maths"], count).tolist(),
        "origin": [f"removed:{i}" for i in range(count)],
        "row_id": [f"removed{i}" for i in range(count)],
        "kind": np.where(rng.random(count) < normalised, "normalised", "exact").tolist(),
        "kept_source": kept["source"],
        "kept_origin": kept["origin"],
        "kept_row_id": kept["row_id"],
    }
    removed = pl.DataFrame(columns, schema=DUPLICATES)
    return dataclasses.replace(given, pool=dataclasses.replace(given.pool, duplicates=removed))


@pytest.mark.parametrize("seed", range(3))
def test_the_funnel_counts_every_row_that_was_read(seed, capfd):
    given = with_removed(50, 0.3, seed)
    figure = duplicates(given)
    removed = given.pool.duplicates
    left, gone = Counter(given.pool.rows["source"]), Counter(removed.select("source", "kind").iter_rows())
    for line in figure.tables["duplicates_by_source"].iter_rows(named=True):
        source = line["source"]
        assert line["left"] == left[source]
        assert (line["exact"], line["normalised"]) == (gone[source, "exact"], gone[source, "normalised"])
        assert line["read"] == line["left"] + line["exact"] + line["normalised"]
    assert figure.tables["duplicates_by_source"]["read"].sum() == 110
    assert figure.parts[1].lines[0][:2] == ("all sources", 110)
    assert "All 110 rows that were read are counted" in figure.about
    assert_draws(figure.parts[0], capfd)


def test_the_table_says_whose_rows_stand_for_whose():
    given = with_removed(80, 0.5)
    counts = Counter(given.pool.duplicates.select("source", "kept_source").iter_rows())
    lines = duplicates(given).parts[2].lines
    assert {line[:2]: line[2] for line in lines} == counts
    assert all(rows == exact + normalised for _, _, rows, exact, normalised in lines)
    assert [line[2] for line in lines] == sorted(counts.values(), reverse=True)


@pytest.mark.parametrize(("count", "normalised", "expected"), [(3, 0.5, 3), (60, 0.1, PAIRS), (60, 1.0, PAIRS)])
def test_normalised_pairs_are_shown_first(count, normalised, expected):
    given = with_removed(count, normalised)
    items = duplicates(given).parts[3].items
    kinds = [item.facts["kind"] for item in items]
    assert len(items) == expected
    assert kinds == sorted(kinds, reverse=True)
    assert kinds.count("normalised") == min(PAIRS, (given.pool.duplicates["kind"] == "normalised").sum())
    assert [item.facts for item in items] == [item.facts for item in duplicates(given).parts[3].items]


def test_removed_texts_are_read_by_their_own_source_and_origin():
    asked = []

    def texts(rows: pl.DataFrame) -> list[Conversation]:
        asked.extend(rows.select("source", "origin", "row_id").rows())
        return [Conversation((Message("user", origin),)) for origin in rows["origin"]]

    given = with_removed(1, 1.0)
    given = dataclasses.replace(given, pool=dataclasses.replace(given.pool, texts=texts))
    pair = duplicates(given).parts[3].items[0]
    line = given.pool.duplicates.row(0, named=True)
    assert asked == [
        (line["source"], line["origin"], line["row_id"]),
        (line["kept_source"], line["kept_origin"], line["kept_row_id"]),
    ]
    assert pair.turns == [("user, removed", line["origin"]), ("user, kept", line["kept_origin"])]


@pytest.mark.parametrize("removed", [None, pl.DataFrame(schema=DUPLICATES)])
def test_without_duplicates_the_section_says_so(removed):
    figure = duplicates(small_inputs(duplicates=removed))
    assert figure.missing
    assert not figure.parts


def test_only_the_sources_that_lost_most_are_drawn(capfd):
    given = with_removed(50, 0.0)
    removed = given.pool.duplicates.with_columns(source=pl.Series([f"s{i % 40:02d}" for i in range(50)]))
    figure = duplicates(dataclasses.replace(given, pool=dataclasses.replace(given.pool, duplicates=removed)))
    chart = figure.parts[0]
    assert isinstance(chart, Chart)
    assert chart.data["removed"]["source"].n_unique() == 25
    assert "the 25 that lost most rows of 40 that lost any" in chart.spec["title"]
    assert_draws(chart, capfd)

"""Thirty rows to read: the right ones, none twice, and as text only."""

import dataclasses

import numpy as np
import polars as pl
import pytest

from mig_dagster.conversation import Conversation, Message
from mig_dagster.report.figures.rows_to_read import LAST, NEAR, RANDOM, TOP, rows_to_read
from mig_dagster.report.inputs import ReportInputs
from mig_dagster.report.reading.excerpts import TURN_CHARS
from tests.report.small_report import SCRIPT, small_inputs


def with_rows(given: ReportInputs, rows, gains) -> ReportInputs:
    subset = dataclasses.replace(given.chosen, method="ifd", rows=np.array(rows, int), gains=np.array(gains, float))
    return dataclasses.replace(given, subsets=[subset])


def ids(given: ReportInputs, rows) -> list[str]:
    return given.pool.rows["row_id"][list(rows)].to_list()


def shown(given: ReportInputs) -> dict[str, list[str]]:
    table = rows_to_read(given).tables["rows_to_read"]
    return {kind: table.filter(pl.col("kind") == kind)["row_id"].to_list() for kind in table["kind"].unique()}


def test_top_gain_last_in_random_and_near_misses():
    order = np.random.default_rng(4).permutation(np.arange(1, 300))[:100]
    gains = np.random.default_rng(5).permutation(100)
    given = with_rows(small_inputs(300), order, gains)
    found = shown(given)
    assert found["top gain"] == ids(given, order[np.argsort(-gains)[:TOP]])
    last = [row for row, gain in zip(order[::-1], gains[::-1], strict=True) if gain < 92][:LAST]
    assert found["last in"] == ids(given, last)
    assert len(found["random"]) == RANDOM
    assert set(found["random"]) <= set(ids(given, order))
    assert len(found["near miss"]) == NEAR
    assert not set(found["near miss"]) & set(ids(given, order))
    everything = [row_id for rows in found.values() for row_id in rows]
    assert len(everything) == len(set(everything)) == 30
    assert found == shown(given)


@pytest.mark.parametrize("k", [0, 1, 5, 12, 20, 60])
def test_a_small_subset_and_the_whole_pool_show_no_row_twice(k):
    given = with_rows(small_inputs(60), range(k), np.zeros(k))
    table = rows_to_read(given).tables["rows_to_read"]
    assert table["row_id"].n_unique() == table.height
    assert table.filter(pl.col("rank").is_not_null()).height == min(k, TOP + LAST + RANDOM)
    assert table.filter(pl.col("kind") == "near miss").height == min(NEAR, 60 - max(k, 1))


def test_every_row_tells_its_facts_and_its_turns():
    given = small_inputs()
    figure = rows_to_read(given)
    first = figure.parts[0].items[0]
    row = int(given.chosen.rows[0])
    known = given.pool.rows.row(row, named=True)
    assert first.heading.startswith("Rank 1 of 12, gain 5")
    assert first.facts["rank"] == 1
    assert first.facts["gain"] == 5
    assert first.facts["tokens"] == given.pool.tokens[row]
    assert first.facts["score"] == given.pool.scores["score"][row]
    assert (first.facts["row_id"], first.facts["origin"]) == (known["row_id"], known["origin"])
    carried = [
        label for label, carries in zip(given.pool.labels, given.pool.tags.toarray()[row], strict=True) if carries
    ]
    assert first.facts["labels"] == ", ".join(sorted(carried))
    assert first.turns == [
        ("user", f"ask {known['row_id']} {SCRIPT}"),
        ("assistant", f"answer from {known['source']} {SCRIPT}"),
    ]


def test_headings_say_what_the_rows_are_and_near_misses_how_they_were_found():
    mig = rows_to_read(small_inputs())
    assert [part.heading for part in mig.parts] == ["Highest gain", "Chosen last", "Near misses, not chosen"]
    assert [len(part.items) for part in mig.parts] == [8, 4, 8]
    assert "exactly; that one gained 1." in mig.about
    near = mig.parts[2].items[0]
    assert near.heading.startswith("Not chosen, would have gained ")
    assert "rank" not in near.facts
    other = rows_to_read(with_rows(small_inputs(), range(10), range(10)))
    assert "highest quality score that were not chosen: ifd gives" in other.about
    assert "gain" not in other.parts[2].items[0].facts


def test_without_scores_tags_or_tokens_the_rows_are_shown_all_the_same():
    figure = rows_to_read(small_inputs(scores={}, tags=None, label_graph=None, labels=[], tokens=None))
    assert "There are no near misses" in figure.about
    assert {"score", "labels", "tokens"}.isdisjoint(figure.parts[0].items[0].facts)


def test_long_rows_and_marks_that_nobody_sees_are_cut_and_written_out():
    said = Conversation((Message("user", "x" * 1_000_000), Message("assistant", "a\x00b\u202ec\x1b")))
    figure = rows_to_read(small_inputs(texts=lambda rows: [said] * rows.height))
    (_, asked), (_, answered) = figure.parts[0].items[0].turns
    assert len(asked) < TURN_CHARS + 60
    assert f"{1_000_000 - TURN_CHARS:,} characters left out" in asked
    assert answered == "a⟨U+0000⟩b⟨U+202E⟩c⟨U+001B⟩"
    assert len(figure.tables["rows_to_read"]["conversation"][0]) > 1_000_000


def test_a_pool_of_one_row():
    given = small_inputs(20)
    pool = dataclasses.replace(
        given.pool, rows=given.pool.rows[3:4], scores={"score": np.ones(1)}, tags=given.pool.tags[[3]], tokens=None
    )
    one = with_rows(dataclasses.replace(given, pool=pool), [0], [1.0])
    assert rows_to_read(one).tables["rows_to_read"].height == 1
    none = with_rows(dataclasses.replace(given, pool=dataclasses.replace(pool, scores={})), [], [])
    assert rows_to_read(none).missing

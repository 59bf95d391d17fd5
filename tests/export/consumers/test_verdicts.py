"""What a dry run says of rows, whatever the trainer."""

import polars as pl
import pytest

from mig_dagster.export.consumers import CONSUMERS, REASONS, ExportedRow
from mig_dagster.export.consumers.findings import CUT, FOUND

GOOD = {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}
ODD = {"messages": [*GOOD["messages"], {"role": "user", "content": "c"}]}
BROKEN = {"messages": None}
PLAIN = {"formatting": "sharegpt", "columns": {"messages": "messages"}}
PLAIN |= {"tags": {"role_tag": "role", "content_tag": "content", "user_tag": "user", "assistant_tag": "assistant"}}


def lines(*records):
    return [ExportedRow(rank, f"id {rank}", record) for rank, record in enumerate(records, start=1)]


def check(*records, **more):
    return CONSUMERS["llama-factory"](lines(*records), registration=PLAIN, **more)


@pytest.mark.parametrize("name", CONSUMERS)
def test_every_trainer_keeps_plain_rows_and_says_so_of_no_rows_too(name):
    told = {} if name != "llama-factory" else {"registration": PLAIN}
    for records in ([], [GOOD, GOOD]):
        run = CONSUMERS[name](lines(*records), **told)
        assert (run.rows, run.kept, run.lost) == (len(records), len(records), 0)
        assert run.dropped.schema == run.altered.schema == pl.Schema(FOUND)
        assert run.cut.schema == pl.Schema(CUT)
        assert run.sentence() == f"{run.consumer} would load all {len(records)} rows"


def test_a_dropped_row_is_named_with_its_reason_and_the_others_stay():
    run = check(GOOD, ODD, GOOD)
    assert (run.rows, run.kept, run.lost) == (3, 2, 1)
    assert run.dropped.select("rank", "row_id", "reason", "effect").rows() == [(2, "id 2", "odd_turns", "dropped")]
    assert "would lose 1 of 3 rows: odd_turns in 1" in run.sentence()


def test_a_row_that_stops_the_trainer_leaves_nothing_and_comes_first_among_the_reasons():
    run = check(GOOD, ODD, ODD, BROKEN)
    assert (run.kept, run.lost) == (0, 4)
    assert run.by_reason().select("effect", "reason", "rows", "first_rank").rows() == [
        ("stops", "no_messages", 1, 4),
        ("dropped", "odd_turns", 2, 2),
    ]
    assert "would stop with an error and train nothing" in run.sentence()


def test_the_counts_for_machines_are_those_of_the_frames():
    found = check(GOOD, ODD, ODD).as_dict(examples=1)
    assert (found["rows"], found["kept"], found["lost"], found["cut"], found["altered"]) == (3, 1, 2, 0, 0)
    assert [row["rank"] for row in found["examples"]["dropped"]] == [2]
    assert found["reasons"][0]["rows"] == 2


def test_a_column_that_the_entry_names_and_no_row_has_stops_the_trainer():
    entry = {**PLAIN, "columns": {"messages": "messages", "tools": "tools"}}
    run = CONSUMERS["llama-factory"](lines(GOOD, GOOD), registration=entry)
    assert run.dropped.select("rank", "reason", "effect").rows() == [(1, "missing_column", "stops")]
    assert CONSUMERS["llama-factory"](lines({**GOOD, "tools": ""}), registration=entry).lost == 0


@pytest.mark.parametrize("limit", [0, 5])
def test_a_limit_without_a_tokenizer_or_below_one_is_refused(limit):
    with pytest.raises(ValueError, match=f"max_tokens={limit} must be at least 1 and needs a tokenizer"):
        check(GOOD, max_tokens=limit)


def test_every_reason_that_the_rules_give_is_in_the_closed_list():
    assert all(text and text[0].islower() for text in REASONS.values())


def test_an_entry_of_alpaca_or_one_without_its_keys_is_refused():
    with pytest.raises(ValueError, match="formatting must be 'sharegpt' or 'openai'"):
        CONSUMERS["llama-factory"](lines(GOOD), registration={})
    with pytest.raises(ValueError, match="names no role_tag and no content_tag"):
        CONSUMERS["llama-factory"](lines(GOOD), registration={**PLAIN, "tags": {"user_tag": "user"}})

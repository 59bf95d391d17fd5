"""TRL itself loads what is exported for it, and leaves out exactly the rows that its dry run names."""

import pytest

from mig_dagster.annotations.tokens import RowTokenizer
from mig_dagster.export.consumers import CONSUMERS, ExportedRow
from mig_dagster.export.consumers.chat_tokens import ChatTokenizer
from tests.e2e.consumers.rows import ranks, write_records

pytestmark = pytest.mark.e2e

GOOD = {"messages": [{"role": "user", "content": "[row 1] hi"}, {"role": "assistant", "content": "ho"}]}


def case(path, chat_model, **more):
    return {"kind": "json", "data": str(path), "model": str(chat_model), "max_length": 1024, **more}


def turns(rank, *given):
    return [
        {"role": role, "content": f"[row {rank}] {text}" if at == 0 else text} for at, (role, text) in enumerate(given)
    ]


BAD = {
    "tools_not_json": {"messages": turns(2, ("user", "a"), ("assistant", "b")), "tools": "[1"},
    "no_messages": {"messages": []},
    "null_messages": {"messages": None},
    "no_role": {"messages": [{"content": "[row 2] a"}, {"role": "assistant", "content": "b"}]},
    "odd_turns": {"messages": turns(2, ("user", "a"), ("assistant", "b"), ("user", "c"))},
    "two_users": {"messages": turns(2, ("user", "a"), ("user", "c"), ("assistant", "b"))},
    "unknown_role": {"messages": turns(2, ("user", "a"), ("narrator", "c"), ("assistant", "b"))},
    "empty_answer": {"messages": turns(2, ("user", "a"), ("assistant", ""))},
    "mixed_arguments": {
        "messages": [
            *turns(2, ("user", "a")),
            {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "f", "arguments": {"a": [1]}}}]},
            {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "f", "arguments": "text"}}]},
        ]
    },
}


def test_a_bad_row_is_dropped_or_stops_trl_as_the_dry_run_says(real, chat_model, tmp_path):
    files = {name: [GOOD, bad, {"messages": turns(3, ("user", "x"), ("assistant", "y"))}] for name, bad in BAD.items()}
    cases = [case(write_records(tmp_path / f"{name}.jsonl", rows), chat_model) for name, rows in files.items()]
    for (name, rows), found in zip(files.items(), real("trl", cases), strict=True):
        told = CONSUMERS["trl"](ExportedRow(rank, str(rank), row) for rank, row in enumerate(rows, start=1))
        lost = told.dropped["rank"].to_list()
        wanted = "error" if told.kept == 0 else sorted({1, 2, 3} - set(lost))
        assert ("error" if "error" in found else ranks(found["texts"])) == wanted, (name, found)


def test_a_row_beyond_the_limit_is_cut_or_dropped_as_the_dry_run_counts(real, chat_model, tmp_path):
    long = [
        {"prompt": turns(rank, ("user", "word " * 10 * rank)), "completion": turns(0, ("assistant", "say " * 40))}
        for rank in range(1, 9)
    ]
    path = write_records(tmp_path / "long.jsonl", long)
    [found] = real("trl", [case(path, chat_model, max_length=120)])
    tokenizer = ChatTokenizer(RowTokenizer(str(chat_model)))
    rows = (ExportedRow(rank, str(rank), row) for rank, row in enumerate(long, start=1))
    told = CONSUMERS["trl"](rows, tokenizer=tokenizer, max_tokens=120)
    kept = sorted(set(range(1, 9)) - set(told.dropped["rank"]))
    assert told.dropped["reason"].unique().to_list() == ["no_trained_token"]
    assert ranks(found["texts"]) == kept
    assert kept
    cut = dict(told.cut.select("rank", "kept_trained").iter_rows())
    assert {rank: trained for rank, trained in zip(kept, found["trained"], strict=True) if rank in cut} == cut

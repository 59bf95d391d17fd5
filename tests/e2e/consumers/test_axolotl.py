"""Axolotl itself prepares what is exported for it, and leaves out exactly the rows that its dry run names."""

import pytest

from mig_dagster.annotations.tokens import RowTokenizer
from mig_dagster.export import export_to
from mig_dagster.export.consumers import CONSUMERS
from mig_dagster.export.consumers.chat_tokens import ChatTokenizer
from mig_dagster.stages.dry_run import dry_run_of
from tests.e2e.consumers.bad_rows import BAD, file_of, good, turns
from tests.e2e.consumers.rows import frame, hard, write_records
from tests.e2e.consumers.verdicts import done, exported, said
from tests.export.rows import LOCK

pytestmark = pytest.mark.e2e

DATASET = {"type": "chat_template", "field_messages": "messages", "roles_to_train": ["assistant"]}
DATASET |= {"train_on_eos": "turn", "message_property_mappings": {"role": "role", "content": "content"}}
RENAMED = {
    "messages": [
        {"role": "human", "content": "[row 2] a", "weight": 1},
        {"role": "gpt", "content": "b", "weight": 0},
    ]
}
NULL_SYSTEM = {**good(2), "system": None}


def test_bad_rows_are_dropped_or_stop_it_as_the_dry_run_says_and_hard_rows_stay(real, tmp_path, chat_model):
    files = {name: file_of(bad) for name, bad in {**BAD, "renamed_roles": RENAMED, "null_system": NULL_SYSTEM}.items()}
    long = [{"messages": turns(rank, ("user", "why " * 10 * rank), ("assistant", "so " * 20))} for rank in range(1, 7)]
    rows = frame(hard())
    whole = export_to(tmp_path / "hard", "axolotl", rows, LOCK)

    common = {"kind": "json", "model": str(chat_model), "dataset": DATASET, "sequence_len": 2048}
    cases = [{**common, "data": str(write_records(tmp_path / f"{name}.jsonl", files[name]))} for name in files]
    cases.append({**common, "data": str(write_records(tmp_path / "long.jsonl", long)), "sequence_len": 160})
    cases.append({**cases[-1], "options": {"excess_length_strategy": "truncate"}})
    data = {"kind": "parquet", "data": str(whole.folder / whole.data[0]), "dataset": whole.registration}
    *found, dropped, cut, kept = real("axolotl", [*cases, {**common, **data}])

    counts = ChatTokenizer(RowTokenizer(str(chat_model)))
    wrong = {}
    for (name, records), result in zip(files.items(), found, strict=True):
        told = CONSUMERS["axolotl"](exported(records), registration=DATASET, tokenizer=counts)
        if said(told) != done(result):
            wrong[name] = (said(told), told.dropped["detail"].to_list(), result)
    assert wrong == {}
    assert "system\nNone" in found[-1]["texts"][1]

    assert done(kept) == rows["rank"].to_list() == said(dry_run_of(whole, rows, RowTokenizer(str(chat_model))))
    for word in ("Łódź", "get_weather", '"numbers": [1, 2.5]', "grey", "Two and two are four.", "为什么", "散射"):
        assert any(word in text for text in kept["texts"]), word

    told = CONSUMERS["axolotl"](exported(long), registration=DATASET, tokenizer=counts, max_tokens=160)
    assert told.dropped["reason"].unique().to_list() == ["too_long"]
    assert done(dropped) == said(told)
    told = CONSUMERS["axolotl"](
        exported(long),
        registration={**DATASET, "excess_length_strategy": "truncate"},
        tokenizer=counts,
        max_tokens=160,
    )
    assert done(cut) == said(told)
    assert len(told.cut)

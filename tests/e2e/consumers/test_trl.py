"""TRL itself loads what is exported for it, and leaves out exactly the rows that its dry run names.

With it the library datasets, on the files that it reads for itself.
"""

import pytest

from mig_dagster.annotations.tokens import RowTokenizer
from mig_dagster.conversation import canonical_json
from mig_dagster.export import export_to
from mig_dagster.export.consumers import CONSUMERS
from mig_dagster.export.consumers.chat_tokens import ChatTokenizer
from mig_dagster.export.conversations import trainable
from mig_dagster.stages.dry_run import dry_run_of
from tests.e2e.consumers.bad_rows import BAD, LATE, file_of, turns
from tests.e2e.consumers.rows import frame, hard, with_mark, write_records
from tests.e2e.consumers.verdicts import done, exported, said
from tests.export.rows import LOCK

pytestmark = pytest.mark.e2e


def of_export(made):
    """Return how the files of an export are loaded."""
    kind = "parquet" if made.data[0].endswith(".parquet") else "json"
    return {"kind": kind, "data": [str(made.folder / name) for name in made.data]}


def prompts(number):
    return [
        {
            "prompt": turns(rank, ("user", "word " * 10 * rank)),
            "completion": [{"role": "assistant", "content": "say " * 40}],
        }
        for rank in range(1, number + 1)
    ]


def test_bad_rows_are_dropped_or_stop_it_as_the_dry_run_says_and_hard_rows_stay(real, chat_model, tmp_path):
    files = {name: file_of(bad) for name, bad in BAD.items()} | LATE
    long, rows = prompts(8), frame(hard())
    made = {form: export_to(tmp_path / form, form, rows, LOCK) for form in ("trl", "trl-prompt-completion")}
    plain = {form: export_to(tmp_path / form, form, rows, LOCK) for form in ("jsonl", "hf")}
    common = {"kind": "json", "model": str(chat_model), "max_length": 2048}
    cases = [{**common, "data": str(write_records(tmp_path / f"{name}.jsonl", files[name]))} for name in files]
    cases.append({**common, "data": str(write_records(tmp_path / "long.jsonl", long)), "max_length": 120})
    cases += [common | of_export(each) for each in made.values()]
    cases += [common | of_export(each) | {"plain": True} for each in plain.values()]
    results = real("trl", cases)
    found, cut, kept, loaded = results[: len(files)], results[len(files)], results[-4:-2], results[-2:]

    counts = ChatTokenizer(RowTokenizer(str(chat_model)))
    wrong = {}
    for (name, records), result in zip(files.items(), found, strict=True):
        told = CONSUMERS["trl"](exported(records), tokenizer=counts)
        if said(told) != done(result):
            wrong[name] = (said(told), told.dropped["detail"].to_list(), result)
    assert wrong == {}

    for (form, each), result in zip(made.items(), kept, strict=True):
        run = dry_run_of(each, rows, RowTokenizer(str(chat_model)))
        assert done(result) == rows["rank"].to_list() == said(run), (form, result)
        for word in ("Łódź", "get_weather", '"numbers": [1, 2.5]', "grey", "Two and two are four.", "为什么", "散射"):
            assert any(word in text for text in result["texts"]), (form, word)
    wanted = [trainable(with_mark(each, rank))["messages"] for rank, each in enumerate(hard(), start=1)]
    for (form, each), result in zip(plain.items(), loaded, strict=True):
        assert "error" not in result, (form, result)
        assert canonical_json([record["messages"] for record in result["records"]]) == canonical_json(wanted), form
        assert dry_run_of(each, rows).lost == 0

    told = CONSUMERS["trl"](exported(long), tokenizer=counts, max_tokens=120)
    assert set(told.dropped["reason"]) == {"no_trained_token"}
    assert done(cut) == said(told)
    trained = dict(zip(said(told), cut["trained"], strict=True))
    assert {rank: trained[rank] for rank in told.cut["rank"]} == dict(
        told.cut.select("rank", "kept_trained").iter_rows()
    )

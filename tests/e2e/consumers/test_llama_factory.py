"""LLaMA-Factory itself loads what is exported for it, and leaves out exactly the rows that its dry run names."""

import json

import pytest

from mig_dagster.annotations.tokens import RowTokenizer
from mig_dagster.export import export_to
from mig_dagster.export.consumers import CONSUMERS
from mig_dagster.export.consumers.chat_tokens import ChatTokenizer
from mig_dagster.export.consumers.llama_factory_entry import SAFE_ENTRY
from mig_dagster.stages.dry_run import dry_run_of
from tests.e2e.consumers.bad_rows import BAD, LATE, file_of, turns
from tests.e2e.consumers.rows import frame, hard, write_records
from tests.e2e.consumers.verdicts import done, exported, said
from tests.export.rows import LOCK

pytestmark = pytest.mark.e2e

TAGS = dict(SAFE_ENTRY["tags"])
LOST_TAGS = {name: tag for name, tag in TAGS.items() if name not in ("observation_tag", "function_tag")}
ENTRIES = {
    "sharegpt": {"formatting": "sharegpt", "columns": {"messages": "messages"}, "tags": TAGS},
    "sharegpt_tools": {"formatting": "sharegpt", "columns": {"messages": "messages", "tools": "tools"}, "tags": TAGS},
    "openai": {"formatting": "openai", "columns": {"messages": "messages", "tools": "tools"}, "tags": TAGS},
    "default_tools": {
        "formatting": "sharegpt",
        "columns": {"messages": "messages", "tools": "tools"},
        "tags": TAGS,
        "tool_format": "default",
    },
    "tags_left_out": {"formatting": "sharegpt", "columns": {"messages": "messages"}, "tags": LOST_TAGS},
}


def register(folder, name, records, entry):
    write_records(folder / f"{name}.jsonl", records)
    path = folder / "dataset_info.json"
    known = json.loads(path.read_text()) if path.is_file() else {}
    path.write_text(json.dumps(known | {name: {**entry, "file_name": f"{name}.jsonl"}}))


def with_tools(records):
    """Give every row the column that an entry names; as text, which is what the trainer wants."""
    return [{"tools": "", **record} for record in records]


@pytest.fixture
def case(tmp_path, chat_model):
    def made(name, folder=tmp_path, cutoff_len=2048, template="qwen"):
        model = str(chat_model)
        return {"name": name, "folder": str(folder), "model": model, "cutoff_len": cutoff_len, "template": template}

    return made


def test_bad_rows_are_dropped_or_stop_it_as_the_dry_run_says_and_hard_rows_stay(real, case, tmp_path, chat_model):
    files = {
        (label, bad): with_tools(file_of(record)) if "tools" in entry["columns"] else file_of(record)
        for label, entry in ENTRIES.items()
        for bad, record in BAD.items()
    }
    files |= {("sharegpt", name): records for name, records in LATE.items()}
    for (label, bad), records in files.items():
        register(tmp_path, f"{label}-{bad}", records, ENTRIES[label])
    long = [
        {"messages": turns(rank, *[("user", "why " * 12), ("assistant", "so " * n)] * 2)}
        for rank, n in enumerate((5, 20, 45), start=1)
    ]
    register(tmp_path, "long", long, ENTRIES["sharegpt"])
    rows = frame(hard())
    whole = export_to(tmp_path / "hard", "llama-factory", rows, LOCK)

    templates = {"default_tools": "default"}
    cases = [case(f"{label}-{bad}", template=templates.get(label, "qwen")) for label, bad in files]
    cases += [case("long", cutoff_len=90, template=None), case(LOCK["name"], whole.folder)]
    *found, cut, kept = real("llama_factory", cases)
    wrong = {}
    for ((label, bad), records), result in zip(files.items(), found, strict=True):
        told = CONSUMERS["llama-factory"](exported(records), registration=ENTRIES[label])
        if said(told) != done(result):
            wrong[label, bad] = (said(told), told.dropped["detail"].to_list(), result)
    assert wrong == {}

    assert done(kept) == rows["rank"].to_list() == said(dry_run_of(whole, rows))
    for word in ("Łódź", "get_weather", '"numbers": [1, 2.5]', "grey", "Two and two are four.", "为什么", "散射"):
        assert any(word in text for text in kept["texts"]), word

    counts = ChatTokenizer(RowTokenizer(str(chat_model)))
    told = CONSUMERS["llama-factory"](exported(long), registration=ENTRIES["sharegpt"], tokenizer=counts, max_tokens=90)
    assert done(cut) == said(told)
    assert told.cut["rank"].to_list() == [rank for rank, n in enumerate(cut["tokens"], start=1) if n == 90]
    assert len(told.cut) >= 2
    assert told.cut["kept_trained"].to_list() == pytest.approx(
        [cut["trained"][rank - 1] for rank in told.cut["rank"]], abs=4
    )

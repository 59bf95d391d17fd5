"""Every format, read back by rules written here, holds the conversations that it was given, in their order."""

import json
import tempfile
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mig_dagster.conversation import Conversation, Message
from mig_dagster.export import FORMATS, export_to
from mig_dagster.export.formats import REASONS
from mig_dagster.export.reading import exported_rows
from tests.export.rows import LOCK, MARKS, calls, free_conversations, ordered_conversations, subset

EXACT = sorted(set(FORMATS) - {"llama-factory", "open-instruct"})
ASKED = Conversation((Message("user", "1+1?"), Message("assistant", "2")))
TOOLS = '[{"name": "weather", "description": "now", "parameters": {"type": "object", "properties": {}}}]'
RICH = Conversation(
    (
        Message("system", "Be brief."),
        Message("user", "Weather in Oslo and Rome?\u2028"),
        Message("assistant", "I look.", calls(("weather", {"city": "Oslo"}), ("weather", "Rome")), "Two calls."),
        Message("tool", "rain"),
        Message("tool", ""),
        Message("assistant", "", calls(("weather", {"city": 3}))),
        Message("tool", "sun"),
        Message("assistant", "Rain ☔ and sun", None, "Done."),
    ),
    TOOLS,
)


def read(form: str, folder: Path) -> list[Conversation]:
    """Return the conversations in an export by rules of this file: those of the format's documentation."""
    return [conversation(record) for path in data_files(folder) for record in records(path)]


def data_files(folder):
    found = [*folder.rglob("*.parquet"), *folder.glob("*.jsonl")]
    return sorted(path for path in found if ".left_out." not in path.name)


def records(path):
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return pq.read_table(path).to_pylist()


def conversation(record):
    turns = record["messages"] if "messages" in record else record["prompt"] + record["completion"]
    turns = [json.loads(turn) if isinstance(turn, str) else turn for turn in turns]
    offered = record.get("tools")
    if isinstance(offered, list):
        offered = json.dumps([json.loads(tool) if isinstance(tool, str) else tool for tool in offered])
    return Conversation(tuple(map(message, turns)), offered)


def message(turn):
    made = turn.get("tool_calls")
    if isinstance(made, list):
        for each in made:
            said = each["function"]["arguments"]
            each["function"]["arguments"] = unquoted(said) if isinstance(said, str) else said
        made = json.dumps(made)
    return Message(turn["role"], turn["content"], made, turn.get("reasoning_content"))


def unquoted(text):
    """Axolotl's arguments are JSON text, those of the others are text only where the source has text."""
    try:
        return json.loads(text) if text[:1] in '{"' else text
    except ValueError:
        return text


@pytest.mark.parametrize("form", EXACT)
@pytest.mark.parametrize("rows", [[ASKED], [RICH], [ASKED, RICH, ASKED], []], ids=["plain", "rich", "both", "none"])
def test_conversations_come_back_as_they_were(form, rows, tmp_path):
    made = export_to(tmp_path / "out", form, subset(rows), LOCK)
    assert [each.row_id for each in read(form, tmp_path / "out")] == [each.row_id for each in rows]
    assert (made.rows, made.written, made.reread, made.left_out) == (len(rows), len(rows), len(rows), {})


@pytest.mark.parametrize("form", sorted(FORMATS))
@settings(max_examples=8, deadline=None)
@given(rows=st.lists(ordered_conversations() | free_conversations, max_size=4))
def test_whatever_the_rows_are_each_is_in_the_file_or_listed_with_its_reason(form, rows):
    frame = subset(rows)
    with tempfile.TemporaryDirectory() as folder:
        made = export_to(Path(folder) / "out", form, frame, LOCK)
        assert made.whole
        listing = made.folder / "mig_subset.left_out.jsonl"
        listed = records(listing) if listing.exists() else []
        written = list(exported_rows(made, frame))
    assert sorted([row["rank"] for row in listed] + [rank for rank, _, _ in written]) == list(range(1, len(rows) + 1))
    assert {row["reason"] for row in listed} == set(made.left_out) <= set(REASONS)
    if form in ("hf", "jsonl", "parquet"):
        assert listed == []
    if form in ("axolotl", "trl"):
        assert set(made.left_out) <= {"tools_not_a_list"}


@pytest.mark.parametrize("form", ["hf", "jsonl", "parquet", "trl"])
@settings(max_examples=8, deadline=None)
@given(rows=st.lists(free_conversations, max_size=3))
def test_formats_that_keep_everything_keep_everything(form, rows):
    with tempfile.TemporaryDirectory() as folder:
        export_to(Path(folder) / "out", form, subset(rows), LOCK)
        found = [stored(record) for path in data_files(Path(folder) / "out") for record in records(path)]
    assert [each.canonical_json() for each in found] == [each.canonical_json() for each in rows]


def stored(record):
    """Return the conversation in a record whose arguments are as the source has them."""
    turns = [json.loads(turn) if isinstance(turn, str) else turn for turn in record["messages"]]
    made = [turn.get("tool_calls") for turn in turns]
    texts = [None if each is None else each if isinstance(each, str) else json.dumps(each) for each in made]
    offered = record.get("tools")
    return Conversation(
        tuple(
            Message(turn["role"], turn["content"], text, turn.get("reasoning_content"))
            for turn, text in zip(turns, texts, strict=True)
        ),
        offered if offered is None or isinstance(offered, str) else json.dumps(offered),
    )


@pytest.mark.parametrize("form", sorted(FORMATS))
def test_every_line_is_one_line_for_every_reader_and_the_order_is_that_of_the_ranks(form, tmp_path):
    rows = [Conversation((Message("user", f"{i}\u2028\x85\u2029"), Message("assistant", "\x0b\x1c"))) for i in range(5)]
    export_to(tmp_path / "out", form, subset(rows), LOCK)
    (data,) = data_files(tmp_path / "out")
    if data.suffix == ".jsonl":
        assert len(data.read_text(encoding="utf-8").splitlines()) == len(data.read_bytes().splitlines()) == 5
    assert [each.messages[0].content[0] for each in read(form, tmp_path / "out")] == list("01234")


@pytest.mark.parametrize("form", sorted(FORMATS))
def test_what_does_not_read_back_as_it_was_replaces_nothing(form, tmp_path, monkeypatch):
    export_to(tmp_path / "out", form, subset([ASKED]), LOCK)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    for module in ("lines.read_lines", "tables.read_table", "formats.plain._stored"):
        monkeypatch.setattr(f"mig_dagster.export.{module}", lambda path: iter([wrong()]))
    with pytest.raises(OSError, match=r"out: 0 of 1 rows read back as they were: run again"):
        export_to(tmp_path / "out", form, subset([ASKED]), LOCK)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def wrong():
    turns = [{"role": "user", "content": "other"}]
    return {"messages": turns, "prompt": turns, "completion": [], "tools": None}


def test_a_mark_of_one_trainer_in_a_text_is_text_to_all_others(tmp_path):
    rows = [Conversation((Message("user", mark), Message("assistant", mark))) for mark in MARKS]
    for form in FORMATS:
        assert export_to(tmp_path / form, form, subset(rows), LOCK).left_out == {}
        assert [each.row_id for each in read(form, tmp_path / form)] == [each.row_id for each in rows]

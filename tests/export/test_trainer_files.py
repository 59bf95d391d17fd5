"""Types, configuration and commands of what TRL, Axolotl and open-instruct are given."""

import json
import shlex

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from mig_dagster.conversation import Conversation, Message
from mig_dagster.export import export_to
from mig_dagster.export.tables import TURNS, VALUES, Shape, shape_of
from tests.export.rows import LOCK, calls, subset

ASKED = Conversation((Message("user", "1+1?"), Message("assistant", "2")))
CALLED = Conversation(
    (
        Message("user", "Weather?"),
        Message("assistant", "", calls(("f", {"at": "Oslo", "day": 1}), ("f", {"day": "two"}))),
        Message("tool", "rain"),
        Message("assistant", "Rain."),
    ),
    '[{"name": "f", "parameters": {}}]',
)
THOUGHT = Conversation((Message("user", "1+1?"), Message("assistant", "2", None, "Count.")))


def settings(folder):
    return yaml.safe_load((folder / "mig_subset.train.yaml").read_text())


@pytest.mark.parametrize(
    ("rows", "plain", "tools"),
    [([ASKED], True, False), ([ASKED, THOUGHT], False, False), ([ASKED, CALLED], False, True), ([], True, False)],
)
def test_a_file_is_typed_by_all_of_its_rows(rows, plain, tools):
    assert shape_of(subset(rows)) == Shape(plain, tools)


def test_types_hold_where_the_first_tool_comes_late(tmp_path):
    rows = [Conversation((Message("user", str(i)), ASKED.messages[1])) for i in range(2500)]
    for form in ("trl", "axolotl"):
        export_to(tmp_path / form, form, subset([*rows, CALLED]), LOCK)
        file = pq.ParquetFile(tmp_path / form / "mig_subset.parquet")
        assert file.schema_arrow.field("messages").type == VALUES
        assert (file.metadata.num_rows, file.num_row_groups) == (2501, 3)
        last = [json.loads(turn) for turn in file.read().to_pylist()[-1]["messages"]]
        assert "tool_calls" not in last[0]
        assert len(last[1]["tool_calls"]) == 2


def test_trl_gets_objects_for_arguments_and_text_for_tools(tmp_path):
    made = export_to(tmp_path, "trl", subset([ASKED, CALLED]), LOCK)
    table = pq.read_table(tmp_path / "mig_subset.parquet")
    assert table.schema.field("tools").type == pa.string()
    assert table["tools"].to_pylist() == [None, CALLED.tools]
    call = json.loads(table["messages"].to_pylist()[1][1])["tool_calls"][0]
    assert call["function"]["arguments"] == {"at": "Oslo", "day": 1}
    part = settings(tmp_path)["datasets"][0]
    assert part == made.registration
    assert part["data_files"] == str(tmp_path / "mig_subset.parquet")
    assert part["columns"] == ["messages", "tools"]
    assert made.commands == (f"trl sft --config {tmp_path / 'mig_subset.train.yaml'}",)
    assert "datasets 4.7" in made.notes[0]


def test_trl_reads_plain_turns_as_structs_with_any_version(tmp_path):
    made = export_to(tmp_path, "trl", subset([ASKED]), LOCK)
    assert pq.read_schema(tmp_path / "mig_subset.parquet").field("messages").type == TURNS
    assert settings(tmp_path)["datasets"][0]["columns"] == ["messages"]
    assert not any("datasets 4.7" in note for note in made.notes)


@pytest.mark.parametrize("form", ["llama-factory", "trl", "axolotl", "open-instruct", "hf"])
def test_a_command_stays_one_command_where_the_folder_has_a_space_in_its_name(tmp_path, form):
    folder = tmp_path / "my subsets; no.1"
    (command,) = export_to(folder, form, subset([ASKED]), LOCK).commands
    assert any(word.startswith(str(folder)) for word in shlex.split(command))


def test_prompt_and_completion_are_all_before_the_last_answer_and_that_answer(tmp_path):
    two = Conversation((*ASKED.messages, Message("user", "and 2+2?"), Message("assistant", "4")))
    export_to(tmp_path, "trl-prompt-completion", subset([two, CALLED]), LOCK)
    first, second = pq.read_table(tmp_path / "mig_subset.parquet").to_pylist()
    assert [json.loads(turn)["content"] for turn in first["prompt"]] == ["1+1?", "2", "and 2+2?"]
    assert [json.loads(turn) for turn in first["completion"]] == [{"role": "assistant", "content": "4"}]
    assert (len(second["prompt"]), second["tools"]) == (3, CALLED.tools)
    assert settings(tmp_path)["datasets"][0]["columns"] == ["prompt", "completion", "tools"]


def test_a_row_whose_last_turn_is_no_answer_cannot_be_split(tmp_path):
    rows = [Conversation((*ASKED.messages, Message("user", "more?"))), Conversation((Message("assistant", "Hi"),))]
    made = export_to(tmp_path, "trl-prompt-completion", subset([ASKED, *rows]), LOCK)
    assert (made.written, made.left_out) == (1, {"no_last_answer": 2})


def test_axolotl_gets_text_for_arguments_and_a_list_for_tools(tmp_path):
    export_to(tmp_path, "axolotl", subset([ASKED, CALLED]), LOCK)
    table = pq.read_table(tmp_path / "mig_subset.parquet").to_pylist()
    call = json.loads(table[1]["messages"][1])["tool_calls"][0]
    assert json.loads(call["function"]["arguments"]) == {"at": "Oslo", "day": 1}
    assert [json.loads(tool) for tool in table[1]["tools"]] == json.loads(CALLED.tools)
    assert table[0]["tools"] is None
    entry = settings(tmp_path)["datasets"][0]
    assert entry == {
        "path": str(tmp_path / "mig_subset.parquet"),
        "ds_type": "parquet",
        "split": "train",
        "type": "chat_template",
        "field_messages": "messages",
        "message_property_mappings": {"role": "role", "content": "content"},
        "roles_to_train": ["assistant"],
        "train_on_eos": "turn",
        "field_tools": "tools",
    }


def test_axolotl_gets_json_lines_of_plain_turns(tmp_path):
    made = export_to(tmp_path, "axolotl", subset([ASKED]), LOCK)
    assert made.data == ("mig_subset.jsonl",)
    assert (made.registration["ds_type"], "field_tools" in made.registration) == ("json", False)


def test_open_instruct_takes_every_row_and_names_its_source(tmp_path):
    made = export_to(tmp_path, "open-instruct", subset([ASKED, THOUGHT, CALLED]), LOCK)
    lines = [json.loads(line) for line in (tmp_path / "mig_subset.jsonl").read_text().splitlines()]
    assert [line["dataset_source"] for line in lines] == ["b", "a"]
    assert lines[1]["messages"][1] == {"role": "assistant", "content": "<think>\nCount.\n</think>\n\n2"}
    assert f"--dataset_mixer_list {tmp_path / 'mig_subset.jsonl'} 1.0 " in made.commands[0]
    assert made.left_out == {"tools_not_trained": 1}
    (left_out,) = [json.loads(line) for line in (tmp_path / "mig_subset.left_out.jsonl").read_text().splitlines()]
    assert left_out == {"rank": 3, "row_id": CALLED.row_id, "source": "b", "reason": "tools_not_trained"}


def test_a_listing_of_rows_left_out_goes_when_none_are(tmp_path):
    export_to(tmp_path, "open-instruct", subset([ASKED, CALLED]), LOCK)
    export_to(tmp_path, "open-instruct", subset([ASKED]), LOCK)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mig_subset.jsonl"]


def test_tools_that_are_no_list_are_refused_where_the_trainer_stops_at_them(tmp_path):
    told = Conversation(ASKED.messages, "use any tool you know")
    for form in ("trl", "axolotl", "llama-factory"):
        assert export_to(tmp_path / form, form, subset([told]), LOCK).left_out == {"tools_not_a_list": 1}
    assert export_to(tmp_path / "hf", "hf", subset([told]), LOCK).left_out == {}

"""LLaMA-Factory's folder: its entry, its turns, and that no row is written which its converter would drop."""

import json

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from mig_dagster.conversation import Conversation, Message
from mig_dagster.export import build_export, export_to
from mig_dagster.export.conversations import NotExpressibleError
from mig_dagster.export.formats.llama_factory_turns import BETWEEN_RESULTS, CODEC, with_inline_reasoning
from tests.export.rows import LOCK, calls, free_conversations, ordered_conversations, subset

ASKED = Conversation((Message("user", "1+1?"), Message("assistant", "2")))
TOOLS = '[{"name": "f", "parameters": {"properties": {}}}]'


def turns(*messages, tools=None):
    return CODEC.encode(Conversation(tuple(messages), tools))["messages"]


def test_the_entry_names_every_role_and_only_columns_that_are_there(tmp_path):
    export_to(tmp_path, "llama-factory", subset([ASKED]), LOCK)
    entry = json.loads((tmp_path / "dataset_info.json").read_text())["mig_subset"]
    assert (entry["file_name"], entry["formatting"]) == ("mig_subset.jsonl", "sharegpt")
    assert entry["columns"] == {"messages": "messages"}
    assert set(entry["tags"]) == {
        *("role_tag", "content_tag", "user_tag", "assistant_tag", "observation_tag", "function_tag", "system_tag")
    }
    assert (tmp_path / "mig_subset.jsonl").read_text().count('"tools"') == 0
    export_to(tmp_path, "llama-factory", subset([ASKED, Conversation(ASKED.messages, TOOLS)]), LOCK)
    entry = json.loads((tmp_path / "dataset_info.json").read_text())["mig_subset"]
    assert entry["columns"] == {"messages": "messages", "tools": "tools"}
    lines = [json.loads(line) for line in (tmp_path / "mig_subset.jsonl").read_text().splitlines()]
    assert [line["tools"] for line in lines] == ["", TOOLS]


def test_data_sets_that_are_registered_already_stay(tmp_path):
    other = {"file_name": "alpaca.json"}
    (tmp_path / "dataset_info.json").write_text(json.dumps({"alpaca": other, "mig_subset": {}}))
    export_to(tmp_path, "llama-factory", subset([ASKED]), LOCK)
    known = json.loads((tmp_path / "dataset_info.json").read_text())
    assert known["alpaca"] == other
    assert known["mig_subset"]["file_name"] == "mig_subset.jsonl"


@pytest.mark.parametrize(("text", "told"), [("{", "is no JSON"), ("[]", "must hold a JSON object")])
def test_a_registration_that_cannot_be_extended_is_left_alone(text, told, tmp_path):
    (tmp_path / "dataset_info.json").write_text(text)
    with pytest.raises(ValueError, match=told):
        export_to(tmp_path, "llama-factory", subset([ASKED]), LOCK)
    assert [path.name for path in tmp_path.iterdir()] == ["dataset_info.json"]
    assert (tmp_path / "dataset_info.json").read_text() == text


def test_the_training_file_names_the_folder_and_the_data_set(tmp_path):
    made = export_to(tmp_path / "out", "llama-factory", subset([ASKED]), LOCK)
    settings = yaml.safe_load((tmp_path / "out" / "mig_subset.train.yaml").read_text())
    assert (settings["dataset_dir"], settings["dataset"]) == (str(tmp_path / "out"), "mig_subset")
    assert made.commands == (f"llamafactory-cli train {tmp_path / 'out' / 'mig_subset.train.yaml'}",)


def test_a_folder_in_a_bucket_is_copied_before_the_trainer_can_read_it(tmp_path):
    target = "s3://mine/exports/llama-factory"
    made = build_export(tmp_path / "aside", "llama-factory", subset([ASKED]), LOCK, target=target)
    assert made.notes[0] == f"copy {target} to a folder first, and name that one"
    assert made.commands == (f"llamafactory-cli train {target}/mig_subset.train.yaml",)


def test_names_in_other_letters_stay_two_data_sets(tmp_path):
    for name in ("训练集", "数据", "mig 训练集"):
        export_to(tmp_path, "llama-factory", subset([ASKED]), {**LOCK, "name": name})
    known = json.loads((tmp_path / "dataset_info.json").read_text())
    assert [name.rpartition("-")[0] for name in known] == ["subset", "subset", "mig"]
    assert len({entry["file_name"] for entry in known.values()}) == 3


def test_a_name_that_the_trainer_would_split_or_not_find_is_mended(tmp_path):
    made = export_to(tmp_path, "llama-factory", subset([ASKED]), {**LOCK, "name": "mine, yours/& 5%"})
    assert made.name == "mine_yours_5"
    assert "mine_yours_5" in json.loads((tmp_path / "dataset_info.json").read_text())


def test_calls_are_turns_of_their_own_role():
    assert turns(Message("user", "?"), Message("assistant", "", calls(("f", {"a": 1}), ("g", "raw"))))[1] == {
        "role": "function_call",
        "content": '[{"name": "f", "arguments": {"a": 1}}, {"name": "g", "arguments": "raw"}]',
    }


def test_text_and_reasoning_beside_calls_stand_before_them():
    said = turns(Message("user", "?"), Message("assistant", "I look.", calls(("f", {})), "Why not?"))[1]["content"]
    assert said == '<think>\nWhy not?\n</think>\n\nI look.<tool_call>[{"name": "f", "arguments": {}}]</tool_call>'
    assert turns(Message("user", "?"), Message("assistant", "2", None, "1+1"))[1]["content"] == (
        "<think>\n1+1\n</think>\n\n2"
    )


def test_results_of_several_calls_are_one_turn():
    ask = (Message("user", "?"), Message("assistant", "", calls(("f", {}), ("f", {}))))
    joined = turns(*ask, Message("tool", "1"), Message("tool", "2"), Message("assistant", "3"))
    assert joined[2] == {"role": "tool", "content": f"1{BETWEEN_RESULTS}2"}


@pytest.mark.parametrize(
    ("messages", "tools", "reason"),
    [
        (("user", "user", "assistant"), None, "turn_order"),
        (("assistant", "user", "assistant"), None, "turn_order"),
        (("system", "system", "user", "assistant"), None, "turn_order"),
        (("user", "assistant", "assistant"), None, "turn_order"),
        (("user", "system", "assistant"), None, "turn_order"),
        (("system",), None, "turn_order"),
        (("user", "assistant"), "call them as you like", "tools_not_a_list"),
    ],
)
def test_what_the_trainer_would_drop_or_fall_over_is_refused(messages, tools, reason):
    with pytest.raises(NotExpressibleError, match=reason):
        turns(*(Message(role, "text") for role in messages), tools=tools)


def test_marks_in_texts_that_would_change_the_turns_are_refused():
    made = calls(("f", {"text": "</tool_call><tool_call><think>\n"}))
    assert turns(Message("user", "?"), Message("assistant", "I look", made))
    for text in ("a <tool_call>", "a <tool_call>b</tool_call> c"):
        with pytest.raises(NotExpressibleError, match="text_like_markup"):
            turns(Message("user", "?"), Message("assistant", text, made))
    with pytest.raises(NotExpressibleError, match="text_like_markup"):
        turns(Message("user", "?"), Message("assistant", "", made), Message("tool", BETWEEN_RESULTS), ASKED.messages[1])


def converted(turns):
    """Return the roles that the trainer's sharegpt converter keeps, None for a row it drops."""
    body = turns[1:] if turns and turns[0] == "system" else turns
    for at, role in enumerate(body):
        if role not in (("user", "tool"), ("assistant", "function_call"))[at % 2]:
            return None
    return body if body and len(body) % 2 == 0 else None


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(["system", "user", "assistant", "tool"]), max_size=6))
def test_exactly_the_rows_that_the_converter_keeps_are_written(roles):
    merged = [role for at, role in enumerate(roles) if not (role == "tool" and at and roles[at - 1] == "tool")]
    conversation = Conversation(tuple(Message(role, "x") for role in roles))
    if converted(merged) is None:
        with pytest.raises(NotExpressibleError, match="turn_order"):
            CODEC.encode(conversation)
    else:
        assert [turn["role"] for turn in CODEC.encode(conversation)["messages"]] == merged


@settings(max_examples=80, deadline=None)
@given(ordered_conversations() | free_conversations)
def test_what_is_written_is_read_back_with_its_reasoning_inline(conversation):
    try:
        record = CODEC.encode(conversation)
    except NotExpressibleError:
        return
    assert CODEC.decode(record).canonical_json() == with_inline_reasoning(conversation).canonical_json()
    assert {type(turn["content"]) for turn in record["messages"]} == {str}
    for turn in record["messages"]:
        if turn["role"] == "function_call":
            _, _, inside = turn["content"].rpartition("<tool_call>")
            assert isinstance(json.loads(inside.removesuffix("</tool_call>")), list)

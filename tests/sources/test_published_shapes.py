"""Records as well-known datasets publish them: found without a format being named, and nothing of them lost."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mig_dagster.sources import Accepted, load_registry
from tests.sources.writing import lines, read, write

USER = {"role": "user", "content": "2 + 3?"}
ANSWER = {"role": "assistant", "content": "5"}
HUMAN = {"from": "human", "value": "2 + 3?"}
GPT = {"from": "gpt", "value": "5"}
PLAIN = [("user", "2 + 3?"), ("assistant", "5")]
BRIEF = [("system", "Be brief."), *PLAIN]


def accepted(path: str | Path) -> Accepted:
    (found,) = read(path)
    assert isinstance(found, Accepted), found
    return found


def turns(found: Accepted) -> list[tuple[str, str]]:
    return [(message.role, message.content) for message in found.conversation.messages]


SHAPES: dict[str, tuple[dict[str, Any], list[tuple[str, str]], dict[str, Any]]] = {
    "dolly": (
        {"instruction": "2 + 3?", "context": "Base 4.", "response": "11", "category": "math"},
        [("user", "2 + 3?\nBase 4."), ("assistant", "11")],
        {"category": "math"},
    ),
    "OpenOrca": (
        {"id": "a", "system_prompt": "Be brief.", "question": "2 + 3?", "response": "5"},
        BRIEF,
        {"id": "a"},
    ),
    "OpenOrca without a system prompt": ({"system_prompt": "", "question": "2 + 3?", "response": "5"}, PLAIN, {}),
    "MetaMathQA": (
        {"query": "2 + 3?", "response": "5", "original_question": "3 + 2?"},
        PLAIN,
        {"original_question": "3 + 2?"},
    ),
    "a solution beside its bare result": (
        {"problem": "2 + 3?", "solution": "It is 5.", "answer": "5"},
        [("user", "2 + 3?"), ("assistant", "It is 5.")],
        {"answer": "5"},
    ),
    "SQL with its tables": (
        {"question": "How many?", "context": "CREATE TABLE t (a int)", "answer": "SELECT count(*) FROM t"},
        [("user", "How many?\nCREATE TABLE t (a int)"), ("assistant", "SELECT count(*) FROM t")],
        {},
    ),
    "input and output": ({"input": "2 + 3?", "output": "5"}, PLAIN, {}),
    "instruction and completion": ({"instruction": "2 + 3?", "completion": "5"}, PLAIN, {}),
    "prompt and response": ({"prompt": "2 + 3?", "response": "5", "helpfulness": 4}, PLAIN, {"helpfulness": 4}),
    "LMSYS": ({"conversation_id": "a", "conversation": [USER, ANSWER]}, PLAIN, {"conversation_id": "a"}),
    "conversations with roles": ({"conversations": [USER, ANSWER]}, PLAIN, {}),
    "messages with speakers": ({"messages": [HUMAN, GPT]}, PLAIN, {}),
    "conversations null beside messages": (
        {"conversations": None, "messages": [USER, ANSWER]},
        PLAIN,
        {"conversations": None},
    ),
    "turns as JSON text": ({"messages": json.dumps([USER, ANSWER])}, PLAIN, {}),
    "roles in capitals": ({"messages": [USER | {"role": "User"}, ANSWER | {"role": "ASSISTANT"}]}, PLAIN, {}),
    "a bot": ({"conversations": [HUMAN, GPT | {"from": "bot"}]}, PLAIN, {}),
    "system beside messages": ({"system": "Be brief.", "messages": [USER, ANSWER]}, BRIEF, {}),
    "system beside a system turn that says the same": (
        {"system": "Be brief.", "conversations": [{"from": "system", "value": "Be brief."}, HUMAN, GPT]},
        BRIEF,
        {},
    ),
    "system beside another system turn": (
        {"system": "Be kind.", "conversations": [{"from": "system", "value": "Be brief."}, HUMAN, GPT]},
        [("system", "Be kind."), *BRIEF],
        {},
    ),
    "parts of the responses API": (
        {
            "messages": [
                {"role": "user", "content": [{"type": "input_text", "text": "2 + 3?"}]},
                {"role": "assistant", "content": [{"type": "output_text", "text": "5"}]},
            ]
        },
        PLAIN,
        {},
    ),
    "UltraFeedback": (
        {"prompt": "2 + 3?", "chosen": [USER, ANSWER], "messages": [USER, ANSWER], "score_chosen": 8.5},
        PLAIN,
        {"prompt": "2 + 3?", "score_chosen": 8.5},
    ),
    "a prompt that ends with the answer that was not chosen": (
        {"system": "Be brief.", "messages": [USER, ANSWER | {"content": "6"}], "chosen": [USER, ANSWER]},
        BRIEF,
        {},
    ),
    "distilabel's preferences": (
        {"system": "Be brief.", "input": "2 + 3?", "chosen": "5", "rejected": "6"},
        BRIEF,
        {"rejected": "6"},
    ),
}


@pytest.mark.parametrize(("record", "expected", "meta"), SHAPES.values(), ids=SHAPES)
def test_a_published_shape_is_found_and_read_whole(
    tmp_path: Path, record: dict[str, Any], expected: list[tuple[str, str]], meta: dict[str, Any]
) -> None:
    found = accepted(write(tmp_path / "a.jsonl", lines(record)))
    assert (turns(found), found.meta) == (expected, meta)


def test_notes_on_turns_that_are_told_again_are_those_of_the_chosen_ones(tmp_path: Path) -> None:
    record = {"messages": [USER | {"n": 1}, ANSWER | {"n": 2}], "chosen": [USER, ANSWER | {"n": 3}]}
    assert accepted(write(tmp_path / "a.jsonl", lines(record))).meta == {"message_extras": {"1": {"n": 3}}}


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning", "thinking"])
def test_reasoning_beside_the_content_is_reasoning_whatever_its_name(tmp_path: Path, name: str) -> None:
    found = accepted(write(tmp_path / "a.jsonl", lines({"messages": [USER, ANSWER | {name: "Hm."}]})))
    assert (found.conversation.messages[1].reasoning_content, found.meta) == ("Hm.", {})


def test_the_function_call_of_the_older_api_is_a_call_and_its_functions_are_tools(tmp_path: Path) -> None:
    call = {"name": "add", "arguments": '{"a": 2}'}
    record = {
        "messages": [
            USER,
            {"role": "assistant", "content": None, "function_call": call},
            {"role": "function", "name": "add", "content": "5"},
            ANSWER,
        ],
        "functions": [{"name": "add"}],
    }
    conversation = accepted(write(tmp_path / "a.jsonl", lines(record))).conversation
    assert [message.role for message in conversation.messages] == ["user", "assistant", "tool", "assistant"]
    assert json.loads(conversation.messages[1].tool_calls or "")[0]["function"] == {
        "name": "add",
        "arguments": {"a": 2},
    }
    assert conversation.tools == '[{"name": "add"}]'


def test_columns_make_a_shape_readable_that_is_not_known(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", lines({"ask": "2 + 3?", "reply": "5", "who": "Be brief."}))
    columns = {"question": "ask", "answer": "reply", "system": "who"}
    for form in (None, "question_answer"):
        (found,) = read(path, format=form, columns=columns)
        assert isinstance(found, Accepted)
        assert (turns(found), found.meta) == (BRIEF, {})


def test_text_that_parquet_calls_binary_is_text(tmp_path: Path) -> None:
    pq.write_table(pa.table({"instruction": [b"2 + 3?"], "output": [b"5"]}), tmp_path / "a.parquet")
    assert turns(accepted(tmp_path / "a.parquet")) == PLAIN


def test_calls_in_parquet_have_their_own_arguments_only(tmp_path: Path) -> None:
    def calling(**arguments: Any) -> dict[str, Any]:
        call = {"type": "function", "function": {"name": "add", "arguments": arguments}}
        return {"role": "assistant", "content": None, "tool_calls": [call]}

    tools = [
        {"name": "add", "parameters": {"a": {"type": "int"}}},
        {"name": "sub", "parameters": {"b": {"type": "int"}}},
    ]
    rows = [{"messages": [USER, calling(a=2)], "tools": tools}, {"messages": [USER, calling(b=3)], "tools": tools}]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")
    conversations = [found.conversation for found in read(tmp_path / "a.parquet") if isinstance(found, Accepted)]
    calls = [json.loads(each.messages[1].tool_calls or "")[0]["function"]["arguments"] for each in conversations]
    assert calls == [{"a": 2}, {"b": 3}]
    assert json.loads(conversations[0].tools or "") == tools


def test_a_registry_may_name_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "sources.yaml").write_text("sources:\n  - {name: a, uri: ~/data/a.jsonl}\n")
    assert load_registry(tmp_path / "sources.yaml")["a"].uri == str(tmp_path / "data" / "a.jsonl")

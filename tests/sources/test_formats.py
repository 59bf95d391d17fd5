import json
from typing import Any

import pytest

from mig_dagster.conversation import Message
from mig_dagster.sources.detection import detect
from mig_dagster.sources.formats import FORMATS
from mig_dagster.sources.parsed import Parsed
from mig_dagster.sources.validate import validate

CALL = '[{"type": "function", "function": {"name": "add", "arguments": {"a": 2}}}]'


def parse(form: str, **record: Any) -> Parsed:
    """Parse a record with the format that it is detected as, which must be the one named."""
    assert detect([record], "a.json").name == form
    return FORMATS[form].parse(record)


def turns(parsed: Parsed) -> list[tuple[str, str]]:
    return [(message.role, message.content) for message in parsed.messages]


def test_alpaca_puts_the_input_on_lines_of_its_own() -> None:
    parsed = parse("alpaca", instruction="Add.", input="2 and 3", output="5", category="math")
    assert turns(parsed) == [("user", "Add.\n2 and 3"), ("assistant", "5")]
    assert parsed.meta == {"category": "math"}


@pytest.mark.parametrize("given", ["", " \n", None])
def test_a_blank_input_adds_nothing(given: str | None) -> None:
    assert turns(parse("alpaca", instruction="Add.", input=given, output="5"))[0] == ("user", "Add.")


def test_alpaca_reads_response_where_there_is_no_output() -> None:
    assert turns(parse("alpaca", instruction="Add.", response="5"))[1] == ("assistant", "5")
    both = parse("alpaca", instruction="Add.", output="5", response="five")
    assert (turns(both)[1], both.meta) == (("assistant", "5"), {"response": "five"})


def test_alpaca_begins_with_system_and_history() -> None:
    parsed = parse("alpaca", instruction="c", output="d", system="s", history=[["a", "b"]], tools="[]")
    assert turns(parsed) == [("system", "s"), ("user", "a"), ("assistant", "b"), ("user", "c"), ("assistant", "d")]
    assert (parsed.tools, parsed.meta) == (None, {})


def test_a_parse_does_not_judge_blank_texts() -> None:
    assert turns(parse("alpaca", instruction="", output=" ")) == [("user", ""), ("assistant", " ")]


def test_sharegpt_maps_its_speakers_and_tools() -> None:
    conversation = [
        {"from": "human", "value": "2 + 3?"},
        {"from": "function_call", "value": '{"name": "add", "arguments": {"a": 2}}'},
        {"from": "observation", "value": "5"},
        {"from": "gpt", "value": "It is 5.", "weight": 0},
    ]
    parsed = parse("sharegpt", conversations=conversation, tools='[{"name": "add"}]', system="Be brief.", id=3)
    assert turns(parsed) == [
        ("system", "Be brief."),
        ("user", "2 + 3?"),
        ("assistant", ""),
        ("tool", "5"),
        ("assistant", "It is 5."),
    ]
    assert parsed.messages[2].tool_calls == CALL
    assert (parsed.tools, parsed.meta, parsed.extras) == ('[{"name": "add"}]', {"id": 3}, {"4": {"weight": 0}})


def test_calls_written_in_different_ways_are_the_same_call() -> None:
    written: list[dict[str, Any]] = [
        {"tool_calls": json.loads(CALL)},
        {"tool_calls": CALL},
        {"tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "add", "arguments": '{"a": 2}'}}]},
        {"tool_calls": [{"name": "add", "parameters": {"a": 2}}]},
        {"content": [{"type": "tool_call", "value": '{"name": "add", "arguments": {"a": 2}}'}]},
        {"content": [{"type": "tool_call", "value": {"name": "add", "arguments": {"a": 2}}}]},
        {"content": [{"type": "tool_call", "name": "add", "arguments": {"a": 2}}]},
        {"role": "function_call", "content": '[{"name": "add", "arguments": "{\\"a\\": 2}"}]'},
    ]
    for turn in written:
        message = {"role": "assistant", "content": None} | turn
        parsed = parse("messages", messages=[{"role": "user", "content": "x"}, message])
        assert parsed.messages[1] == Message("assistant", "", CALL)


def test_ids_of_calls_and_answers_stay_with_their_messages() -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "add", "arguments": "{}"}}
    messages = [
        {"role": "user", "content": "x", "name": "Ann"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "content": "5", "tool_call_id": "call_1"},
        {"role": "assistant", "content": "5", "tool_calls": None, "loss_weight": 1.0},
    ]
    parsed = parse("messages", messages=messages)
    _, meta = validate(parsed)
    assert meta["message_extras"] == {
        "0": {"name": "Ann"},
        "1": {"tool_calls": [{"id": "call_1"}]},
        "2": {"tool_call_id": "call_1"},
        "3": {"loss_weight": 1.0},
    }


@pytest.mark.parametrize("arguments", ["", "2, 3", "[2, 3]", '{"a": 1, "a": 2}', '{"a": NaN}'])
def test_arguments_that_are_no_json_object_stay_text(arguments: str) -> None:
    message = {"role": "assistant", "content": "", "tool_calls": [{"name": "add", "arguments": arguments}]}
    parsed = parse("messages", messages=[{"role": "user", "content": "x"}, message])
    assert json.loads(parsed.messages[1].tool_calls or "")[0]["function"]["arguments"] == arguments


def test_typed_parts_become_text_reasoning_and_calls() -> None:
    parts = [
        {"type": "reasoning", "value": "Hm."},
        {"type": "text", "value": "It is"},
        {"type": "text", "text": "5."},
        {"type": "thinking", "thinking": "Sure?"},
        {"type": "tool_call", "value": '{"name": "add", "arguments": {"a": 2}}'},
    ]
    parsed = parse("messages", messages=[{"role": "user", "content": "x"}, {"role": "assistant", "content": parts}])
    assert parsed.messages[1] == Message("assistant", "It is\n5.", CALL, "Hm.\nSure?")


def test_reasoning_may_stand_in_a_field_of_its_own() -> None:
    message = {"role": "assistant", "content": "5", "reasoning_content": "Hm."}
    parsed = parse("messages", messages=[{"role": "user", "content": "x"}, message])
    assert parsed.messages[1] == Message("assistant", "5", None, "Hm.")


def test_messages_may_be_called_conversations() -> None:
    conversation = [{"role": "developer", "content": "s"}, {"role": "user", "content": "a"}]
    assert turns(parse("messages", conversations=conversation)) == [("system", "s"), ("user", "a")]
    both = parse("messages", messages=conversation, conversations="old")
    assert both.meta == {"conversations": "old"}


@pytest.mark.parametrize("tools", ["", " ", "[]", [], {}, None])
def test_no_tools_are_no_tools_however_written(tools: Any) -> None:
    assert parse("messages", messages=[{"role": "user", "content": "a"}], tools=tools).tools is None


def test_tools_that_are_a_list_become_json() -> None:
    parsed = parse("messages", messages=[{"role": "user", "content": "a"}], tools=[{"name": "é"}])
    assert parsed.tools == '[{"name": "é"}]'


def test_xsample_keeps_every_annotation() -> None:
    rest = {
        "annotation": {
            "instag": {"content": ["math"], "versions": [100]},
            "deita": {"quality_scores": [3.5], "complexity_scores": [2.0]},
            "CaR": [0.9],
            "dialog_round": 1,
        },
        "source": ["flan"],
        "_id": "65f",
        "ifd_score": {"version": 1, "content": 0.4},
    }
    dialogs = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    parsed = parse("xsample", dialogs=dialogs, **rest)
    assert (turns(parsed), parsed.meta) == ([("user", "a"), ("assistant", "b")], rest)


@pytest.mark.parametrize("annotation", [None, {}, {"instag": None, "deita": None}, {"instag": {"content": []}}])
def test_xsample_needs_no_annotation(annotation: Any) -> None:
    dialogs = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    assert len(parse("xsample", dialogs=dialogs, annotation=annotation).messages) == 2


def test_question_and_answer() -> None:
    parsed = parse("question_answer", question="2 + 3?", answer="5", system="s", level=1)
    assert turns(parsed) == [("system", "s"), ("user", "2 + 3?"), ("assistant", "5")]
    assert parsed.meta == {"level": 1}


def test_prompt_and_completion_are_texts_or_messages() -> None:
    expected = [("user", "a"), ("assistant", "b")]
    prompt, completion = [{"role": "user", "content": "a"}], [{"role": "assistant", "content": "b"}]
    assert turns(parse("prompt_completion", prompt="a", completion="b")) == expected
    assert turns(parse("prompt_completion", prompt="a", response="b", system="s")) == [("system", "s"), *expected]
    assert turns(parse("prompt_completion", prompt=prompt, completion=completion)) == expected


def reply(text: str, rank: int | None, *replies: Any, **more: Any) -> dict[str, Any]:
    return {"text": text, "role": "assistant", "rank": rank, "replies": list(replies)} | more


def test_oasst_follows_the_lowest_rank_and_keeps_the_other_branches() -> None:
    second = reply("ranked second", 1, {"text": "thanks", "role": "prompter", "replies": [], "lang": "en"})
    others = [reply("unranked", None), reply("ranked first, deleted", 0, deleted=True), reply("worst", 2)]
    prompt = {"text": "a", "role": "prompter", "message_id": "m", "replies": [others[0], others[1], second, others[2]]}
    parsed = parse("oasst", prompt=prompt, tree_state="ready")
    assert turns(parsed) == [("user", "a"), ("assistant", "ranked second"), ("user", "thanks")]
    conversation, meta = validate(parsed)
    assert [message.content for message in conversation.messages] == ["a", "ranked second"]
    assert meta == {
        "tree_state": "ready",
        "trailing_turns": [{"role": "user", "content": "thanks"}],
        "message_extras": {"0": {"message_id": "m", "other_replies": others}, "1": {"rank": 1}, "2": {"lang": "en"}},
    }


def test_oasst_takes_the_first_of_replies_without_a_rank() -> None:
    prompt = {"text": "a", "role": "prompter", "replies": [reply("b", None), reply("c", None)]}
    assert turns(parse("oasst", prompt=prompt))[1] == ("assistant", "b")


ANSWER = {"role": "assistant", "content": "b"}
PREFERENCES: dict[str, dict[str, Any]] = {
    "texts": {"prompt": "a", "chosen": "b"},
    "a question": {"question": "a", "chosen": "b"},
    "an instruction": {"instruction": "a", "input": "", "chosen": "b"},
    "sharegpt": {"conversations": [{"from": "human", "value": "a"}], "chosen": {"from": "gpt", "value": "b"}},
    "messages": {"messages": [{"role": "user", "content": "a"}], "chosen": ANSWER},
    "lists": {"prompt": [{"role": "user", "content": "a"}], "chosen": [ANSWER]},
    "no prompt": {"chosen": [{"role": "user", "content": "a"}, ANSWER]},
    "a prompt repeated": {"prompt": "a", "chosen": [{"role": "user", "content": "a"}, ANSWER]},
    "a list repeated": {
        "prompt": [{"role": "user", "content": "a"}],
        "chosen": [{"role": "user", "content": "a"}, ANSWER],
    },
}


@pytest.mark.parametrize("case", PREFERENCES)
def test_preference_data_gives_the_chosen_answer_and_keeps_the_other(case: str) -> None:
    parsed = parse("preference", **PREFERENCES[case], rejected="c", score=1)
    assert turns(parsed) == [("user", "a"), ("assistant", "b")]
    assert parsed.meta == {"rejected": "c", "score": 1}


def test_a_chosen_answer_that_repeats_the_end_of_the_prompt_does_not_say_it_twice() -> None:
    before = [{"role": "system", "content": "s"}, {"role": "user", "content": "a"}]
    parsed = parse("preference", prompt=before, chosen=[{"role": "user", "content": "a", "n": 1}, ANSWER | {"n": 2}])
    assert turns(parsed) == [("system", "s"), ("user", "a"), ("assistant", "b")]
    assert parsed.extras == {"1": {"n": 1}, "2": {"n": 2}}


def test_a_chosen_answer_equal_to_a_message_of_the_prompt_is_still_the_answer() -> None:
    before = [{"role": "user", "content": "a"}, ANSWER, {"role": "user", "content": "a"}]
    assert len(parse("preference", prompt=before, chosen=ANSWER).messages) == 4


def test_trailing_turns_are_cut_and_kept() -> None:
    messages = [("user", "a"), ("assistant", "b"), ("tool", "c"), ("user", "d"), ("system", "e")]
    parsed = parse("messages", messages=[{"role": role, "content": text} for role, text in messages])
    conversation, meta = validate(parsed)
    assert [message.content for message in conversation.messages] == ["a", "b"]
    assert [turn["content"] for turn in meta["trailing_turns"]] == ["c", "d", "e"]


def test_a_column_named_like_a_note_of_the_reader_is_kept_under_another_name() -> None:
    messages = [{"role": "user", "content": "a", "n": 1}, ANSWER]
    _, meta = validate(parse("messages", messages=messages, message_extras="theirs", source_message_extras="too"))
    assert meta == {
        "message_extras": {"0": {"n": 1}},
        "source_message_extras": "theirs",
        "source_source_message_extras": "too",
    }

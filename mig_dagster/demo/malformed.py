"""The malformed records that are planted in each source, by the reason a reader should give."""

import json
from typing import Any

from mig_dagster.demo.rows import BlankLine, Malformed, Slot

_QUESTION, _ANSWER = "Name the capital of Portugal.", "The capital of Portugal is Lisbon."


def _turns(*turns: tuple[str, str]) -> dict[str, Any]:
    return {"conversations": [{"from": role, "value": text} for role, text in turns]}


def _messages(*turns: tuple[str, Any], **columns: Any) -> dict[str, Any]:
    return {"messages": [{"role": role, "content": content} for role, content in turns]} | columns


def _broken_line(question: str, answer: str) -> list[Slot]:
    """Lines that are not one JSON object; only JSON Lines can carry them."""
    whole = json.dumps({question: _QUESTION, answer: _ANSWER}).encode()
    return [
        Malformed(whole[:-14], "truncated_json"),
        Malformed(whole.replace(b'"The capital', b"The capital"), "invalid_json"),
        Malformed(whole + b" " + whole, "several_values"),
        Malformed(whole + b" # checked", "text_after_value"),
        Malformed(whole.replace(b"Lisbon", b"Lisb\xf3n"), "invalid_utf8"),
        Malformed(whole.replace(b"Lisbon", b"\\ud83dLisbon"), "unpaired_surrogate"),
        Malformed(whole.replace(b'"The capital of Portugal is Lisbon."', b"NaN"), "not_a_number"),
        Malformed(b'"just a string"', "not_an_object"),
        BlankLine(),
        BlankLine(b"   "),
        BlankLine(b"\t"),
    ]


MALFORMED: dict[str, tuple[Slot, ...]] = {
    "arithmetic": (
        *_broken_line("question", "answer"),
        Malformed({"question": "What is 7 x 8?"}, "missing_field"),
        Malformed({"answer": "56"}, "missing_field"),
        Malformed({"question": "What is 9 x 9?", "answer": ""}, "empty_answer"),
        Malformed({"question": "What is 6 x 9?", "answer": " \n"}, "empty_answer"),
        Malformed({"question": 42, "answer": "It is 42."}, "wrong_type"),
        Malformed({"question": "What is 3 x 9?", "answer": None}, "null_field"),
        Malformed({"question": "  ", "answer": "27"}, "empty_prompt"),
    ),
    "sql": (
        Malformed({"instruction": "Count the rows of table t.", "input": ""}, "missing_field"),
        Malformed({"instruction": "Drop table t.", "input": "", "output": ""}, "empty_answer"),
        Malformed({"instruction": "List table t.", "input": "", "output": ["SELECT * FROM t;"]}, "wrong_type"),
        Malformed({"instruction": None, "input": "", "output": "SELECT 1;"}, "null_field"),
        Malformed(b'"SELECT 1;"', "not_an_object"),
        Malformed(b'{"instruction": "Sort t.", "output": "a", "output": "b"}', "duplicate_key"),
    ),
    "units_and_extraction": (
        *_broken_line("prompt", "completion"),
        Malformed({"prompt": "Convert 3 feet to metres."}, "missing_field"),
        Malformed({"prompt": "Convert 4 feet to metres.", "completion": None}, "null_field"),
        Malformed({"prompt": "", "completion": "1.52 metres"}, "empty_prompt"),
        Malformed({"prompt": "Convert 5 feet to metres.", "completion": 1.52}, "wrong_type"),
        Malformed({"prompt": "Convert 6 feet to metres.", "completion": "\n"}, "empty_answer"),
    ),
    "help_desk": (
        Malformed(_turns(("human", "Hello?"), ("narrator", "Nobody answers.")), "unknown_role"),
        Malformed(_turns(("human", "Hello?"), ("human", "Is anyone there?")), "no_assistant_turn"),
        Malformed(_turns(("gpt", "Welcome to Larkspur Mobile!")), "no_user_turn"),
        Malformed(_turns(("human", "Where is my parcel?"), ("gpt", "")), "empty_answer"),
        Malformed({"conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt"}]}, "missing_field"),
        Malformed({"conversations": "human: Hi\ngpt: Hello"}, "wrong_type"),
    ),
    "tool_calls": (
        Malformed(_messages(("user", "What time is it?"), ("clock", "12:30")), "unknown_role"),
        Malformed(_messages(("user", "Hi"), ("assistant", "Hello"), tools="[{"), "invalid_tools"),
        Malformed(
            {
                "messages": [
                    {"role": "user", "content": "What is the weather in Oslo?"},
                    {"role": "assistant", "content": None, "tool_calls": [{"type": "function", "function": {}}]},
                ]
            },
            "invalid_tool_call",
        ),
        Malformed(
            _messages(("user", [{"type": "image_url", "image_url": {"url": "data:,"}}]), ("assistant", "A cat.")),
            "unsupported_content",
        ),
        Malformed(_messages(("user", "Is anyone there?")), "no_assistant_turn"),
        Malformed(_messages(("user", "Say nothing."), ("assistant", None)), "empty_answer"),
        Malformed(b'{"messages": [{"role": "user", "content": "Hi"}', "truncated_json"),
        BlankLine(),
    ),
    "essays": (
        Malformed(_messages(("user", "Write an essay on silence."), ("assistant", "")), "empty_answer"),
        Malformed(_messages(("user", "Write an essay on echoes.")), "no_assistant_turn"),
        Malformed(_messages(("user", " "), ("assistant", "An essay on nothing.")), "empty_prompt"),
        Malformed(_messages(("user", "Hi"), ("editor", "Please shorten.")), "unknown_role"),
        Malformed(_messages(("user", "Write about zero."), ("assistant", "Zero \0 is a number.")), "nul_character"),
        Malformed({"messages": None}, "null_field"),
    ),
}

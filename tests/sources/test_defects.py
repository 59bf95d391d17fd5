"""One defect, one reason; and each costs exactly its own record."""

import json
from pathlib import Path
from typing import Any

import pytest

from mig_dagster.sources import REASONS, Rejected
from mig_dagster.sources.decode import MAX_DEPTH
from tests.sources.writing import ROW, lines, read, reasons, write


def text(**changes: Any) -> bytes:
    return json.dumps(ROW | changes).encode()


def nested(levels: int) -> bytes:
    """Return a row with an object nested so deeply, the row itself being the first level."""
    return text(extra=0).replace(b'"extra": 0', b'"extra": ' + b'{"a": ' * (levels - 1) + b"1" + b"}" * (levels - 1))


ALPACA = {
    "invalid JSON": (b'{"instruction": nope}', "invalid_json"),
    "a bare word": (b"oops", "invalid_json"),
    "single quotes": (b"{'instruction': 'a', 'output': 'b'}", "invalid_json"),
    "a raw tab in a text": (b'{"instruction": "a\tb", "output": "c"}', "invalid_json"),
    "a comma too many": (text()[:-1] + b",}", "invalid_json"),
    "cut in a text": (text()[:30], "truncated_json"),
    "cut after a text": (text()[:-1], "truncated_json"),
    "cut after the first bracket": (b"{", "truncated_json"),
    "two objects": (text() + b" " + text(), "several_values"),
    "two objects without a space": (text() + text(), "several_values"),
    "text after the object": (text() + b', "versions": [100]}', "text_after_value"),
    "a comma after the object": (text() + b",", "text_after_value"),
    "a byte that is not UTF-8": (text().replace(b"5", b"\xe9"), "invalid_utf8"),
    "half a character in UTF-8": (text().replace(b"5", b"\xed\xa0\xbd"), "invalid_utf8"),
    "a key twice": (text()[:-1] + b', "output": "6"}', "duplicate_key"),
    "a key twice further down": (text(extra=0).replace(b"0}", b'[{"a": 1, "a": 1}]}'), "duplicate_key"),
    "NaN": (text(score=float("nan")), "not_a_number"),
    "Infinity": (text(score=float("inf")), "not_a_number"),
    "minus Infinity": (text(score=[float("-inf")]), "not_a_number"),
    "a float that overflows": (text(score=0).replace(b": 0}", b": 1e999}"), "number_too_large"),
    "an integer of 5,000 digits": (text(score=0).replace(b": 0}", b": " + b"1" * 5000 + b"}"), "number_too_large"),
    "half a pair": (text(output="a \ud83d"), "unpaired_surrogate"),
    "half a pair, capitals": (text(output="x").replace(b"x", b"\\uDE00"), "unpaired_surrogate"),
    "half a pair in a column": (text(note={"\udc00": 1}), "unpaired_surrogate"),
    "U+0000 in the answer": (text(output="a\0b"), "nul_character"),
    "U+0000 in the prompt": (text(instruction="a\0b"), "nul_character"),
    "101 levels": (nested(MAX_DEPTH + 1), "too_deep"),
    "200 levels": (nested(200), "too_deep"),
    "100,000 levels": (nested(100_000), "too_deep"),
    "100,000 levels that never close": (b"[" * 100_000, "truncated_json"),
    "a list": (b"[1, 2]", "not_an_object"),
    "a number": (b"12", "not_an_object"),
    "a text": (b'"row"', "not_an_object"),
    "null": (b"null", "not_an_object"),
    "no instruction": (b'{"output": "5"}', "missing_field"),
    "no output": (b'{"instruction": "a"}', "missing_field"),
    "an empty object": (b"{}", "missing_field"),
    "instruction null": (text(instruction=None), "null_field"),
    "output null": (text(output=None), "null_field"),
    "instruction a number": (text(instruction=7), "wrong_type"),
    "output a list": (text(output=["5"]), "wrong_type"),
    "output a boolean": (text(output=True), "wrong_type"),
    "input an object": (text(input={}), "wrong_type"),
    "system a number": (text(system=3), "wrong_type"),
    "history no list": (text(history="before"), "wrong_type"),
    "history not of pairs": (text(history=[["a", "b", "c"]]), "wrong_type"),
    "history not of texts": (text(history=[["a", None]]), "wrong_type"),
    "tools not JSON": (text(tools="[{'name': 'a'}]"), "invalid_tools"),
    "tools with half a pair": (text(tools='[{"name": "\\ud83d"}]'), "invalid_tools"),
    "tools too deep": (text(tools="[" * 2000 + "]" * 2000), "invalid_tools"),
    "tools a number": (text(tools=5), "wrong_type"),
    "blank instruction": (text(instruction=" \n\u3000"), "empty_prompt"),
    "empty instruction": (text(instruction=""), "empty_prompt"),
    "blank output": (text(output="\t"), "empty_answer"),
    "empty output": (text(output=""), "empty_answer"),
    "blank question in the history": (text(history=[["", "b"]]), "empty_prompt"),
}


def chat(*turns: Any, **columns: Any) -> bytes:
    """Return a line of messages; a pair stands for role and content."""
    pairs = [dict(zip(("role", "content"), turn, strict=True)) if isinstance(turn, tuple) else turn for turn in turns]
    return json.dumps({"messages": pairs} | columns).encode()


USER, ASSISTANT = ("user", "What is 2 + 3?"), ("assistant", "5")


def call(value: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": None, "tool_calls": value}


MESSAGES = {
    "an unknown role": (chat(USER, ("narrator", "x"), ASSISTANT), "unknown_role"),
    "a role that nobody plays": (chat(("narrator", "x"), ASSISTANT), "unknown_role"),
    "a role null": (chat((None, "x"), ASSISTANT), "null_field"),
    "a role that is a list": (chat((["user"], "x"), ASSISTANT), "wrong_type"),
    "a turn without a role": (chat(USER, {"content": "x"}), "missing_field"),
    "a turn without content": (chat({"role": "user"}, ASSISTANT), "missing_field"),
    "a turn that is a text": (chat("x", USER, ASSISTANT), "wrong_type"),
    "user content null": (chat(("user", None), ASSISTANT), "null_field"),
    "content a number": (chat(USER, ("assistant", 5)), "wrong_type"),
    "content an object": (chat(USER, ("assistant", {"text": "5"})), "wrong_type"),
    "assistant content null": (chat(USER, ("assistant", None)), "empty_answer"),
    "a blank answer before the last": (chat(USER, ("assistant", " "), USER, ASSISTANT), "empty_answer"),
    "an image": (chat(("user", [{"type": "image_url", "image_url": {"url": "x"}}]), ASSISTANT), "unsupported_content"),
    "a part without a type": (chat(("user", [{"text": "x"}]), ASSISTANT), "unsupported_content"),
    "a part whose type is a list": (chat(("user", [{"type": ["text"]}]), ASSISTANT), "unsupported_content"),
    "a part that is a text": (chat(("user", ["x"]), ASSISTANT), "wrong_type"),
    "a text part without text": (chat(("user", [{"type": "text"}]), ASSISTANT), "missing_field"),
    "no parts": (chat(("user", []), ASSISTANT), "empty_prompt"),
    "no user": (chat(("system", "x"), ASSISTANT), "no_user_turn"),
    "no user before the last answer": (chat(ASSISTANT, USER), "no_user_turn"),
    "no assistant": (chat(("system", "x"), USER), "no_assistant_turn"),
    "no messages": (chat(), "no_user_turn"),
    "messages null": (b'{"messages": null}', "null_field"),
    "messages a text": (b'{"messages": "user: x"}', "wrong_type"),
    "no field messages": (b'{"text": "x"}', "missing_field"),
    "calls that are a number": (chat(USER, call(7)), "invalid_tool_call"),
    "a call that is a text": (chat(USER, call(["add"])), "invalid_tool_call"),
    "a call without a name": (chat(USER, call([{"function": {"arguments": {}}}])), "invalid_tool_call"),
    "a call whose function is null": (chat(USER, call([{"function": None, "name": "a"}])), "invalid_tool_call"),
    "arguments that are a list": (chat(USER, call([{"name": "add", "arguments": [2]}])), "invalid_tool_call"),
    "calls that are no JSON": (chat(USER, call("add(2)")), "invalid_tool_call"),
    "a call part that is no JSON": (
        chat(USER, ("assistant", [{"type": "tool_call", "value": "add(2)"}])),
        "invalid_tool_call",
    ),
    "U+0000 in the reasoning": (
        chat(USER, ("assistant", [{"type": "reasoning", "value": "\0"}, {"type": "text", "value": "5"}])),
        "nul_character",
    ),
}


def share(*turns: tuple[Any, Any], **columns: Any) -> bytes:
    pairs = [dict(zip(("from", "value"), turn, strict=True)) for turn in turns]
    return json.dumps({"conversations": pairs} | columns).encode()


SHAREGPT = {
    "an unknown speaker": (share(("human", "x"), ("narrator", "y")), "unknown_role"),
    "a speaker that is a list": (share((["human"], "x"), ("gpt", "y")), "wrong_type"),
    "a value null": (share(("human", None), ("gpt", "y")), "null_field"),
    "a call that is no JSON": (share(("human", "x"), ("function_call", "{'name': 'a'}")), "invalid_tool_call"),
    "a call with a key twice": (
        share(("human", "x"), ("function_call", '{"name": "a", "name": "b"}')),
        "invalid_tool_call",
    ),
    "an empty list of calls": (share(("human", "x"), ("function_call", "[]")), "invalid_tool_call"),
    "no conversations": (b'{"id": 1}', "missing_field"),
}


def dialog(**annotation: Any) -> bytes:
    turns = [dict(zip(("role", "content"), turn, strict=True)) for turn in (USER, ASSISTANT)]
    return json.dumps({"dialogs": turns, "annotation": annotation}).encode()


def scores(quality: Any, complexity: Any) -> bytes:
    return dialog(deita={"quality_scores": quality, "complexity_scores": complexity})


XSAMPLE = {
    "tags as a text": (dialog(instag={"content": "math, logic"}), "tags_not_a_list"),
    "tags with a number": (dialog(instag={"content": ["math", 3]}), "tags_not_a_list"),
    "tags beside instag.content": (dialog(instag="math"), "tags_not_a_list"),
    "no scores": (scores([], []), "empty_scores"),
    "lists of unequal length": (scores([3.0, 2.0], [1.0]), "unequal_scores"),
    "scores that are a number": (scores(3.0, 2.0), "wrong_type"),
    "scores that are texts": (scores(["3"], ["2"]), "wrong_type"),
    "no dialogs": (b'{"annotation": {}}', "missing_field"),
}

PREFERENCE = {
    "no chosen answer": (json.dumps({"prompt": "x", "rejected": "y"}).encode(), "no_chosen_answer"),
    "chosen null": (json.dumps({"prompt": "x", "chosen": None}).encode(), "no_chosen_answer"),
    "chosen empty": (json.dumps({"prompt": "x", "chosen": []}).encode(), "no_chosen_answer"),
    "chosen blank": (json.dumps({"prompt": "x", "chosen": ""}).encode(), "empty_answer"),
    "no prompt": (json.dumps({"chosen": "y", "rejected": "z"}).encode(), "missing_field"),
    "chosen a number": (json.dumps({"prompt": "x", "chosen": 3}).encode(), "wrong_type"),
}

OASST = {
    "a deleted prompt": (json.dumps({"prompt": {"text": "x", "role": "prompter", "deleted": True}}), "deleted_message"),
    "a prompt without text": (json.dumps({"prompt": {"text": None, "role": "prompter"}}), "deleted_message"),
    "a prompt that is a text": (json.dumps({"prompt": "x"}), "wrong_type"),
    "no prompt": (json.dumps({"tree_state": "ready"}), "missing_field"),
    "replies that are a text": (
        json.dumps({"prompt": {"text": "x", "role": "prompter", "replies": "y"}}),
        "wrong_type",
    ),
    "a text that is a number": (json.dumps({"prompt": {"text": 5, "role": "prompter"}}), "wrong_type"),
    "no reply": (json.dumps({"prompt": {"text": "x", "role": "prompter", "replies": []}}), "no_assistant_turn"),
}

CASES = [
    pytest.param(form, line if isinstance(line, bytes) else line.encode(), reason, id=f"{form}: {name}")
    for form, table in {
        "alpaca": ALPACA,
        "messages": MESSAGES,
        "sharegpt": SHAREGPT,
        "xsample": XSAMPLE,
        "preference": PREFERENCE,
        "oasst": OASST,
    }.items()
    for name, (line, reason) in table.items()
]


@pytest.mark.parametrize(("form", "line", "reason"), CASES)
def test_a_defect_has_its_reason_and_a_detail(tmp_path: Path, form: str, line: bytes, reason: str) -> None:
    (found,) = read(write(tmp_path / "a.jsonl", line + b"\n"), format=form)
    assert isinstance(found, Rejected), found
    assert found.reason == reason, found.detail
    assert 0 < len(found.detail) <= 1000
    assert line[:2048].decode("utf-8", "backslashreplace").startswith(found.raw[:1500])
    json.dumps([found.detail, found.raw], ensure_ascii=False).encode()


@pytest.mark.parametrize("name", ALPACA)
def test_a_defect_costs_its_own_line_only(tmp_path: Path, name: str) -> None:
    line, reason = ALPACA[name]
    assert reasons(write(tmp_path / "a.jsonl", lines(ROW, line, ROW, ROW))) == ["", reason, "", ""]


IN_AN_ARRAY = {"invalid_json", "truncated_json", "several_values", "text_after_value"}


@pytest.mark.parametrize("name", [name for name, (_, reason) in ALPACA.items() if reason not in IN_AN_ARRAY])
def test_a_defect_costs_its_own_element_of_an_array_only(tmp_path: Path, name: str) -> None:
    line, reason = ALPACA[name]
    content = b"[" + b",\n".join([text(), line, text(), text()]) + b"]"
    assert reasons(write(tmp_path / "a.json", content)) == ["", reason, "", ""]


def test_a_reason_exists_for_every_case_and_a_case_for_every_reason() -> None:
    elsewhere = {"too_large"}  # test_containers.py: it takes a longer line
    assert {case.values[2] for case in CASES} | elsewhere == set(REASONS)


def test_as_many_levels_as_the_limit_are_read(tmp_path: Path) -> None:
    assert reasons(write(tmp_path / "a.jsonl", nested(MAX_DEPTH) + b"\n")) == [""]


def test_brackets_in_texts_are_not_levels(tmp_path: Path) -> None:
    assert reasons(write(tmp_path / "a.jsonl", lines(ROW | {"output": "[{" * 500}))) == [""]


def test_whole_pairs_and_ids_used_twice_are_accepted(tmp_path: Path) -> None:
    assert reasons(write(tmp_path / "a.jsonl", lines(*[ROW | {"id": 7, "output": "\U0001f600"}] * 2))) == ["", ""]


def test_what_is_kept_of_a_rejected_record_has_at_most_2048_bytes(tmp_path: Path) -> None:
    broken = [b"\xff" * 5000, ("é" * 3000).encode(), b"x" + ("é" * 3000).encode()]
    found = read(write(tmp_path / "a.jsonl", lines(*broken)), format="alpaca")
    assert [2046 <= len(record.raw.encode()) <= 2048 for record in found] == [True] * 3  # type: ignore[union-attr]
    assert found[0].raw.startswith("\\xff")  # type: ignore[union-attr]

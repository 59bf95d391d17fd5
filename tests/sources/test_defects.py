"""One defect of a record, one reason; and each costs exactly its own record. Whole files: test_defective_files.py.

`ALPACA` to `OASST` hold lines; `CELLS` those of a table, `COLUMNS` those of Parquet.
"""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mig_dagster.sources import REASONS, Rejected, SourceFileError
from mig_dagster.sources.decode import MAX_DEPTH
from tests.sources.test_defective_files import FILES
from tests.sources.writing import ROW, lines, nested, read, reasons, text, write

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

DEITA = {
    "no scores": (share(("human", "x"), ("gpt", "y"), quality_scores=[], complexity_scores=[]), "empty_scores"),
    "lists of unequal length": (
        share(("human", "x"), ("gpt", "y"), quality_scores=[3.0, 2.0], complexity_scores=[1.0]),
        "unequal_scores",
    ),
    "one list null": (share(("human", "x"), ("gpt", "y"), quality_scores=[3], complexity_scores=None), "wrong_type"),
    "scores that are true": (
        share(("human", "x"), ("gpt", "y"), quality_scores=[True], complexity_scores=[1]),
        "wrong_type",
    ),
    "scores that are texts": (
        share(("human", "x"), ("gpt", "y"), quality_scores="high", complexity_scores="low"),
        "wrong_type",
    ),
}

KTO = {
    "a bad answer": (chat(USER, ASSISTANT, label=False), "rejected_answer"),
    "no label": (chat(USER, ASSISTANT), "missing_field"),
    "label null": (chat(USER, ASSISTANT, label=None), "null_field"),
    "label a number": (chat(USER, ASSISTANT, label=1), "wrong_type"),
    "label a text": (chat(USER, ASSISTANT, label="good"), "wrong_type"),
    "no messages": (b'{"label": true}', "missing_field"),
}


def marked(text: Any) -> bytes:
    return json.dumps({"text": text}).encode()


TRANSCRIPT = {
    "no turns": (marked("What is 2 + 3? It is 5."), "no_turn_markers"),
    "no answer": (marked("\n\nHuman: x\n\nAssistant: y\n\nHuman: z\n\nAssistant:"), "empty_answer"),
    "a blank question": (marked("\n\nHuman:\n\nAssistant: y"), "empty_prompt"),
    "U+0000": (marked("\n\nHuman: x\n\nAssistant: \0"), "nul_character"),
    "text null": (marked(None), "null_field"),
    "text a list": (marked(["Human: x"]), "wrong_type"),
    "no text": (b'{"id": 1}', "missing_field"),
}

MARKED_TEXT = {
    "no turns": (marked("### Human: x"), "no_turn_markers"),
    "two styles": (marked("a ### Human: x ### Assistant: y USER: x ASSISTANT: y"), "no_turn_markers"),
    "text before the turns": (marked("a <|user|>x<|assistant|>y"), "text_outside_turns"),
    "text between the turns": (
        marked("<|im_start|>user\nx<|im_end|>a<|im_start|>assistant\ny<|im_end|>"),
        "text_outside_turns",
    ),
    "a role that nobody plays": (
        marked("<|im_start|>user\nx<|im_end|><|im_start|>narrator\nz<|im_end|><|im_start|>assistant\ny<|im_end|>"),
        "unknown_role",
    ),
    "an empty answer": (marked("[INST] x [/INST] </s>"), "empty_answer"),
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
        "deita": DEITA,
        "kto": KTO,
        "transcript": TRANSCRIPT,
        "marked_text": MARKED_TEXT,
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


LAYOUTS = {
    "a line each": (b"[\n", b",\n", b"\n]\n"),
    "a line each, indented": (b"[\n  ", b",\n  ", b"\n]"),
    "a line each, CRLF": (b"[\r\n", b",\r\n", b"\r\n]\r\n"),
}
WITH_A_COMMA = {"a comma after the object", "text after the object"}  # which ends an element of an array


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", [name for name in ALPACA if name not in WITH_A_COMMA])
def test_a_defect_costs_its_own_element_of_an_array_only(tmp_path: Path, name: str, layout: str) -> None:
    line, reason = ALPACA[name]
    begin, between, end = LAYOUTS[layout]
    content = begin + between.join([text(), line, text(), text()]) + end
    assert reasons(write(tmp_path / "a.json", content)) == ["", reason, "", ""]


def test_text_behind_a_comma_fails_an_array(tmp_path: Path) -> None:
    content = b"[\n" + b",\n".join([text(), text() + b', "versions": [100]}', text()]) + b"\n]"
    with pytest.raises(SourceFileError, match=r"line 3, column \d+: .* element 3 is followed by ':'"):
        read(write(tmp_path / "a.json", content))


OPEN_ENDED = {"invalid_json", "truncated_json", "several_values", "text_after_value"}


@pytest.mark.parametrize("name", [name for name, (_, reason) in ALPACA.items() if reason not in OPEN_ENDED])
def test_a_defect_costs_its_own_element_of_an_array_without_lines(tmp_path: Path, name: str) -> None:
    line, reason = ALPACA[name]
    content = b"[" + b", ".join([text(), line, text(), text()]) + b"]"
    assert reasons(write(tmp_path / "a.json", content)) == ["", reason, "", ""]


CELLS = {
    "a cell too many": (b"a,b,c", "cell_count"),
    "a cell too few": (b"a", "cell_count"),
    "a quote within a quoted cell": (b'"a"b,c', "invalid_csv"),
    "a byte that is not UTF-8": (b"a,\xe9", "invalid_utf8"),
    "U+0000": (b"a,\0", "nul_character"),
    "an empty answer": (b"a,", "empty_answer"),
    "an empty question": (b',"b"', "empty_prompt"),
    "a blank answer": (b'a,"\n "', "empty_answer"),
}


@pytest.mark.parametrize("name", CELLS)
def test_a_defect_costs_its_own_record_of_a_table_only(tmp_path: Path, name: str) -> None:
    line, reason = CELLS[name]
    content = b"instruction,output\n" + b"\n".join([b"a,b", line, b"a,b", b"a,b"])
    assert reasons(write(tmp_path / "a.csv", content)) == ["", reason, "", ""]


def invalid_text(*texts: bytes) -> pa.Array:
    """Return a column of texts that nobody checked."""
    binary = pa.array(texts, pa.binary())
    return pa.Array.from_buffers(pa.string(), len(texts), binary.buffers())


COLUMNS: dict[str, tuple[pa.Array, str]] = {
    "text that is not UTF-8": (invalid_text(b"a", b"\xff", b"c"), "invalid_utf8"),
    "NaN": (pa.array([1.5, float("nan"), None]), "not_a_number"),
    "a date after the year 9999": (pa.array([0, 2**61, 0], pa.timestamp("us")), "unreadable_value"),
    "a day beyond all": (pa.array([0, 2**31 - 1, 0], pa.date32()), "unreadable_value"),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_a_defect_costs_its_own_row_of_parquet_only(tmp_path: Path, name: str) -> None:
    column, reason = COLUMNS[name]
    pq.write_table(pa.table({"instruction": ["x"] * 3, "output": ["y"] * 3, "n": column}), tmp_path / "a.parquet")
    assert reasons(tmp_path / "a.parquet") == ["", reason, ""]


def test_a_time_zone_that_nobody_knows_costs_the_rows_that_have_it(tmp_path: Path) -> None:
    column = pa.array([None, 0], pa.timestamp("us", "No/Where"))
    pq.write_table(pa.table({"instruction": ["x"] * 2, "output": ["y"] * 2, "n": column}), tmp_path / "a.parquet")
    assert reasons(tmp_path / "a.parquet") == ["", "unreadable_value"]


def test_a_reason_exists_for_every_case_and_a_case_for_every_reason() -> None:
    in_tables = {reason for _, reason in [*CELLS.values(), *COLUMNS.values()]}
    in_files = {reason for _, _, found in FILES.values() if isinstance(found, list) for reason in found if reason}
    elsewhere = {"too_large"}  # test_containers.py: it takes a longer line
    assert {case.values[2] for case in CASES} | in_tables | in_files | elsewhere == set(REASONS)

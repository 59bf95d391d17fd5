"""Columns deeper in a record: `columns: {instruction: data.prompt.text}`."""

from pathlib import Path
from typing import Any

import pytest

from mig_dagster.sources import Accepted, Rejected, SourceFileError
from tests.sources.writing import lines, read, write

COLUMNS = {"instruction": "data.prompt.text", "output": "choices.0.message.content"}
RECORD: dict[str, Any] = {
    "id": 7,
    "data": {"prompt": {"text": "2 + 3?"}},
    "choices": [{"message": {"content": "5", "role": "assistant"}, "index": 0}],
}


@pytest.mark.parametrize("form", [None, "alpaca"])
def test_dots_descend_into_objects_and_numbers_into_lists(tmp_path: Path, form: str | None) -> None:
    (found,) = read(write(tmp_path / "a.jsonl", lines(RECORD)), format=form, columns=COLUMNS)
    assert isinstance(found, Accepted)
    assert (found.conversation.instruction, found.conversation.response) == ("2 + 3?", "5")
    assert found.meta == {"id": 7, "choices": [{"message": {"role": "assistant"}, "index": 0}]}


CASES: dict[str, tuple[dict[str, Any], dict[str, str], dict[str, Any]]] = {
    "a column of that literal name wins": (
        {"a.b": "2 + 3?", "a": {"b": "other"}, "output": "5"},
        {"instruction": "a.b"},
        {"a": {"b": "other"}},
    ),
    "two values of one object": (
        {"a": {"q": "2 + 3?", "r": "5", "n": 1}},
        {"instruction": "a.q", "output": "a.r"},
        {"a": {"n": 1}},
    ),
    "nothing is left around them": ({"a": {"q": "2 + 3?", "r": "5"}}, {"instruction": "a.q", "output": "a.r"}, {}),
    "two places of one list keep theirs": (
        {"a": ["x", "2 + 3?", "5"]},
        {"instruction": "a.1", "output": "a.2"},
        {"a": ["x", None, None]},
    ),
    "an object under a field's own name makes room": (
        {"input": {"text": "2 + 3?", "lang": "en"}, "output": {"text": "5", "model": "m"}},
        {"instruction": "input.text", "output": "output.text"},
        {"input": {"lang": "en"}, "output": {"model": "m"}},
    ),
    "one value for two fields": (
        {"a": {"q": "2 + 3?"}, "output": "5", "n": 1},
        {"instruction": "a.q", "system": "a.none"},
        {"n": 1},
    ),
    "a key that is a number": ({"a": {"0": "2 + 3?"}, "output": "5"}, {"instruction": "a.0"}, {}),
}


@pytest.mark.parametrize(("record", "columns", "meta"), CASES.values(), ids=CASES)
def test_what_stands_around_a_value_stays_in_meta(
    tmp_path: Path, record: dict[str, Any], columns: dict[str, str], meta: dict[str, Any]
) -> None:
    (found,) = read(write(tmp_path / "a.jsonl", lines(record)), format="alpaca", columns=columns)
    assert isinstance(found, Accepted), found
    assert (found.conversation.instruction, found.conversation.response) == ("2 + 3?", "5")
    assert found.meta == meta


@pytest.mark.parametrize(
    "change",
    [
        {"data": {}},
        {"data": None},
        {"data": {"prompt": "text"}},
        {"data": [1]},
        {"choices": []},
        {"choices": {"1": 1}},
        {"choices": [{"message": None}]},
    ],
)
def test_a_path_that_leads_nowhere_is_a_missing_field_and_names_the_path(
    tmp_path: Path, change: dict[str, Any]
) -> None:
    path = write(tmp_path / "a.jsonl", lines(RECORD, RECORD | change, RECORD))
    first, found, last = read(path, columns=COLUMNS)
    assert isinstance(first, Accepted)
    assert isinstance(last, Accepted)
    assert isinstance(found, Rejected)
    assert found.reason == "missing_field"
    expected = "output: choices.0.message.content" if "choices" in change else "instruction: data.prompt.text"
    assert f"it lacks what `columns` names as {expected}" in found.detail


def test_lists_of_turns_may_lie_deep(tmp_path: Path) -> None:
    turns = [{"role": "user", "content": "2 + 3?"}, {"role": "assistant", "content": "5"}]
    record = {"request": {"body": {"messages": turns}}, "id": 7}
    (found,) = read(write(tmp_path / "a.jsonl", lines(record)), columns={"messages": "request.body.messages"})
    assert isinstance(found, Accepted)
    assert (found.conversation.response, found.meta) == ("5", {"id": 7})


def test_a_file_without_what_columns_names_is_a_failure_that_says_what(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", lines(RECORD, RECORD))
    with pytest.raises(SourceFileError, match=r"; none has what `columns` names as question: data\.prompt\.txt\. Name"):
        read(path, columns={"question": "data.prompt.txt", "answer": "choices.0.message.content"})

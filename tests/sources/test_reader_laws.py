"""For any values and any bytes: no crash, and every record ends as exactly one of accepted, rejected, blank."""

import json
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mig_dagster.sources import FORMATS, REASONS, Accepted, Rejected, SourceFileError, check
from mig_dagster.sources.records import Blank
from tests.sources.writing import read

TEXTS = st.text(max_size=8) | st.sampled_from(
    [
        "",
        " ",
        "user",
        "human",
        "gpt",
        "assistant",
        "tool",
        "function_call",
        "text",
        '{"name": "f"}',
        "[]",
        "\ud800",
        "\0",
    ]
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | TEXTS
FIELDS = [
    *sorted({field for form in FORMATS.values() for field in form.fields}),
    *("from", "value", "role", "content", "type", "text", "tool_calls", "function", "name", "arguments", "replies"),
    *("rank", "deleted", "annotation", "instag", "deita", "quality_scores", "complexity_scores", "reasoning_content"),
    *("message_extras", "trailing_turns"),
]
VALUES = st.recursive(
    SCALARS,
    lambda children: (
        st.lists(children, max_size=3) | st.dictionaries(st.sampled_from(FIELDS) | TEXTS, children, max_size=4)
    ),
    max_leaves=12,
)
RECORDS = st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=5)
TURNS = st.lists(
    st.fixed_dictionaries({"role": TEXTS, "content": VALUES}, optional={"tool_calls": VALUES, "name": TEXTS})
    | st.fixed_dictionaries({"from": TEXTS, "value": VALUES}),
    max_size=4,
)
CHATS = st.fixed_dictionaries(
    {}, optional={"messages": TURNS, "conversations": TURNS, "dialogs": TURNS, "chosen": TURNS, "tools": VALUES}
)
FORMAT_NAMES = st.none() | st.sampled_from(list(FORMATS))


def account(content: bytes, name: str, format: str | None) -> Counter[type] | None:
    """Read a file; return how many records of each kind it gave, or None where the file failed."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, name)
        path.write_bytes(content)
        (report,) = check(str(path), format)["files"]
        if report["failure"]:
            with pytest.raises(SourceFileError) as caught:
                read(path, format=format)
            assert str(caught.value) == report["failure"]
            return None
        records = read(path, format=format)
    for position, record in enumerate(records, 1):
        assert record.origin == f"{name}:{position:09d}"
        assert_usable(record)
    kinds = Counter(map(type, records))
    reasons = Counter(record.reason for record in records if isinstance(record, Rejected))
    assert (report["records"], report["accepted"], report["blank"]) == (len(records), kinds[Accepted], kinds[Blank])
    assert report["rejected"] == dict(reasons)
    return kinds


def assert_usable(record: Accepted | Rejected | Blank) -> None:
    """Check what everything behind the readers relies on: it can be stored and identified."""
    if isinstance(record, Accepted):
        conversation = record.conversation
        assert len(conversation.row_id) == 32
        assert conversation.messages[-1].role == "assistant"
        assert conversation.n_turns >= 1
        for message in conversation.messages:
            message.content.encode()
            json.loads(message.tool_calls or "[]")
        json.dumps(record.meta, ensure_ascii=False, allow_nan=False).encode()
    elif isinstance(record, Rejected):
        assert record.reason in REASONS
        assert len(record.raw.encode()) <= 2048
        record.detail.encode()


@settings(deadline=None)
@given(st.lists(VALUES | RECORDS | CHATS, min_size=1, max_size=6), FORMAT_NAMES)
def test_any_values_on_lines_are_accounted_for(values: list[Any], format: str | None) -> None:
    kinds = account("".join(json.dumps(value) + "\n" for value in values).encode(), "a.jsonl", format)
    assert (kinds.total() if kinds else len(values)) == len(values)
    assert format is None or kinds is not None


@settings(deadline=None)
@given(st.lists(VALUES | RECORDS | CHATS, min_size=1, max_size=6), FORMAT_NAMES)
def test_any_values_in_an_array_are_accounted_for(values: list[Any], format: str | None) -> None:
    kinds = account(json.dumps(values, indent=1).encode(), "a.json", format)
    assert (kinds.total() if kinds else len(values)) == len(values)
    assert format is None or kinds is not None


@settings(deadline=None)
@given(st.lists(st.binary(max_size=20).filter(lambda line: b"\n" not in line), min_size=1, max_size=6), FORMAT_NAMES)
def test_any_bytes_on_lines_are_accounted_for(content: list[bytes], format: str | None) -> None:
    kinds = account(
        b'{"instruction": "a", "output": "b"}\n' + b"".join(line + b"\n" for line in content), "a.jsonl", format
    )
    assert (kinds.total() if kinds else len(content) + 1) == len(content) + 1
    assert format is None or kinds is not None


@settings(deadline=None)
@given(st.binary(max_size=60), st.sampled_from(["a.json", "a.jsonl", "a.parquet", "a.jsonl.gz", "a"]), FORMAT_NAMES)
def test_any_bytes_are_read_or_fail_as_a_file(content: bytes, name: str, format: str | None) -> None:
    account(content, name, format)


@settings(deadline=None)
@given(st.data())
def test_a_damaged_file_is_read_or_fails_as_a_file(data: st.DataObject) -> None:
    rows = [{"instruction": "a é \u2028", "output": [1, {"b": 2.5}], "n": None}] * 3
    encoded = json.dumps(rows, ensure_ascii=data.draw(st.booleans()), indent=data.draw(st.none() | st.just(1)))
    content = bytearray(encoded.encode(data.draw(st.sampled_from(["utf-8", "utf-16", "utf-8-sig"]))))
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    account(bytes(content[: data.draw(st.integers(1, len(content)))]), "a.json", "alpaca")


NAMES = st.sampled_from(["instruction", "output", "input", "tools", "history", "extra"])
COLUMNS = st.lists(TEXTS.filter(lambda text: "\ud800" not in text) | st.none(), min_size=3, max_size=3) | st.lists(
    st.floats() | st.none(), min_size=3, max_size=3
)


@settings(deadline=None)
@given(st.dictionaries(NAMES, COLUMNS, min_size=1))
def test_any_parquet_rows_are_accounted_for(columns: dict[str, list[Any]]) -> None:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(columns), sink)
    kinds = account(sink.getvalue().to_pybytes(), "a.parquet", "alpaca")
    assert kinds is not None
    assert kinds.total() == 3


@pytest.mark.parametrize("form", FORMATS)
@settings(deadline=None)
@given(record=RECORDS | CHATS)
def test_matching_never_raises(form: str, record: dict[str, Any]) -> None:
    assert FORMATS[form].matches(record) in (True, False)

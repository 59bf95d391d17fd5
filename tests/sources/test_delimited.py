"""CSV and TSV files."""

import csv
import gzip
import io
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mig_dagster.sources import Accepted, Rejected, SourceFileError
from mig_dagster.sources import bytestream as bytestream_module
from mig_dagster.sources.containers import delimited, json_lines
from mig_dagster.sources.containers.delimited import read_table
from tests.sources.writing import read, reasons, write

HEADER = b"instruction,output\n"


def table(rows: list[list[str]], **options: Any) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, **options).writerows(rows)
    return text.getvalue().encode()


ROWS = [
    ["instruction", "input", "output"],
    ["2 + 3?", "", "5"],
    ["a, b; c\td|", 'say "x"', "two\nlines\r\nand\rmore"],
    ["é\u2028𝄞", " ", '"'],
]


@pytest.mark.parametrize("size", [1, 3, 1 << 20])
@pytest.mark.parametrize("packed", ["", ".gz", ".zst"])
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.csv", {}),
        ("a.CSV", {"lineterminator": "\n"}),
        ("a.csv", {"delimiter": ";"}),
        ("a.csv", {"delimiter": "|", "quoting": csv.QUOTE_ALL}),
        ("a.csv", {"delimiter": "\t"}),
        ("a.tsv", {"delimiter": "\t"}),
        ("a.tsv", {"delimiter": "\t", "quoting": csv.QUOTE_ALL}),
    ],
)
def test_a_table_gives_its_records(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, options: dict[str, Any], packed: str, size: int
) -> None:
    monkeypatch.setattr(bytestream_module, "CHUNK_BYTES", size)
    pack = {"": bytes, ".gz": gzip.compress, ".zst": lambda data: pa.compress(data, codec="zstd", asbytes=True)}
    found = read(write(tmp_path / (name + packed), pack[packed](table(ROWS, **options))))
    assert [record.origin for record in found] == [f"{name}{packed}:00000000{i}" for i in (1, 2, 3)]
    assert [
        (record.conversation.instruction, record.conversation.response)
        for record in found
        if isinstance(record, Accepted)
    ] == [
        ("2 + 3?", "5"),
        ('a, b; c\td|\nsay "x"', "two\nlines\r\nand\rmore"),
        ("é\u2028𝄞", '"'),
    ]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_decides_the_encoding(tmp_path: Path, encoding: str) -> None:
    content = table(ROWS[:2]).decode().encode(encoding)
    assert reasons(write(tmp_path / "a.csv", content)) == [""]


def test_a_cell_may_hold_turns_as_json(tmp_path: Path) -> None:
    turns = [{"role": "user", "content": "2 + 3?"}, {"role": "assistant", "content": "5"}]
    (found,) = read(write(tmp_path / "a.csv", table([["messages", "id"], [json.dumps(turns), "7"]])))
    assert isinstance(found, Accepted)
    assert (found.conversation.response, found.meta) == ("5", {"id": "7"})


TURNS = json.dumps([{"role": "user", "content": "2 + 3?"}, {"role": "assistant", "content": "5"}])


@pytest.mark.parametrize(
    ("names", "cells"),
    [
        (["chosen", "rejected"], [TURNS, "[]"]),
        (["prompt", "chosen"], ["2 + 3?", TURNS]),
        (["instruction", "output", "history", "tools", "system"], ["2 + 3?", "5", "", "", ""]),
        (["instruction", "output", "history"], ["2 + 3?", "5", "[]"]),
        (["conversation", "quality_scores", "complexity_scores"], [TURNS, "[3.5]", "2"]),
        (["conversation", "quality_scores", "complexity_scores"], [TURNS, "", ""]),
        (["text"], ["\n\nHuman: 2 + 3?\n\nAssistant: 5"]),
    ],
)
def test_cells_of_every_format_are_read_as_what_they_hold(tmp_path: Path, names: list[str], cells: list[str]) -> None:
    (found,) = read(write(tmp_path / "a.csv", table([names, cells])))
    assert isinstance(found, Accepted), found
    assert (found.conversation.instruction, found.conversation.response) == ("2 + 3?", "5")


def test_a_history_in_a_cell_is_read(tmp_path: Path) -> None:
    cells = ["2 + 3?", "5", '[["a", "b"]]']
    (found,) = read(write(tmp_path / "a.csv", table([["instruction", "output", "history"], cells])))
    assert isinstance(found, Accepted)
    assert [message.content for message in found.conversation.messages] == ["a", "b", "2 + 3?", "5"]


def test_an_answer_that_is_a_list_of_numbers_stays_text(tmp_path: Path) -> None:
    (found,) = read(write(tmp_path / "a.csv", table([["prompt", "chosen"], ["List two numbers.", "[1, 2]"]])))
    assert isinstance(found, Accepted)
    assert found.conversation.response == "[1, 2]"


def test_columns_without_a_name_get_one(tmp_path: Path) -> None:
    (found,) = read(write(tmp_path / "a.csv", b",instruction, output ,\n0,2 + 3?,5,\n"))
    assert isinstance(found, Accepted)
    assert found.meta == {"column_1": "0", "column_4": ""}


def test_lines_without_anything_are_blank_wherever_they_stand(tmp_path: Path) -> None:
    assert reasons(write(tmp_path / "a.csv", b"\n" + HEADER + b"\na,b\n \r\n\nc,d")) == [
        "blank",
        "",
        "blank",
        "blank",
        "",
    ]


@pytest.mark.parametrize(
    ("line", "reason", "detail"),
    [
        (b"a", "cell_count", "1 cells, the header has 2"),
        (b"a,b,c", "cell_count", "3 cells, the header has 2"),
        (b'"a" b,c', "invalid_csv", "',' expected after"),
        (b"a\rb,c", "invalid_csv", "new-line character seen in unquoted field"),
        (b"a,\xe9", "invalid_utf8", "byte 0xE9 at byte 3 of line 1 of the record"),
        (b'a,"\n\n\xe9"', "invalid_utf8", "byte 0xE9 at byte 1 of line 3 of the record"),
        (b"a,\xed\xa0\xbd", "invalid_utf8", "byte 0xED"),
        (b"a,\0", "nul_character", "message 2 of 2"),
        (b"a,", "empty_answer", "message 2 of 2"),
        (b',"b"', "empty_prompt", "message 1 of 2"),
    ],
)
def test_a_defect_costs_its_own_record(tmp_path: Path, line: bytes, reason: str, detail: str) -> None:
    content = HEADER + b'a,b\n"a\n","b"\n' + line + b"\na,b\na,b\n"
    found = read(write(tmp_path / "a.csv", content))
    assert [getattr(record, "reason", "") for record in found] == ["", "", reason, "", ""]
    assert isinstance(found[2], Rejected)
    assert detail in found[2].detail
    assert found[2].raw.encode()[:5] == line.decode("utf-8", "backslashreplace").encode()[:5]


def test_a_quote_that_never_closes_in_the_last_line_is_a_rejected_record(tmp_path: Path) -> None:
    found = read(write(tmp_path / "a.csv", HEADER + b'a,b\na,"b\n'))
    assert [getattr(record, "reason", "") for record in found] == ["", "unclosed_quote"]
    assert isinstance(found[1], Rejected)
    assert found[1].raw == 'a,"b'


def test_a_quote_that_swallows_the_lines_after_it_is_a_failure_and_no_single_record(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", HEADER + b'a,b\na,"b\na,b\na,b\n')
    told = (
        r"a\.csv, record 2: a quoted cell goes on to the end of the file, over 2 more lines\. Close the quote after 'a,"
    )
    with pytest.raises(SourceFileError, match=told):
        read(path)


def test_a_record_longer_than_memory_allows_costs_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delimited, "MAX_RECORD_BYTES", 1000)
    monkeypatch.setattr(json_lines, "MAX_LINE_BYTES", 1000)
    monkeypatch.setattr(bytestream_module, "CHUNK_BYTES", 64)
    one_line = b"a," + b"x" * 5000 + b"\n"
    many_lines = b'a,"' + b'x""y\n' * 1000 + b'"\n'
    content = HEADER + b"a,b\n" + one_line + b"a,b\n" + many_lines + b"a,b\n" + one_line
    found = read(write(tmp_path / "a.csv", content))
    assert [getattr(record, "reason", "") for record in found] == ["", "too_large", "", "too_large", "", "too_large"]


def test_a_cell_of_seven_megabytes_is_read(tmp_path: Path) -> None:
    content = HEADER + b'a,"' + (b"x," * 500 + b"\n") * 7_000 + b'"\na,b\n'
    assert reasons(write(tmp_path / "a.csv", content)) == ["", ""]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a,b,a\n1,2,3\n", r"at its header: has more than one column named \['a'\]"),
        (b"\xe9,b\n1,2\n", r"at its header: is not UTF-8 .*Convert the file to UTF-8"),
        (b'"a\nb",c\n1,2\n', r"at its header: is no line of names: .*Begin the file with one line of column names"),
        (b"a,b\r1,2\r", r"at its header: is no line of names: .*end lines with a line feed"),
        (HEADER, r"holds no record"),
        (HEADER + b"\n\n", r"holds no record"),
        (b"", r"holds no record"),
        (b"\n\n", r"holds no record"),
        (b"<html>\n<body>404</body>\n</html>\n", r"no format fits .*fields seen: <html> \(2\)"),
    ],
)
def test_a_table_that_is_none_fails(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(SourceFileError, match=message):
        read(write(tmp_path / "a.csv", content))


CELLS = st.text('ab,;\t|"\n\r é', max_size=6)


@settings(deadline=None)
@given(
    st.lists(st.lists(CELLS, min_size=2, max_size=2), min_size=1, max_size=5),
    st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
    st.integers(1, 9),
)
def test_what_the_csv_module_writes_is_read_back(rows: list[list[str]], quoting: Any, size: int) -> None:
    content = table([["a", "b"], *rows], quoting=quoting)
    chunks = [content[at : at + size] for at in range(0, len(content), size)]
    found = [value for _, value, _ in read_table(chunks, "a.csv", tabs=False)]
    assert found == [dict(zip("ab", row, strict=True)) for row in rows]


@settings(deadline=None)
@given(st.lists(st.sampled_from([b"a,b", b'"', b'"a","b"', b'a"b,c', b'"a"b,c', b"a", b"", b"\xff", b'"a\n'])))
def test_every_line_belongs_to_exactly_one_record(rows: list[bytes]) -> None:
    content = b"".join(row + b"\n" for row in rows)
    found, rest = [], b""
    try:
        found.extend(read_table([HEADER, content], "a.csv", tabs=False))
    except SourceFileError:  # of what is left, nobody can tell how many records it is
        rest = content[sum(len(raw) + 1 for _, _, raw in found) :]
        assert b'"' in rest
        assert len(rest.split()) > 1
    assert b"".join(raw + b"\n" for _, _, raw in found) + rest == content
    assert [position for position, _, _ in found] == list(range(1, len(found) + 1))

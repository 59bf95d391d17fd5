import codecs
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mig_dagster.sources import Accepted, Rejected, SourceFileError
from mig_dagster.sources import bytestream as bytestream_module
from mig_dagster.sources.containers import json_array, json_lines
from tests.sources.writing import ROW, lines, read, reasons, write

ROWS = [ROW | {"instruction": f"Question {i}", "output": "é\u2028中" * (i % 7 + 1)} for i in range(40)]


def array(records: object, **options: object) -> bytes:
    return json.dumps(records, **options).encode()  # type: ignore[arg-type]


def parquet(path: Path, records: list[dict[str, object]]) -> bytes:
    pq.write_table(pa.Table.from_pylist(records), path, row_group_size=7)
    return path.read_bytes()


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("name", ["a.jsonl", "a.json", "array.json", "indented.json", "a.parquet", "no_suffix"])
def test_every_container_gives_the_same_records(tmp_path: Path, name: str, packed: bool) -> None:
    contents = {
        "array.json": array(ROWS),
        "indented.json": array(ROWS, indent=2, ensure_ascii=False),
        "a.parquet": parquet(tmp_path / "made.parquet", ROWS),
    }
    path = write(tmp_path / (name + ".gz" * packed), contents.get(name, lines(*ROWS)), packed)
    found = read(path)
    assert all(isinstance(record, Accepted) for record in found)
    assert [record.conversation.instruction for record in found] == [row["instruction"] for row in ROWS]
    assert [record.conversation.response for record in found] == [row["output"] for row in ROWS]
    assert [record.origin for record in found] == [f"{Path(path).name}:{i:09d}" for i in range(1, 41)]


def test_gzip_is_recognised_by_its_bytes_and_not_by_its_name(tmp_path: Path) -> None:
    assert reasons(write(tmp_path / "packed.jsonl", lines(ROW), packed=True)) == [""]
    assert reasons(write(tmp_path / "plain.jsonl.gz", lines(ROW))) == [""]


def test_gzip_members_that_follow_each_other_are_one_file(tmp_path: Path) -> None:
    one = Path(write(tmp_path / "one.gz", lines(ROW), packed=True)).read_bytes()
    assert reasons(write(tmp_path / "two.jsonl.gz", one + one)) == ["", ""]


@pytest.mark.parametrize("cut", [1, 5, 30, -1, -9])
def test_a_truncated_gzip_is_a_failure_and_never_a_short_read(tmp_path: Path, cut: int) -> None:
    whole = Path(write(tmp_path / "whole.gz", lines(*ROWS), packed=True)).read_bytes()
    with pytest.raises(SourceFileError, match=r"gzip data is damaged or cut short .*Download the file again"):
        read(write(tmp_path / "cut.jsonl.gz", whole[:cut]))


def test_damaged_gzip_data_is_a_failure(tmp_path: Path) -> None:
    whole = bytearray(Path(write(tmp_path / "whole.gz", lines(*ROWS), packed=True)).read_bytes())
    whole[len(whole) // 2] ^= 0xFF
    with pytest.raises(SourceFileError, match="gzip data is damaged"):
        read(write(tmp_path / "damaged.jsonl.gz", bytes(whole)))


def test_a_truncated_gzip_of_parquet_is_a_failure(tmp_path: Path) -> None:
    whole = write(tmp_path / "whole.gz", parquet(tmp_path / "made.parquet", ROWS), packed=True)
    with pytest.raises(SourceFileError, match="gzip data is damaged"):
        read(write(tmp_path / "cut.parquet.gz", Path(whole).read_bytes()[:-200]))


def test_blank_lines_count_as_blank_and_a_last_line_needs_no_break(tmp_path: Path) -> None:
    content = b"\n" + lines(ROW) + b" \t\r\n" + lines(ROW).rstrip() + b"\r\n\r\n  "
    assert reasons(write(tmp_path / "a.jsonl", content)) == ["blank", "", "blank", "", "blank", "blank"]


def test_only_a_line_feed_ends_a_line(tmp_path: Path) -> None:
    text = "one\u2028two\u2029three\u0085four\x1cfive\x0bsix\rseven"
    content = (
        json.dumps(ROW | {"output": text}, ensure_ascii=False).replace("\x1c", "\\u001c").replace("\x0b", "\\u000b")
    )
    (record,) = read(write(tmp_path / "a.jsonl", content.encode() + b"\r\n"))
    assert isinstance(record, Accepted)
    assert record.conversation.response == text


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-be"])
@pytest.mark.parametrize("name", ["a.jsonl", "a.json"])
def test_a_byte_order_mark_decides_the_encoding(tmp_path: Path, encoding: str, name: str) -> None:
    rows = [ROW | {"output": "𝄞 é \u2028"}] * 30
    text = (
        json.dumps(rows, ensure_ascii=False)
        if name == "a.json"
        else "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    )
    mark = codecs.BOM_UTF16_BE if encoding == "utf-16-be" else b""
    found = read(write(tmp_path / name, mark + text.encode(encoding)))
    assert [record.conversation.response for record in found if isinstance(record, Accepted)] == ["𝄞 é \u2028"] * 30


def test_half_a_pair_in_utf_16_costs_its_own_line_only(tmp_path: Path) -> None:
    broken = json.dumps(ROW).replace("5", "\ud83d")
    text = "\n".join([json.dumps(ROW), broken, json.dumps(ROW)])
    assert reasons(write(tmp_path / "a.jsonl", text.encode("utf-16", "surrogatepass"))) == ["", "invalid_utf8", ""]


def test_utf_16_that_ends_within_a_character_is_a_failure(tmp_path: Path) -> None:
    content = lines(ROW).decode().encode("utf-16")[:-1]
    with pytest.raises(SourceFileError, match="the UTF-16 text ends within a character"):
        read(write(tmp_path / "a.jsonl", content))


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 1000])
@pytest.mark.parametrize("name", ["a.jsonl", "a.json"])
def test_chunks_may_end_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int, name: str) -> None:
    monkeypatch.setattr(bytestream_module, "CHUNK_BYTES", size)
    rows = [ROW | {"output": '\\ " é𝄞', "n": [1.25e-3, -17, True, None, {"a": {}}, []], "𝄞": "\ud834\udd1e"}] * 3
    content = array([*rows, 12345, "text", False, -1.5e10]) if name == "a.json" else lines(*rows)
    found = read(write(tmp_path / name, content), format="alpaca")
    assert [record.conversation.response for record in found if isinstance(record, Accepted)] == ['\\ " é𝄞'] * 3
    assert found[0].meta["n"] == [1.25e-3, -17, True, None, {"a": {}}, []]  # type: ignore[union-attr]
    others = [record.raw for record in found if isinstance(record, Rejected)]
    assert others == (["12345", '"text"', "false", "-15000000000.0"] if name == "a.json" else [])


def test_a_line_longer_than_memory_allows_costs_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_lines, "MAX_LINE_BYTES", 1000)
    monkeypatch.setattr(bytestream_module, "CHUNK_BYTES", 64)
    long = ROW | {"output": "x" * 50_000}
    found = read(write(tmp_path / "a.jsonl", lines(ROW, long, ROW, long)))
    assert [getattr(record, "reason", "") for record in found] == ["", "too_large", "", "too_large"]
    assert max(len(record.raw) for record in found if isinstance(record, Rejected)) <= 2048


def test_a_long_row_of_several_chunks_is_read(tmp_path: Path) -> None:
    long = ROW | {"output": "x" * 7_000_000}
    assert reasons(write(tmp_path / "a.jsonl", lines(ROW, long, ROW))) == ["", "", ""]
    assert reasons(write(tmp_path / "a.json", array([ROW, long, ROW]))) == ["", "", ""]


def test_an_element_longer_than_memory_allows_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_array, "MAX_ELEMENT_CHARS", 1000)
    monkeypatch.setattr(bytestream_module, "CHUNK_BYTES", 100)
    with pytest.raises(SourceFileError, match="an element is longer than 1,000 characters"):
        read(write(tmp_path / "a.json", array([ROW, ROW | {"output": "x" * 5000}])))


ARRAY_FAILURES = {
    "a comma is missing on the line": (b'[\n{"a": 1} {"a": 2}]', r"line 2, column 10: .*element 1 is followed by '\{'"),
    "it never closes": (b'[{"a": 1},\n{"a": 2}', r"line 2, column 9: .*the array never closes"),
    "it ends in an element": (b'[{"a": 1},\n{"a": "tw', r"line 2, column 7: .*is not valid JSON here \(Unterminated"),
    "it ends after a list in an element": (b'[{"a": 1},\n{"a": [1]', r"line 2, column 10: .*not valid JSON here"),
    "it ends after a list on a line": (b'[\n {\n  "a": [\n  ]\n', r"line 5, column 1: .*not valid JSON here"),
    "a comma too many": (b'[{"a": 1},\n]', r"line 2, column 1: .*is not valid JSON here \(Expecting value"),
    "two commas": (b'[{"a": 1},,\n{"a": 2}]', r"line 1, column 11: .*is not valid JSON here \(Expecting value"),
    "a bracket is missing on the line": (b'[{"a": 1}, {"a": {"b": 2}, {"a": 3}]', r"line 1, column 28: .*not valid"),
    "a quote is missing on the line": (b'[{"a": "b}, {"a": "c"}, {"a": "d"}]', r"line 1, column \d+: .*not valid JSON"),
    "quotes are missing in two": (b'[{"a": "b}, {"a": "c}, {"a": "d"}]', r"line 1, column \d+: .*not valid JSON"),
    "text follows": (b'[{"a": 1}]\n[{"a": 1}]', r"line 2, column 1: .*'\[' follows the array"),
    "nothing but a bracket": (b"[", r"line 1, column 2: .*is not valid JSON"),
    "a bad byte outside of a text": (b'[{"a": 1}, \xff {"a": 1}]', r"line 1, column 12: .*is not valid JSON"),
}


@pytest.mark.parametrize("case", ARRAY_FAILURES)
def test_an_unreadable_array_fails_with_position_and_remedy(tmp_path: Path, case: str) -> None:
    content, message = ARRAY_FAILURES[case]
    with pytest.raises(SourceFileError, match=message) as caught:
        read(write(tmp_path / "a.json", content), format="alpaca")
    assert "write one object per line" in caught.value.remedy
    assert caught.value.path.endswith("a.json")


def test_an_array_gives_its_good_elements_before_it_fails(tmp_path: Path) -> None:
    from mig_dagster.sources import read_file

    records = read_file(write(tmp_path / "a.json", array([ROW] * 3)[:-1] + b"oops"), origin="a", format="alpaca")
    assert [next(records).origin for _ in range(3)] == ["a:000000001", "a:000000002", "a:000000003"]
    with pytest.raises(SourceFileError, match="element 3 is followed by 'o'"):
        next(records)


def test_a_bad_byte_in_a_text_costs_its_own_element_only(tmp_path: Path) -> None:
    content = array([ROW, ROW, ROW]).replace(b"5", b"\xff", 2).replace(b"\xff", b"5", 1)
    assert reasons(write(tmp_path / "a.json", content)) == ["", "invalid_utf8", ""]


@pytest.mark.parametrize("content", [b"", b" \n\n", b"[]", b"[ ]\n"], ids=["empty", "blank", "[]", "[ ]"])
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_a_file_without_records_is_a_failure(tmp_path: Path, content: bytes, packed: bool) -> None:
    for options in ({}, {"format": "alpaca"}):
        with pytest.raises(SourceFileError, match="holds no record"):
            read(write(tmp_path / "a.json", content, packed), **options)


def test_parquet_without_rows_is_a_failure(tmp_path: Path) -> None:
    pq.write_table(pa.table({"instruction": pa.array([], pa.string())}), tmp_path / "a.parquet")
    with pytest.raises(SourceFileError, match="holds no record"):
        read(tmp_path / "a.parquet")


@pytest.mark.parametrize("content", [b"<html>404</html>", b"PAR1 and no more", lines(ROW)])
def test_a_parquet_file_that_is_not_parquet_is_a_failure(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(SourceFileError, match=r"is not (readable as )?Parquet.*[Dd]ownload"):
        read(write(tmp_path / "a.parquet", content))


def test_damaged_parquet_is_a_failure(tmp_path: Path) -> None:
    whole = bytearray(parquet(tmp_path / "made.parquet", ROWS))
    whole[8:200] = b"\x00" * 192
    with pytest.raises(SourceFileError, match="is not readable as Parquet"):
        read(write(tmp_path / "a.parquet", bytes(whole)))


def test_two_parquet_columns_of_one_name_are_a_failure(tmp_path: Path) -> None:
    table = pa.Table.from_arrays([pa.array(["a"]), pa.array(["b"])], names=["output", "output"])
    pq.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(SourceFileError, match=r"more than one column named \['output'\]"):
        read(tmp_path / "a.parquet")


def test_parquet_values_that_json_lacks_are_written_as_json_would(tmp_path: Path) -> None:
    import datetime
    import decimal

    row = ROW | {
        "when": datetime.datetime(2024, 1, 2, 3, 4),
        "price": decimal.Decimal("1.50"),
        "image": b"\x00\x01",
        "score": 0.5,
        "nested": {"list": [1.0, None]},
    }
    parquet(tmp_path / "a.parquet", [row])
    (record,) = read(tmp_path / "a.parquet")
    assert isinstance(record, Accepted)
    assert record.meta == {
        "when": "2024-01-02 03:04:00",
        "price": "1.50",
        "image": "AAE=",
        "score": 0.5,
        "nested": {"list": [1.0, None]},
    }


def test_nan_in_parquet_costs_its_row(tmp_path: Path) -> None:
    parquet(tmp_path / "a.parquet", [ROW | {"score": 0.5}, ROW | {"score": float("nan")}, ROW | {"score": None}])
    found = read(tmp_path / "a.parquet")
    assert [getattr(record, "reason", "") for record in found] == ["", "not_a_number", ""]
    assert '"score": NaN' in found[1].raw  # type: ignore[union-attr]


OBJECTS = {
    "pretty-printed": array({"data": [ROW, ROW], "version": 1}, indent=1),
    "rows on lines": b'{"data": [\n' + b",\n".join(lines(ROW).strip() for _ in range(3)) + b"\n]}",
    "cut short": array({"data": [ROW, ROW]}, indent=1)[:-4],
    "several": array(ROW, indent=1) + b"\n" + array(ROW, indent=1),
}


@pytest.mark.parametrize("case", OBJECTS)
def test_an_object_where_an_array_is_expected_is_a_failure(tmp_path: Path, case: str) -> None:
    with pytest.raises(SourceFileError, match=r"one JSON object over several lines.*Keep only the list"):
        read(write(tmp_path / "a.json", OBJECTS[case]))


def test_an_object_of_many_megabytes_is_recognised_too(tmp_path: Path) -> None:
    content = array({"data": [ROW | {"output": "x" * 100_000}] * 30}, indent=1)
    with pytest.raises(SourceFileError, match="one JSON object over several lines"):
        read(write(tmp_path / "a.json", content))


@pytest.mark.parametrize("first", [b'{"instruction": "cut', b'{"instruction": "cut",', b"{", b'{"a": 1}}', b"oops"])
def test_a_broken_first_line_does_not_hide_that_a_json_file_holds_lines(tmp_path: Path, first: bytes) -> None:
    found = reasons(write(tmp_path / "a.json", lines(first, ROW, ROW, ROW)))
    assert found[0] != ""
    assert found[1:] == ["", "", ""]


def test_a_file_that_is_not_there_is_a_failure(tmp_path: Path) -> None:
    with pytest.raises(SourceFileError, match=r"cannot be read \(.*Check the path"):
        read(tmp_path / "none.jsonl")

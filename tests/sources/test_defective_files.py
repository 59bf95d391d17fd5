"""What is no defect, what a damaged file costs, and shards whose columns drift. Defects of records: test_defects.py."""

import gzip
import json
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mig_dagster.sources import Accepted, Source, SourceFileError, read_source
from mig_dagster.sources.decode import MAX_DEPTH
from tests.sources.writing import ROW, lines, nested, read, reasons, write

LONG = ROW | {"output": "x" * 7_000_000}
TEXT = ROW | {"output": "one\u2028two\u2029three\u0085four"}


def unescaped(*records: Any) -> str:
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)


ACCEPTED = {
    "BOM": b"\xef\xbb\xbf" + lines(ROW, ROW),
    "CRLF": lines(ROW, ROW).replace(b"\n", b"\r\n"),
    "UTF-16": unescaped(TEXT, TEXT).encode("utf-16"),
    "UTF-16, big end first": b"\xfe\xff" + unescaped(TEXT, TEXT).encode("utf-16-be"),
    "line separators in texts": unescaped(TEXT, TEXT).encode(),
    "escaped line separators in texts": lines(TEXT, TEXT),
    "ids used twice": lines(ROW | {"id": 7}, ROW | {"id": 7}),
    "a row of 7 MB": lines(ROW, LONG),
    "no line break at the end": lines(ROW, ROW)[:-1],
    "columns that come and go": lines(ROW | {"a": 1}, ROW | {"b": [2]}),
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_what_is_no_defect_is_accepted(tmp_path: Path, name: str) -> None:
    found = read(write(tmp_path / "a.jsonl", ACCEPTED[name]))
    assert [type(record) for record in found] == [Accepted, Accepted]
    if name in {"UTF-16", "UTF-16, big end first", "line separators in texts", "escaped line separators in texts"}:
        assert {record.conversation.response for record in found if isinstance(record, Accepted)} == {TEXT["output"]}


WHOLE = gzip.compress(lines(*[ROW] * 50))
FILES: dict[str, tuple[str, bytes, list[str] | str]] = {
    "a truncated gzip": ("a.jsonl.gz", WHOLE[:-20], "gzip data is damaged or cut short"),
    "a truncated zstd": ("a.jsonl.zst", pa.compress(lines(ROW), "zstd", asbytes=True)[:-5], "zstd data is damaged or"),
    "text after a gzip": ("a.jsonl.gz", WHOLE + b"<html>", "gzip data is damaged or cut short"),
    "Parquet that is not": ("a.parquet", b"<html>404</html>", "is not Parquet: it begins with b'<htm'"),
    "Parquet that is cut": ("a.parquet", b"PAR1" + b"\0" * 90, "is not readable as Parquet"),
    "an object for an array": (
        "a.json",
        json.dumps({"data": [ROW]}, indent=1).encode(),
        "one JSON object over several",
    ),
    "an empty file": ("a.jsonl", b"", "holds no record"),
    "blank lines only": ("a.jsonl", b"\n \n", "holds no record"),
    "an empty array": ("a.json", b"[]", "holds no record"),
    "an empty table": ("a.csv", b"instruction,output\n", "holds no record"),
    "an array that breaks off": ("a.json", json.dumps([ROW, ROW]).encode()[:-9], "the JSON array cannot be read"),
    "UTF-16 that breaks off": ("a.jsonl", unescaped(ROW).encode("utf-16")[:-1], "ends within a character"),
    "a quote that never closes": ("a.csv", b'instruction,output\na,b\na,"b\n', ["", "unclosed_quote"]),
    "lines that break off": ("a.jsonl", lines(ROW, ROW)[:-9], ["", "truncated_json"]),
    "no known fields": ("a.jsonl", lines({"a": 1}, {"a": 2}), "no format fits more than half of the first 2 records"),
    "no objects": ("a.jsonl", lines("a", [1]), "none of the first records is a JSON object"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_defect_of_a_file_costs_a_record_or_fails_the_file(tmp_path: Path, name: str) -> None:
    file, content, expected = FILES[name]
    path = write(tmp_path / file, content)
    if isinstance(expected, list):
        assert reasons(path) == expected
    else:
        with pytest.raises(SourceFileError, match=re.escape(expected)) as caught:
            read(path)
        assert str(caught.value).startswith(path)
        assert caught.value.remedy


DRIFT: dict[str, tuple[dict[str, Any], str]] = {
    "a column more": (ROW | {"extra": 1}, ""),
    "a column less": ({"instruction": "Add 2 and 3.", "output": "5"}, ""),
    "a column of another type": (ROW | {"n": [{"deep": "x"}]}, ""),
    "another format": ({"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "content": "y"}]}, ""),
    "an answer of another type": (ROW | {"output": 5}, "wrong_type"),
    "an answer null": (ROW | {"output": None}, "null_field"),
}


@pytest.mark.parametrize("suffix", ["jsonl", "json", "parquet"])
@pytest.mark.parametrize("name", DRIFT)
def test_shards_whose_columns_or_types_differ_are_each_read_as_they_are(tmp_path: Path, name: str, suffix: str) -> None:
    second, reason = DRIFT[name]
    for shard, record in enumerate([ROW | {"n": 1}, second, ROW | {"n": 1}]):
        rows = [record] * 2
        if suffix == "parquet":
            pq.write_table(pa.Table.from_pylist(rows), tmp_path / f"{shard}.parquet")
        else:
            write(tmp_path / f"{shard}.{suffix}", lines(*rows) if suffix == "jsonl" else json.dumps(rows).encode())
    found = list(read_source(Source("s", str(tmp_path))))
    assert [getattr(record, "reason", "") for record in found] == ["", "", reason, reason, "", ""]


def test_columns_that_drift_within_a_file_cost_only_what_lacks_a_field(tmp_path: Path) -> None:
    other = {"question": "2 + 3?", "answer": "5"}
    assert reasons(write(tmp_path / "a.jsonl", lines(ROW, other, ROW))) == ["", "missing_field", ""]


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

"""Zstd and gzip files: read whole, or a failure of the file."""

import gzip
import json
import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mig_dagster.sources import SourceFileError
from mig_dagster.sources.locations import list_files
from tests.sources.writing import ROW, lines, read, reasons, write

ROWS = [ROW | {"n": random.Random(i).random()} for i in range(300)]


def zstd(data: bytes) -> bytes:
    return pa.compress(data, codec="zstd", asbytes=True)


@pytest.mark.parametrize("name", ["a.jsonl.zst", "a.json.zst", "a.parquet.zst", "no_suffix"])
def test_zstd_is_read_in_every_container(tmp_path: Path, name: str) -> None:
    pq.write_table(pa.Table.from_pylist(ROWS), tmp_path / "made")
    contents = {"a.json.zst": json.dumps(ROWS).encode(), "a.parquet.zst": (tmp_path / "made").read_bytes()}
    assert reasons(write(tmp_path / name, zstd(contents.get(name, lines(*ROWS))))) == [""] * 300


def test_zstd_is_recognised_by_its_bytes_and_not_by_its_name(tmp_path: Path) -> None:
    assert reasons(write(tmp_path / "packed.jsonl", zstd(lines(ROW)))) == [""]
    assert reasons(write(tmp_path / "plain.jsonl.zst", lines(ROW))) == [""]


@pytest.mark.parametrize("pack", [zstd, gzip.compress])
def test_parts_that_follow_each_other_are_one_file(tmp_path: Path, pack: object) -> None:
    content = pack(lines(ROW)) + pack(b"") + pack(lines(ROW, ROW)[:-9]) + pack(lines(ROW)[-9:])  # type: ignore[operator]
    assert reasons(write(tmp_path / "a.jsonl.packed", content)) == ["", "", ""]


@pytest.mark.parametrize("cut", [1, 3, 4, 9, 500, -1, -9])
@pytest.mark.parametrize("parts", [1, 2])
def test_truncated_zstd_is_a_failure_and_never_a_short_read(tmp_path: Path, cut: int, parts: int) -> None:
    whole = zstd(lines(*ROWS))
    content = whole * (parts - 1) + whole[:cut]
    with pytest.raises(SourceFileError, match=r"zstd data is damaged or cut short .*Download the file again"):
        read(write(tmp_path / "cut.jsonl.zst", content))


@pytest.mark.parametrize(("pack", "kind"), [(zstd, "zstd"), (gzip.compress, "gzip")])
@pytest.mark.parametrize("garbage", [b"x", b"\n", b"garbage" * 9, b"<html>"])
def test_what_follows_the_compressed_data_is_a_failure(tmp_path: Path, pack: object, kind: str, garbage: bytes) -> None:
    content = pack(lines(*ROWS)) + garbage  # type: ignore[operator]
    with pytest.raises(SourceFileError, match=f"the {kind} data is damaged"):
        read(write(tmp_path / "a.jsonl.packed", content))


def test_damaged_zstd_is_a_failure_where_the_codec_sees_it(tmp_path: Path) -> None:
    whole = bytearray(zstd(lines(*ROWS)))
    whole[6:40] = b"\xff" * 34
    with pytest.raises(SourceFileError, match="the zstd data is damaged"):
        read(write(tmp_path / "a.jsonl.zst", bytes(whole)))


def test_truncated_zstd_of_parquet_is_a_failure(tmp_path: Path) -> None:
    pq.write_table(pa.Table.from_pylist(ROWS), tmp_path / "made")
    with pytest.raises(SourceFileError, match="the zstd data is damaged"):
        read(write(tmp_path / "a.parquet.zst", zstd((tmp_path / "made").read_bytes())[:-50]))


def test_an_empty_zstd_file_is_a_failure(tmp_path: Path) -> None:
    with pytest.raises(SourceFileError, match="holds no record"):
        read(write(tmp_path / "a.jsonl.zst", zstd(b"")))


def test_a_folder_gives_tables_and_zstd_files_too(tmp_path: Path) -> None:
    names = ["a.csv", "b.tsv.gz", "c.jsonl.zst", "d.parquet.zst", "e.txt", "f.zst"]
    for name in names:
        write(tmp_path / name, b"x")
    assert [file.relative for file in list_files(str(tmp_path))] == names[:4]

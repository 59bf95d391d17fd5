import json
import pickle
from pathlib import Path

import fsspec
import pytest

from mig_dagster.demo import SOURCES
from mig_dagster.sources import FORMATS, Accepted, Source, SourceFileError, check, files_of, read_source
from mig_dagster.sources.check import PROGRESS_RECORDS
from mig_dagster.sources.locations import list_files
from tests.sources.writing import ROW, lines, read, refuse_to_list, write

QA = {"question": "2 + 3?", "answer": "5"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path / "data/b.jsonl", lines(ROW, ROW))
    write(tmp_path / "data/a/part-1.json.gz", json.dumps([ROW]).encode(), packed=True)
    write(tmp_path / "data/a.jsonl", lines(QA))
    write(tmp_path / "data/a/part-0.JSONL", lines(ROW))
    write(tmp_path / "data/README.md", b"# Data")
    write(tmp_path / "data/.cache/meta.json", b"{}")
    write(tmp_path / "data/a/.hidden.json", b"{}")
    return tmp_path / "data"


def relatives(uri: Path | str) -> list[str]:
    return [file.relative for file in list_files(str(uri))]


def test_a_folder_gives_its_readable_files_in_the_order_of_the_origins(folder: Path) -> None:
    assert relatives(folder) == ["a.jsonl", "a/part-0.JSONL", "a/part-1.json.gz", "b.jsonl"]
    assert relatives(f"file://{folder}/") == relatives(folder)
    assert files_of(Source("s", str(folder))) == list_files(str(folder))


def test_a_pattern_gives_what_it_matches_relative_to_its_fixed_part(folder: Path) -> None:
    assert relatives(f"{folder}/*") == ["README.md", "a.jsonl", "b.jsonl"]
    assert relatives(f"{folder}/a/part-?.*") == ["part-0.JSONL", "part-1.json.gz"]
    assert relatives(f"{folder}/**/*.json*") == ["a.jsonl", "a/part-1.json.gz", "b.jsonl"]
    assert relatives(f"{folder}/[b]*") == ["b.jsonl"]


def test_a_file_is_itself_even_where_its_name_is_a_pattern_or_hidden(folder: Path) -> None:
    for name in ("rows[1].jsonl", ".hidden.json"):
        write(folder / name, lines(ROW))
        assert relatives(folder / name) == [name]


def test_origins_rise_in_reading_order(folder: Path) -> None:
    write(folder / "a-b.jsonl", lines(ROW))
    write(folder / "b.jsonl.1.jsonl", lines(*[ROW] * 12))
    origins = [record.origin for record in read_source(Source("s", str(folder)))]
    assert origins == sorted(origins)
    assert len(set(origins)) == len(origins) == 18


def test_a_source_has_one_format_where_it_is_named(folder: Path) -> None:
    found = list(read_source(Source("s", str(folder), format="alpaca")))
    assert [isinstance(record, Accepted) for record in found] == [False, True, True, True, True]


def test_any_file_system_of_fsspec_is_read() -> None:
    memory = fsspec.filesystem("memory")
    memory.pipe({"/bucket/x/a.jsonl": lines(ROW), "/bucket/x/y/b.jsonl": lines(ROW)})
    for uri in ("memory://bucket/x", "memory://bucket/x/**/*.jsonl"):
        found = list(read_source(Source("s", uri)))
        assert [record.origin for record in found] == ["a.jsonl:000000001", "y/b.jsonl:000000001"]
    memory.rm("/bucket", recursive=True)


def test_every_demo_source_is_read_and_every_file_of_it_has_a_format() -> None:
    formats = [file["format"] for name in SOURCES for file in check(f"demo://{name}")["files"]]
    assert len(formats) >= len(SOURCES)
    assert set(formats) <= set(FORMATS)


@pytest.mark.parametrize("name", ["none", "none.jsonl", "none/*.jsonl", "empty"])
def test_a_source_without_files_is_a_failure(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceFileError, match=r"is no file, and no folder or pattern with files to read.*\.jsonl\.gz"):
        list(read_source(Source("s", str(tmp_path / name))))


@pytest.mark.parametrize("pattern", ["", "/*/*.jsonl"])
def test_a_folder_that_cannot_be_listed_is_a_failure_and_no_empty_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pattern: str
) -> None:
    for name in ("a", "b", ".hidden", "lost+found"):
        write(tmp_path / name / "rows.jsonl", lines(ROW))
    refuse_to_list(monkeypatch, tmp_path / ".hidden", tmp_path / "lost+found")
    assert [file.relative for file in list_files(f"{tmp_path}{pattern}")] == ["a/rows.jsonl", "b/rows.jsonl"]
    refuse_to_list(monkeypatch, tmp_path / "b")
    with pytest.raises(
        SourceFileError, match=r"cannot be listed \(.*Permission denied: '.*/b'\). Check the path and who"
    ):
        list_files(f"{tmp_path}{pattern}")


def test_a_pattern_that_is_none_is_a_failure(tmp_path: Path) -> None:
    with pytest.raises(SourceFileError, match=r"cannot be listed .*\*\* stands alone between two slashes"):
        list_files(f"{tmp_path}/a**b")


def test_an_unknown_scheme_is_a_failure() -> None:
    with pytest.raises(SourceFileError, match=r"nope://x: is no URI that can be read .*Write a path, or a URI such as"):
        list_files("nope://x")


def test_check_counts_every_record_and_goes_on_after_a_failed_file(tmp_path: Path) -> None:
    write(tmp_path / "a.jsonl", lines(ROW, b"", b"oops", ROW | {"output": ""}, ROW | {"output": " "}))
    write(tmp_path / "b.json", json.dumps([ROW, ROW]).encode()[:-1])
    write(tmp_path / "c.jsonl", lines({"x": 1}))
    write(tmp_path / "d.jsonl.gz", lines(QA), packed=True)
    report = check(str(tmp_path))
    assert json.loads(json.dumps(report)) == report
    first, second, third, fourth = report["files"]
    assert first == {
        "path": str(tmp_path / "a.jsonl"),
        "format": "alpaca",
        "records": 5,
        "accepted": 1,
        "rejected": {"empty_answer": 2, "invalid_json": 1},
        "blank": 1,
        "failure": None,
    }
    assert (second["format"], second["records"], second["accepted"]) == (None, 0, 0)
    assert "line 1, column" in second["failure"]
    assert "no format fits" in third["failure"]
    assert (fourth["format"], fourth["accepted"], fourth["failure"]) == ("question_answer", 1, None)


def test_check_keeps_the_counts_up_to_a_failure(tmp_path: Path) -> None:
    path = write(tmp_path / "b.json", json.dumps([ROW] * 100).encode()[:-1])
    (report,) = check(path)["files"]
    assert (report["format"], report["records"], report["accepted"]) == ("alpaca", 100, 100)
    assert "the array never closes" in report["failure"]


def test_check_reports_a_uri_without_files_as_a_failed_file(tmp_path: Path) -> None:
    (report,) = check(str(tmp_path / "none.jsonl"))["files"]
    assert report == {
        "path": str(tmp_path / "none.jsonl"),
        "format": None,
        "records": 0,
        "accepted": 0,
        "rejected": {},
        "blank": 0,
        "failure": report["failure"],
    }
    assert "is no file" in report["failure"]


def test_check_takes_a_format_and_columns(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", lines({"frage": "2 + 3?", "antwort": "5"}))
    columns = {"question": "frage", "answer": "antwort"}
    assert check(path, columns=columns)["files"][0]["accepted"] == 1
    assert check(path, format="alpaca")["files"][0]["rejected"] == {"missing_field": 1}


def test_a_failure_keeps_its_parts_across_processes(tmp_path: Path) -> None:
    with pytest.raises(SourceFileError) as caught:
        read(tmp_path / "none.jsonl")
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (str(copy), copy.remedy) == (str(caught.value), caught.value.remedy)


def test_an_unknown_format_is_an_error_that_names_the_known_ones(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", lines(ROW))
    with pytest.raises(ValueError, match=r"format is 'alpacca'; did you mean 'alpaca'\? Known are: xsample"):
        read(path, format="alpacca")


def test_a_check_tells_how_far_it_is(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", lines(*[ROW] * (PROGRESS_RECORDS + 1)))
    told: list[tuple[str, int]] = []
    check(path, on_progress=lambda name, records: told.append((name, records)))
    assert told == [("a.jsonl", 0), ("a.jsonl", PROGRESS_RECORDS)]


def test_an_empty_uri_is_a_failure_not_the_current_folder() -> None:
    (report,) = check("")["files"]
    assert "is no URI" in report["failure"]

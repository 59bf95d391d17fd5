"""A source that changes while it is read: the run fails in words, the old version stays, the next run completes."""

import json
import os

import pytest

from mig_dagster.sources import changed_files, load_registry, resolve
from mig_dagster.sources.locations import list_files
from mig_dagster.storage import LakeWriter
from tests.dag.tiny import alpaca, failure, materialise
from tests.faults.audit import audit

ROWS = 12_000


@pytest.fixture
def notes(place):
    """A source whose file takes several reads."""
    place.register("notes")
    return place.write("notes", [alpaca(i) for i in range(ROWS)])


def other(path, rows=ROWS):
    """Return other rows, as many bytes of them as the file has where it is the same number of rows."""
    return path.read_bytes().replace(b"Explain", b"Measure") if rows == ROWS else lines(rows)


def lines(rows):
    return b"\n".join(json.dumps(alpaca(i)).encode() for i in range(rows))


def grow(path):
    path.write_bytes(lines(ROWS + 5))


def rewrite_in_place(path):
    times, content = path.stat(), other(path)
    with path.open("r+b") as file:
        file.write(content)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert path.stat().st_size == times.st_size


def rewrite_and_put_back(path):
    before = path.read_bytes()
    rewrite_in_place(path)
    path.write_bytes(before)


def truncate(path):
    os.truncate(path, 100_000)


def delete(path):
    path.unlink()


def replace(path):
    aside = path.with_name("aside")
    aside.write_bytes(other(path))
    os.utime(aside, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns))
    aside.rename(path)


def add_a_file(path):
    path.with_name("notes2.jsonl").write_bytes(lines(3))


CHANGES = [grow, rewrite_in_place, rewrite_and_put_back, truncate, delete, replace, add_a_file]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_a_source_that_changes_while_it_is_read_fails_in_words(place, notes, instance, tmp_path, monkeypatch, change):
    instance.add_dynamic_partitions("source", ["notes"])
    notes.write_bytes(lines(7))
    assert materialise(place, instance, "raw_pool", partition="notes").success
    notes.write_bytes(lines(ROWS))
    append, pending = LakeWriter.append, [change]

    def changing(self, table, frame):
        append(self, table, frame)
        if frame.height and pending:
            pending.pop()(notes)

    monkeypatch.setattr(LakeWriter, "append", changing)
    result = materialise(place, instance, "raw_pool", partition="notes")
    assert pending == []
    told = failure(result)
    assert "notes" in told
    missing = "is no file, and no folder or pattern with files to read"
    assert ("changed while source 'notes' was being read" in told) != (change is delete and missing in told)
    assert place.home.lake.current("raw_pool", "notes").rows == 7
    audit(place, tmp_path)

    notes.write_bytes(lines(50))
    assert materialise(place, instance, "raw_pool", partition="notes").success
    assert place.home.lake.current("raw_pool", "notes").rows == 50 + 3 * (change is add_a_file)
    audit(place, tmp_path)


def test_a_file_behind_a_link_is_looked_at_itself(place, notes):
    behind = notes.rename(notes.with_name("behind"))
    notes.symlink_to(behind)
    source = load_registry(place.registry)["notes"]
    pinned = resolve(source)
    assert changed_files(source, pinned) == []
    rewrite_in_place(behind)
    assert changed_files(source, pinned) == ["notes.jsonl"]
    assert resolve(source, pinned).id != pinned.id


def test_links_are_found_in_a_folder_too(place, notes):
    notes.symlink_to(notes.rename(notes.with_name("behind")))
    assert "notes.jsonl" in [file.relative for file in list_files(str(notes.parent))]

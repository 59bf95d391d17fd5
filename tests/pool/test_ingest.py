"""From a source's files to a version of raw_pool in which every record is accounted for."""

import gzip
import json
import os
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from mig_dagster.conversation import from_dicts
from mig_dagster.pool import ingest
from mig_dagster.pool.schema import RAW_POOL, REJECTED
from mig_dagster.sources import Source, SourceFileError, blocks, read_source, resolve
from mig_dagster.storage import Lake, Store, writer

RECORDS = [
    {"instruction": "Add.", "input": "2 and 2", "output": "4", "id": 7},
    {"instruction": "Say nothing.", "output": ""},
    {"instruction": "Grüße!", "output": "ümlaut"},
]


@pytest.fixture
def lake(tmp_path):
    return Lake(Store(tmp_path / "home"))


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "files"
    folder.mkdir()
    lines = [json.dumps(RECORDS[0]), "", json.dumps(RECORDS[1]), "{broken", json.dumps(RECORDS[2])]
    (folder / "a.jsonl").write_text("\n".join(lines))
    (folder / "b.jsonl.gz").write_bytes(gzip.compress("\n".join(map(json.dumps, RECORDS)).encode()))
    return Source("mine", str(folder), format="alpaca")


def test_accepted_rows_are_the_conversations_that_were_read(lake, source):
    manifest = ingest(source, resolve(source), lake)
    rows = lake.scan_versions([manifest]).collect()
    assert rows.schema == RAW_POOL
    accepted = [record for record in read_source(source) if hasattr(record, "conversation")]
    assert rows["origin"].to_list() == [record.origin for record in accepted]
    assert rows["source"].unique().to_list() == ["mine"]
    for row, record in zip(rows.to_dicts(), accepted, strict=True):
        conversation = record.conversation
        assert from_dicts(row["messages"], row["tools"]) == conversation
        assert row["row_id"] == conversation.row_id
        assert (row["n_turns"], row["n_chars"]) == (conversation.n_turns, conversation.n_chars)
        assert json.loads(row["meta"]) == record.meta


def test_every_record_is_accounted_for(lake, source):
    revision = resolve(source)
    manifest = ingest(source, revision, lake)
    rejected = lake.scan_versions([manifest], "rejected").collect()
    assert rejected.schema == REJECTED
    info = manifest.info
    assert (info["records"], info["accepted"], info["blank"]) == (8, 4, 1)
    assert info["records"] == info["accepted"] + sum(info["rejected"].values()) + info["blank"]
    assert manifest.rows == info["accepted"]
    assert rejected["reason"].value_counts().rows() != []
    assert dict(rejected["reason"].value_counts().rows()) == info["rejected"]
    assert rejected["raw"].to_list()[1] == "{broken"
    assert [(file["path"], file["records"], file["blank"]) for file in info["files"]] == [
        ("a.jsonl", 5, 1),
        ("b.jsonl.gz", 3, 0),
    ]
    assert [file["sha256"] for file in info["files"]] == [file.sha256 for file in revision.files]
    assert info["revision"] == revision.id
    assert manifest.inputs == {"source_revisions/mine": revision.id}


def test_nothing_is_published_by_reading(lake, source):
    ingest(source, resolve(source), lake)
    assert lake.current("raw_pool", "mine") is None


def test_reading_again_gives_the_same_version(lake, source, monkeypatch):
    first = ingest(source, resolve(source), lake)
    monkeypatch.setattr(blocks, "BLOCK_RECORDS", 2)
    assert ingest(source, resolve(source), lake) == first


@pytest.mark.parametrize(
    ("size", "value", "progress"), [("BLOCK_RECORDS", 2, [2, 4, 5, 7, 8]), ("BLOCK_BYTES", 30, [1, 3, 5, 6, 7, 8])]
)
def test_progress_counts_the_records_of_every_block(lake, source, monkeypatch, size, value, progress):
    """A block ends at a number of records or of bytes, and with its file: of 5 records, and of 3."""
    monkeypatch.setattr(blocks, size, value)
    monkeypatch.setattr(blocks, "_PART_RECORDS", 1)
    seen = []
    ingest(source, resolve(source), lake, on_progress=seen.append)
    assert seen == progress


def test_a_bad_file_leaves_nothing_of_its_source(lake, source, tmp_path):
    (tmp_path / "files" / "c.jsonl.gz").write_bytes(gzip.compress(b'{"instruction": "a", "output": "b"}' * 9)[:-12])
    with pytest.raises(SourceFileError, match=r"c\.jsonl\.gz"):
        ingest(source, resolve(source), lake)
    assert lake.history("raw_pool", "mine") == []


@pytest.mark.parametrize("change", ["another record", "another file", "a file less"])
def test_rows_never_stand_under_a_revision_of_other_bytes(lake, source, tmp_path, change):
    """What was pinned and what was read must be the same, or the lineage names files that never held the rows."""
    pinned = resolve(source)
    files = tmp_path / "files"
    if change == "another record":
        (files / "a.jsonl").write_text(json.dumps(RECORDS[2]))
    elif change == "another file":
        (files / "c.jsonl").write_text(json.dumps(RECORDS[2]))
    else:
        (files / "a.jsonl").unlink()
    with pytest.raises(SourceFileError, match=r"changed while source 'mine' was being read\. Read the source again"):
        ingest(source, pinned, lake)
    assert lake.history("raw_pool", "mine") == []


def test_a_file_that_was_only_touched_is_the_same_revision_once_it_is_at_rest(lake, source, tmp_path):
    pinned = resolve(source)
    os.utime(tmp_path / "files" / "a.jsonl", (1, 1))
    with pytest.raises(SourceFileError, match=r"a\.jsonl: changed while source 'mine' was being read"):
        ingest(source, pinned, lake)
    assert ingest(source, resolve(source), lake).info["revision"] == pinned.id


def test_a_source_without_an_acceptable_row_has_empty_rows_and_all_rejections(lake, tmp_path):
    path = tmp_path / "none.jsonl"
    path.write_text('{"instruction": "a", "output": ""}\n')
    source = Source("none", str(path), format="alpaca")
    manifest = ingest(source, resolve(source), lake)
    assert_frame_equal(lake.scan_versions([manifest]).collect(), pl.DataFrame(schema=RAW_POOL))
    assert manifest.table_rows("rejected") == 1
    assert (manifest.info["records"], manifest.info["accepted"]) == (1, 0)


def resident(field):
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(field)]
    return int(line.split()[1]) * 1024


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="the peak of memory is known on Linux only")
@pytest.mark.parametrize("container", ["lines", "array"])
def test_memory_does_not_grow_with_the_file(lake, tmp_path, monkeypatch, container):
    monkeypatch.setattr(writer, "SHARD_BYTES", 1 << 20)
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 1 << 18)
    path = tmp_path / "large.json"
    size = 40 << 20

    def read(rows):
        texts = (json.dumps({"instruction": f"Say {n}.", "output": f"{n} " * 600}) for n in range(rows))
        begin, between, end = ("", "\n", "\n") if container == "lines" else ("[", ",", "]")
        with path.open("w") as file:
            file.write(begin + next(texts))
            file.writelines(between + text for text in texts)
            file.write(end)
        source = Source("large", str(path), format="alpaca")
        assert ingest(source, resolve(source), lake).info["accepted"] == rows
        return path.stat().st_size

    per_row = read(3000) / 3000  # whatever is loaded or kept only once
    Path("/proc/self/clear_refs").write_text("5")  # forget the peak so far
    before = resident("VmRSS")
    assert read(int(size / per_row)) > 0.9 * size
    assert resident("VmHWM") - before < size / 2

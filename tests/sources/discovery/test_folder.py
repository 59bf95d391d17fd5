"""Watched folders, on a local disk and on S3."""

import os
from pathlib import Path

import pytest
from fsspec.implementations.local import LocalFileSystem

from mig_dagster.sources.discovery.folder import find_in_folder
from mig_dagster.sources.discovery.found import DiscoveryError, Look
from mig_dagster.sources.discovery.rules import Folder
from mig_dagster.sources.discovery.settling import SETTLED_SECONDS
from tests.sources.writing import refuse_to_list

LATER = Look(4_000_000_000.0)


def put(path: Path, text: str = "{}\n", changed: float = 1000.0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, (changed, changed))
    return path


def names(findings) -> list[str]:
    return [found.name for found in findings.found]


def test_each_file_and_each_folder_directly_in_it_is_a_dataset(tmp_path):
    put(tmp_path / "b.jsonl")
    put(tmp_path / "many/deep/1.parquet")
    put(tmp_path / "many/2.jsonl.gz")
    put(tmp_path / "README.md")
    put(tmp_path / "half.jsonl.part")
    put(tmp_path / ".hidden.jsonl")
    put(tmp_path / ".git/a.json")
    put(tmp_path / "docs/notes.txt")
    findings = find_in_folder(Folder(str(tmp_path)), LATER)
    assert [(found.uri, found.name) for found in findings.found] == [
        (f"{tmp_path}/b.jsonl", "b.jsonl"),
        (f"{tmp_path}/many", "many"),
    ]
    assert findings.found[1].details == {"files": 2, "bytes": 6}
    assert findings.present == {f"{tmp_path}/b.jsonl", f"{tmp_path}/many"}


def test_a_file_that_changed_just_now_waits_until_two_looks_saw_the_same(tmp_path):
    path = put(tmp_path / "a.jsonl", changed=1000.0)
    first = find_in_folder(Folder(str(tmp_path)), Look(1001.0))
    assert (names(first), first.waiting, first.present) == ([], ("a.jsonl",), {str(path)})
    put(path, "{}\n{}\n", changed=1030.0)
    second = find_in_folder(Folder(str(tmp_path)), Look(1031.0, first.marks))
    assert second.waiting == ("a.jsonl",)
    assert names(find_in_folder(Folder(str(tmp_path)), Look(1032.0, second.marks))) == ["a.jsonl"]


def test_a_file_that_did_not_change_for_a_while_is_taken_at_once(tmp_path):
    put(tmp_path / "a.jsonl", changed=1000.0)
    assert names(find_in_folder(Folder(str(tmp_path)), Look(1000.0 + SETTLED_SECONDS))) == ["a.jsonl"]


def test_a_file_from_the_future_is_taken_at_the_second_look(tmp_path):
    """The clock of the file server, or our own before it went back."""
    put(tmp_path / "a.jsonl", changed=5_000_000_000.0)
    first = find_in_folder(Folder(str(tmp_path)), LATER)
    assert first.waiting == ("a.jsonl",)
    assert names(find_in_folder(Folder(str(tmp_path)), Look(LATER.now, first.marks))) == ["a.jsonl"]


def test_a_folder_waits_for_its_youngest_file_and_an_empty_file_is_no_dataset_yet(tmp_path):
    put(tmp_path / "many/1.jsonl", changed=1000.0)
    put(tmp_path / "many/2.jsonl", changed=2000.0)
    put(tmp_path / "empty.jsonl", text="")
    first = find_in_folder(Folder(str(tmp_path)), Look(2001.0))
    again = find_in_folder(Folder(str(tmp_path)), Look(2001.0, first.marks))
    assert (first.waiting, names(again), again.waiting) == (("empty.jsonl", "many"), ["many"], ("empty.jsonl",))


def test_a_name_that_is_no_text_is_passed_over_and_told(tmp_path):
    put(tmp_path / "a.jsonl")
    with open(os.fsencode(tmp_path) + b"/\xff.jsonl", "w") as file:
        file.write("{}")
    findings = find_in_folder(Folder(str(tmp_path)), LATER)
    assert names(findings) == ["a.jsonl"]
    assert findings.notes == (r"'\udcff.jsonl' is passed over: its name is no UTF-8; rename it",)


def test_a_folder_within_that_cannot_be_listed_is_an_error_and_not_gone(tmp_path, monkeypatch):
    put(tmp_path / "a.jsonl")
    put(tmp_path / "disk/1.jsonl")
    refuse_to_list(monkeypatch, tmp_path / "disk")
    with pytest.raises(
        DiscoveryError, match=r"cannot be listed \(.*Permission denied: '.*/disk'\); nothing was changed"
    ):
        find_in_folder(Folder(str(tmp_path)), LATER)


def test_a_folder_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(DiscoveryError, match="gone: there is no such folder; nothing was changed on account of that"):
        find_in_folder(Folder(str(tmp_path / "gone")), LATER)


def test_a_folder_that_cannot_be_listed_is_an_error(tmp_path, monkeypatch):
    def refused(*args, **kwargs):
        raise PermissionError("not yours")

    monkeypatch.setattr(LocalFileSystem, "find", refused)
    with pytest.raises(DiscoveryError, match=r"cannot be listed \(not yours\); nothing was changed"):
        find_in_folder(Folder(str(tmp_path)), LATER)


def test_an_unknown_scheme_is_an_error():
    with pytest.raises(DiscoveryError, match="is no URI that can be read"):
        find_in_folder(Folder("nowhere://bucket"), LATER)


def test_a_bucket_prefix_is_watched_like_a_folder(moto_s3, monkeypatch):
    moto_s3.use(monkeypatch)
    bucket = moto_s3.bucket()
    client, name = moto_s3.client(), bucket.removeprefix("s3://")
    assert find_in_folder(Folder(f"{bucket}/in"), LATER).present == frozenset()
    for key in ("in/a.jsonl", "in/many/1.parquet", "in/many/2.parquet", "out/b.jsonl", "in/marker/"):
        client.put_object(Bucket=name, Key=key, Body=b"{}\n" if not key.endswith("/") else b"")
    findings = find_in_folder(Folder(f"{bucket}/in"), LATER)
    assert [found.uri for found in findings.found] == [f"{bucket}/in/a.jsonl", f"{bucket}/in/many"]
    client.put_object(Bucket=name, Key="in/c.jsonl", Body=b"{}\n")
    client.delete_object(Bucket=name, Key="in/a.jsonl")
    assert names(find_in_folder(Folder(f"{bucket}/in"), LATER)) == ["c.jsonl", "many"]
    client.close()


def test_a_bucket_that_does_not_exist_is_an_error(moto_s3, monkeypatch):
    moto_s3.use(monkeypatch)
    with pytest.raises(DiscoveryError, match="s3://no-such-bucket/in: cannot be listed"):
        find_in_folder(Folder("s3://no-such-bucket/in"), LATER)

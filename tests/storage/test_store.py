"""The store: whole objects under one root, locally and behind fsspec."""

import errno
import multiprocessing
import os
import time

import pytest

from mig_dagster.storage import local_files
from mig_dagster.storage.store import Store
from tests.storage.roots import ROOTS, new_root


@pytest.fixture(params=ROOTS)
def store(request, monkeypatch):
    return Store(new_root(request, monkeypatch))


def test_create_writes_once_and_leaves_what_is_there_alone(store):
    assert store.create("a/b.bin", b"first")
    assert not store.create("a/b.bin", b"second")
    assert store.read("a/b.bin") == b"first"


def test_replace_writes_over(store):
    store.replace("current", b"1")
    store.replace("current", b"2")
    assert store.read("current") == b"2"


def test_list_gives_relative_paths_below_a_folder_in_order(store):
    for path in ("b/2", "b/1", "b/c/3", "bc/4"):
        store.create(path, b"x")
    assert store.list("b") == store.list("b/") == ["b/1", "b/2", "b/c/3"]
    assert store.list() == ["b/1", "b/2", "b/c/3", "bc/4"]
    assert store.list("nothing/here") == []


def test_folders_are_the_direct_ones(store):
    store.create("lake/a/x", b"")
    store.create("lake/b/c/x", b"")
    store.create("lake/file", b"")
    assert store.folders("lake") == ["a", "b"]
    assert store.folders() == ["lake"]
    assert store.folders("none") == []


def test_an_empty_store_has_nothing_in_it(tmp_path):
    store = Store(tmp_path / "not there yet")
    assert store.list() == store.folders() == []
    assert not store.exists("x")


def test_exists_is_about_objects_and_not_folders(store):
    store.create("a/b", b"x")
    assert store.exists("a/b")
    assert not store.exists("a")
    assert not store.exists("a/c")


def test_reading_what_is_not_there_fails(store):
    with pytest.raises(FileNotFoundError):
        store.read("a/b")


def test_removing_twice_is_no_error(store):
    store.create("a", b"x")
    store.remove("a")
    store.remove("a")
    assert not store.exists("a")


def test_size_and_age_of_an_object(store):
    store.create("a", b"four")
    assert store.size("a") == 4
    assert -5 < store.age("a") < 60


def test_touching_makes_an_object_young_and_leaves_its_bytes(store):
    store.create("a", b"x")
    if store.local:
        os.utime(store.uri("a"), (1, 1))
    else:
        time.sleep(1.1)  # servers tell times in whole seconds
    before = store.age("a")
    assert store.touch("a")
    assert store.age("a") < before
    assert store.read("a") == b"x"


def test_a_file_grows_aside_and_is_published_whole(store):
    store.create("a/b", b"old")
    with store.workspace() as folder:
        (folder / "new").write_bytes(b"new")
        assert store.list() == ["a/b"]
        store.publish_file(folder / "new", "a/b")
    assert not folder.exists()
    assert store.read("a/b") == b"new"
    assert store.list() == ["a/b"]


def test_an_object_can_be_had_as_a_local_file(store):
    store.create("a/b.bin", b"bytes")
    with store.local_copy("a/b.bin") as file:
        assert file.name == "b.bin"
        assert file.read_bytes() == b"bytes"
    assert store.read("a/b.bin") == b"bytes"


def test_touching_what_is_not_there_says_so(store):
    assert not store.touch("a")
    assert not store.exists("a")


@pytest.mark.parametrize("path", ["../x", "a/../../x", "/etc/passwd", "", "a\\..\\x", "a\0b"])
@pytest.mark.parametrize("operation", ["create", "replace"])
def test_no_path_leaves_the_root(store, path, operation):
    with pytest.raises(ValueError, match="expected a relative path inside the store"):
        getattr(store, operation)(path, b"x")
    with pytest.raises(ValueError, match="expected a relative path inside the store"):
        store.read(path)


def test_a_local_uri_is_an_absolute_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    store = Store("home")
    store.create("a/b", b"x")
    assert store.uri("a/b") == str(tmp_path / "home/a/b")


def test_a_remote_uri_names_its_protocol():
    assert Store("memory://bucket/home").uri("a").startswith("memory://")


def test_a_full_disk_leaves_neither_the_object_nor_a_temporary_file(tmp_path, monkeypatch):
    store = Store(tmp_path)

    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    for write in (store.create, store.replace):
        with pytest.raises(OSError, match="No space left"):
            write("a/b", b"x")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_leftovers_of_killed_writers_are_removed_when_old(tmp_path):
    store = Store(tmp_path)
    store.create("a", b"x")
    leftover = tmp_path / ".tmp" / "abc"
    leftover.write_bytes(b"half")
    assert store.list() == ["a"]
    assert store.remove_leftovers(older_than=3600) == 0
    assert store.remove_leftovers(older_than=-1) == 1
    assert not leftover.exists()
    assert Store("memory://nothing").remove_leftovers(0) == 0


def test_what_a_dry_run_counts_stays(tmp_path):
    store = Store(tmp_path)
    (tmp_path / ".tmp" / "folder").mkdir(parents=True)
    (tmp_path / ".tmp" / "folder" / "half").write_bytes(b"x")
    assert store.remove_leftovers(older_than=-1, dry_run=True) == 1
    assert store.remove_leftovers(older_than=3600) == 0
    assert store.remove_leftovers(older_than=-1) == 1
    assert not list((tmp_path / ".tmp").iterdir())


def test_a_live_writer_may_finish_while_leftovers_are_removed(tmp_path, monkeypatch):
    store = Store(tmp_path)
    store.create("a", b"x")
    monkeypatch.setattr(type(tmp_path), "iterdir", lambda folder: iter([folder / "gone by now"]))
    assert store.remove_leftovers(older_than=-1) == 0


def test_a_new_object_makes_its_folders_durable_too(tmp_path, monkeypatch):
    flushed = []
    monkeypatch.setattr(local_files, "_flush_folder", lambda folder: flushed.append(folder.relative_to(tmp_path)))
    Store(tmp_path).create("a/b/c", b"x")
    assert {str(folder) for folder in flushed} == {".", "a", "a/b"}


def _race(root, name, gate, wins):
    store = Store(root)
    gate.wait()
    won = sum(store.create(f"race/{number}", name * 1000) for number in range(50))
    wins.put(won)


def test_of_many_processes_exactly_one_creates_each_object(lasting_root):
    context = multiprocessing.get_context("spawn")
    gate, wins = context.Barrier(3), context.Queue()
    racers = [context.Process(target=_race, args=(lasting_root, bytes([65 + i]), gate, wins)) for i in range(3)]
    for racer in racers:
        racer.start()
    assert sum(wins.get(timeout=60) for _ in racers) == 50
    for racer in racers:
        racer.join()
    store = Store(lasting_root)
    assert all(len(set(store.read(path))) == 1 and store.size(path) == 1000 for path in store.list("race"))
    assert len(store.list("race")) == 50

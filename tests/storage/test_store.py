"""The store: whole objects under one root, locally and behind fsspec."""

import errno
import multiprocessing
import os
from uuid import uuid4

import pytest

from mig_dagster.storage import store as store_module
from mig_dagster.storage.store import Store


@pytest.fixture(params=["local", "memory"])
def store(request, tmp_path):
    return Store(tmp_path / "home" if request.param == "local" else f"memory://{uuid4().hex}/home")


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


def test_touching_makes_an_object_young(tmp_path):
    store = Store(tmp_path)
    store.create("a", b"x")
    os.utime(store.uri("a"), (1, 1))
    assert store.age("a") > 1e6
    assert store.touch("a")
    assert store.age("a") < 60


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


def test_a_live_writer_may_finish_while_leftovers_are_removed(tmp_path, monkeypatch):
    store = Store(tmp_path)
    store.create("a", b"x")
    monkeypatch.setattr(type(tmp_path), "iterdir", lambda folder: iter([folder / "gone by now"]))
    assert store.remove_leftovers(older_than=-1) == 0


def test_a_new_object_makes_its_folders_durable_too(tmp_path, monkeypatch):
    flushed = []
    monkeypatch.setattr(store_module, "_flush_folder", lambda folder: flushed.append(folder.relative_to(tmp_path)))
    Store(tmp_path).create("a/b/c", b"x")
    assert {str(folder) for folder in flushed} == {".", "a", "a/b"}


class Server:
    """A file system that answers a create as told; the object may or may not be there afterwards."""

    def __init__(self, error, there):
        self.error, self.there = error, there

    def pipe_file(self, path, data, mode):
        raise self.error

    def isfile(self, path):
        return self.there.pop(0)


@pytest.mark.parametrize("error", [FileExistsError("there"), OSError(errno.EINVAL, "InvalidRequest")])
def test_a_lost_race_on_a_server_means_it_exists(error):
    store = Store("memory://race")
    store.filesystem = Server(error, [False, True])
    assert not store.create("a", b"x")


def test_a_refused_request_is_not_mistaken_for_a_lost_race():
    store = Store("memory://race")
    store.filesystem = Server(OSError(errno.EINVAL, "bad request"), [False, False])
    with pytest.raises(OSError, match="bad request"):
        store.create("a", b"x")
    store.filesystem = Server(PermissionError("denied"), [False, False])
    with pytest.raises(PermissionError, match="denied"):
        store.create("a", b"x")


def _race(root, name, gate, wins):
    store = Store(root)
    gate.wait()
    won = sum(store.create(f"race/{number}", name * 1000) for number in range(50))
    wins.put(won)


def test_of_many_processes_exactly_one_creates_each_object(tmp_path):
    context = multiprocessing.get_context("fork")
    gate, wins = context.Barrier(4), context.Queue()
    racers = [context.Process(target=_race, args=(str(tmp_path), bytes([65 + i]), gate, wins)) for i in range(4)]
    for racer in racers:
        racer.start()
    assert sum(wins.get(timeout=60) for _ in racers) == 50
    for racer in racers:
        racer.join()
    store = Store(tmp_path)
    assert all(len(set(store.read(path))) == 1 and store.size(path) == 1000 for path in store.list("race"))
    assert len(store.list("race")) == 50

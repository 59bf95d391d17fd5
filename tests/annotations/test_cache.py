import json
import random
import re

import numpy as np
import pytest

from mig_dagster.annotations import cache as cache_module
from mig_dagster.annotations.annotator import Batch
from mig_dagster.annotations.cache import CacheError, FragmentCache
from mig_dagster.storage.store import Store
from tests.annotations.memory_files import MemoryFiles


@pytest.fixture
def files():
    return MemoryFiles()


def batch(*scores):
    return Batch({"score": np.array(scores, dtype=float), "words": [[str(s)] for s in scores]}, [None] * len(scores))


def loaded(cache, keys, fingerprint="f"):
    found = {}
    for positions, piece in cache.load(fingerprint, keys):
        for line, position in enumerate(positions.tolist()):
            assert keys[position] not in found
            found[keys[position]] = (piece.columns["score"][line], piece.columns["words"][line], piece.flags[line])
    return found


def test_what_was_stored_is_found_again_by_another_process(files):
    FragmentCache(files).append(
        "f", ["a", "b"], Batch({"score": np.array([1.0, np.nan]), "words": [["ü"], None]}, [None, "not_finite"])
    )
    found = loaded(FragmentCache(files), ["b", "a", "missing"])
    assert found["a"] == (1.0, ["ü"], None)
    assert np.isnan(found["b"][0])
    assert found["b"][1:] == (None, "not_finite")
    assert "missing" not in found


def test_fingerprints_do_not_share_values(files):
    FragmentCache(files).append("f", ["a"], batch(1))
    assert loaded(FragmentCache(files), ["a"], "g") == {}


def test_an_array_comes_back_bit_for_bit(files):
    vectors = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    FragmentCache(files).append("f", list("abcde"), Batch({"embedding": vectors}, [None] * 5))
    ((positions, piece),) = FragmentCache(files).load("f", list("edcba"))
    assert piece.columns["embedding"].dtype == np.float32
    assert np.array_equal(piece.columns["embedding"], vectors[::-1][positions])


def test_the_first_value_written_wins_where_two_runs_computed_one_key(files, monkeypatch):
    """A value that was served once must not change because a slower run finished later."""
    ticks = iter([5, 20, 100])
    monkeypatch.setattr(cache_module.time, "time_ns", lambda: next(ticks))
    cache = FragmentCache(files)
    cache.append("f", ["a", "b"], batch(1, 2))
    cache.append("f", ["b", "c"], batch(30, 40))
    cache.append("f", ["c", "b", "d"], batch(500, 600, 700))
    assert {key: value[0] for key, value in loaded(cache, list("abcd")).items()} == {"a": 1, "b": 2, "c": 40, "d": 700}


def test_any_mix_of_fragments_gives_what_a_dict_would(files):
    draw = random.Random(3)
    cache, truth = FragmentCache(files), {}
    for _ in range(20):
        keys = [f"{draw.randrange(60):032x}" for _ in range(draw.randrange(1, 9))]  # may repeat within a fragment
        values = [draw.random() for _ in keys]
        cache.append("f", keys, batch(*values))
        for key, value in zip(keys, values, strict=True):
            truth.setdefault(key, value)
    wanted = [f"{i:032x}" for i in range(100)]
    assert {key: value[0] for key, value in loaded(FragmentCache(files), wanted).items()} == truth


def test_keys_are_read_once_and_values_only_where_a_key_is_wanted(files):
    FragmentCache(files).append("f", ["a"], batch(1))
    FragmentCache(files).append("f", ["b"], batch(2))
    cache = FragmentCache(files)
    assert loaded(cache, ["nobody"]) == {}
    assert files.reads == 2
    assert loaded(cache, ["nobody"]) == {}
    assert files.reads == 2
    assert set(loaded(cache, ["b"])) == {"b"}
    assert files.reads == 3


def test_no_keys_read_nothing(files):
    FragmentCache(files).append("f", ["a"], batch(1))
    assert list(FragmentCache(files).load("f", [])) == []
    assert files.reads == 0


@pytest.mark.parametrize("damage", ["truncated", "text", "bytes inside", "empty", "no keys"])
def test_a_corrupt_fragment_is_an_error_that_names_the_file_and_the_remedy(files, damage):
    FragmentCache(files).append("f", ["a", "b"], batch(1, 2))
    (path,) = files.contents
    content = files.contents[path]
    at = content.index(json.dumps([["1"], ["2"]]).encode())
    files.contents[path] = {
        "truncated": content[: len(content) // 2],
        "text": b"not a fragment",
        "bytes inside": content[:at] + b"XX" + content[at + 2 :],
        "empty": b"",
        "no keys": content.replace(b"keys.npy", b"kays.npy"),
    }[damage]
    with pytest.raises(CacheError, match=f"{re.escape(path)}.*corrupt.*delete this file"):
        list(FragmentCache(files).load("f", ["a"]))


def test_no_damage_ever_gives_a_value(files):
    """A flipped bit in the directory of an npz file can hide a column, where the values themselves have checksums."""
    FragmentCache(files).append("f", ["a", "b"], batch(1, 2))
    (path,) = files.contents
    content = files.contents[path]
    draw = random.Random(5)
    for at in draw.sample(range(len(content)), 200):
        files.contents[path] = content[:at] + bytes([content[at] ^ 1 << draw.randrange(8)]) + content[at + 1 :]
        with pytest.raises(CacheError, match="corrupt"):
            list(FragmentCache(files).load("f", ["a", "b"]))


def test_files_that_are_no_fragments_are_left_alone(files):
    files.create("cache/f/notes.txt", b"mine")
    FragmentCache(files).append("f", ["a"], batch(1))
    assert set(loaded(FragmentCache(files), ["a"])) == {"a"}


def test_keys_of_its_own_fragments_are_not_read_back(files):
    cache = FragmentCache(files)
    cache.append("f", ["a"], batch(1))
    assert loaded(cache, ["b"]) == {}
    assert files.reads == 0


def test_a_fragment_damaged_after_its_keys_were_read_is_an_error_too(files):
    FragmentCache(files).append("f", ["a"], batch(1))
    cache = FragmentCache(files)
    list(cache.load("f", ["nobody"]))
    (path,) = files.contents
    files.contents[path] = files.contents[path][:50]
    with pytest.raises(CacheError, match="delete this file"):
        list(cache.load("f", ["a"]))


def test_a_fragment_whose_answer_got_lost_and_that_was_sent_again_is_kept(files, monkeypatch):
    create = files.create
    monkeypatch.setattr(files, "create", lambda path, content: create(path, content) and create(path, content))
    FragmentCache(files).append("f", ["a"], batch(1))
    assert loaded(FragmentCache(files), ["a"]) == loaded(FragmentCache(files), ["a"]) != {}


def test_a_clock_that_was_put_back_does_not_put_a_new_value_before_one_that_was_used(files, monkeypatch):
    now = 1_700_000_000 * 10**9
    for hours, value in ((0, 1), (-5, 2), (-5, 3), (1, 4)):
        monkeypatch.setattr("time.time_ns", lambda hours=hours: now + hours * 3600 * 10**9)
        FragmentCache(files).append("f", ["a"], batch(value))
    assert [*files.contents] == sorted(files.contents)
    assert loaded(FragmentCache(files), ["a"])["a"][0] == 1


def test_the_writer_makes_one_fragment_of_many_small_batches(files):
    with FragmentCache(files).writer("f") as writer:
        for i in range(10):
            writer.add([f"k{i}"], batch(i))
    assert len(files.contents) == 1
    assert len(loaded(FragmentCache(files), [f"k{i}" for i in range(10)])) == 10


def test_the_writer_flushes_when_the_time_is_up_and_when_much_waits(files, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(cache_module.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(cache_module, "FLUSH_ROWS", 3)
    with FragmentCache(files).writer("f") as writer:
        writer.add(["a"], batch(1))
        assert files.contents == {}
        now[0] = cache_module.FLUSH_SECONDS
        writer.add(["b"], batch(2))
        assert len(files.contents) == 1
        writer.add(["c", "d", "e"], batch(1, 2, 3))
        assert len(files.contents) == 2


def test_the_writer_keeps_what_was_computed_before_an_error(files):
    def fail():
        with FragmentCache(files).writer("f") as writer:
            writer.add(["a"], batch(1))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert set(loaded(FragmentCache(files), ["a"])) == {"a"}


def test_a_run_with_nothing_to_write_leaves_no_file(files):
    with FragmentCache(files).writer("f"):
        pass
    assert files.contents == {}


def test_the_lakes_own_store_holds_a_cache(tmp_path):
    store = Store(tmp_path)
    assert list(FragmentCache(store).load("f", ["a"])) == []
    FragmentCache(store).append("f", ["a"], batch(1))
    FragmentCache(store).append("f2", ["a"], batch(2))
    assert loaded(FragmentCache(Store(tmp_path)), ["a"]) == {"a": (1.0, ["1"], None)}
    (path,) = store.list("cache/f/")
    assert path.startswith("cache/f/")


def test_what_is_missing_is_said_without_reading_values(files):
    FragmentCache(files).append("f", ["a", "b"], batch(1, 2))
    cache = FragmentCache(files)
    assert cache.missing("f", ["x", "b", "a", "y"]).tolist() == [0, 3]
    FragmentCache(files).append("f", ["y"], batch(3))
    assert cache.missing("f", ["x", "y"]).tolist() == [0]
    assert cache.missing("g", ["a"]).tolist() == [0]
    assert cache.missing("f", []).tolist() == []
    assert loaded(cache, ["a", "y"]) == {"a": (1.0, ["1"], None), "y": (3.0, ["3"], None)}

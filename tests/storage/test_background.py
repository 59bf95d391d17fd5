"""Work on another thread: in order, with a bounded queue, and no error lost."""

import threading
from functools import partial

import polars as pl
import pytest

from mig_dagster.storage import writer as writing
from mig_dagster.storage.background import Background
from mig_dagster.storage.lake import Lake
from mig_dagster.storage.store import Store

FRAME = pl.DataFrame({"row_id": ["a", "b"]})


def fail():
    raise OSError("no space left on device")


def test_calls_run_in_order_on_one_other_thread():
    seen = []
    background = Background(2)
    for number in range(20):
        background.run(lambda number=number: seen.append((number, threading.get_ident())))
    background.wait()
    background.close()
    assert [number for number, _ in seen] == list(range(20))
    (thread,) = {thread for _, thread in seen}
    assert thread != threading.get_ident()


def test_a_full_queue_makes_the_caller_wait():
    background, go, taken = Background(1), threading.Event(), []
    filling = threading.Thread(target=lambda: [taken.append(background.run(go.wait)) for _ in range(4)])
    filling.start()
    filling.join(0.1)
    assert len(taken) == 2  # one runs, one waits
    go.set()
    filling.join()
    background.wait()
    background.close()
    assert len(taken) == 4


def test_after_an_error_nothing_else_runs_and_the_error_comes_out():
    background, go, seen = Background(5), threading.Event(), []
    for call in (go.wait, fail, partial(seen.append, 1)):
        background.run(call)
    go.set()
    with pytest.raises(OSError, match="no space left on device"):
        background.wait()
    background.wait()
    background.close()
    assert seen == []


def write(lake, appends, last=FRAME):
    with lake.writer("pool") as writer:
        for _ in range(appends):
            writer.append("rows", FRAME)
        writer.append("rows", last)
        writer.finish()


@pytest.mark.parametrize("appends", [1, 20])
def test_a_writer_raises_what_storing_a_shard_raised(tmp_path, monkeypatch, appends):
    monkeypatch.setattr(writing, "SHARD_ROWS", 1)
    monkeypatch.setattr(Store, "create", lambda *_: fail())
    lake = Lake(Store(tmp_path))
    with pytest.raises(OSError, match="no space left on device"):
        write(lake, appends)
    assert lake.history("pool") == []


def test_a_writer_ends_its_thread_however_it_is_left(tmp_path):
    before = threading.active_count()
    write(Lake(Store(tmp_path)), 1)
    with pytest.raises(ValueError, match="cast every frame to one schema"):
        write(Lake(Store(tmp_path)), 1, FRAME.with_columns(n=1))
    assert threading.active_count() == before

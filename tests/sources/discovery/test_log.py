"""The log under many writers, on a local disk and on S3."""

import multiprocessing
import os
from collections import Counter
from datetime import UTC, datetime

import pytest

from mig_dagster.sources import RegistryError, Source
from mig_dagster.sources.discovery import Event, read_log, record
from mig_dagster.sources.discovery.events import Discovered, first_event
from mig_dagster.sources.discovery.log import FOLDER, STATES
from mig_dagster.storage import Store
from tests.sources.discovery.finds import Project

WRITERS = 3


def _look(folder, home, gate, environment):
    os.environ.update(environment)  # the server that forks was started with those of whichever test came first
    project = Project(folder, home)
    gate.wait()
    for _ in range(2):
        project.look(keep_cursor=False)


def race(folder, home=None) -> Project:
    """Let processes discover the same at the same time."""
    project = Project(folder, home)
    project.rules("{name: few, folder: in, max_per_day: 3}", "{name: all, folder: more}")
    for number in range(8):
        project.put(f"in/{number}.jsonl")
        project.put(f"more/{number}.jsonl")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.sources.discovery.finds"])
    gate = context.Barrier(WRITERS)
    writers = [context.Process(target=_look, args=(folder, home, gate, dict(os.environ))) for _ in range(WRITERS)]
    for process in writers:
        process.start()
    for process in writers:
        process.join()
        assert process.exitcode == 0
    return project


@pytest.mark.parametrize("place", ["disk", "bucket"])
def test_of_processes_that_find_the_same_at_once_one_adds_it_within_the_limit(place, tmp_path, moto_s3, monkeypatch):
    moto_s3.use(monkeypatch)
    project = race(tmp_path, None if place == "disk" else moto_s3.bucket())
    assert Counter(entry.rule for entry in project.log.entries.values()) == {"few": 3, "all": 8}
    assert set(project.states.values()) == {"added"}
    assert project.log.number == len(Store(project.home).list(FOLDER)) == 1


def test_a_writer_that_loses_decides_again_on_what_the_winner_wrote(tmp_path):
    store = Store(tmp_path)
    asked: list[Discovered] = []

    def decide(state):
        asked.append(state)
        if len(asked) == 1:  # another writer, between this one's reading and writing
            record(store, lambda other: [first_event("added", Source("a", "a"))])
        return [first_event("added", Source("b", "b"))] if "a" in state.names or len(asked) == 1 else []

    state, events = record(store, decide)
    assert [len(state.entries) for state in asked] == [0, 1]
    assert ([event.name for event in events], state.names, state.number) == (["b"], {"a", "b"}, 2)
    assert read_log(store) == state


def test_nothing_decided_writes_nothing(tmp_path):
    state, events = record(Store(tmp_path / "home"), lambda state: [])
    assert (state, events, (tmp_path / "home").exists()) == (Discovered(), (), False)


def test_order_is_that_of_the_batches_whatever_the_clock_says(tmp_path):
    store = Store(tmp_path)
    for year, kind in ((2030, "proposed"), (2020, "approved"), (2025, "removed")):
        event = first_event(kind, Source("a", "a")) if kind == "proposed" else Event(kind, "a", "a", reason="so")
        record(store, lambda state, event=event: [event], datetime(year, 1, 1, tzinfo=UTC))
    entry = read_log(store).named("a")
    assert (entry.state, entry.reason, entry.found_at.year, entry.changed_at.year) == ("removed", "so", 2030, 2025)
    assert read_log(store).named("b") is None


def test_what_else_lies_in_the_folder_is_no_batch(tmp_path):
    (tmp_path / FOLDER).mkdir(parents=True)
    (tmp_path / FOLDER / "notes.txt").write_text("mine")
    assert read_log(Store(tmp_path)) == Discovered()


def test_a_refresh_is_a_mark_that_grows(tmp_path):
    store = Store(tmp_path)
    for names in (["a", "b"], ["b"]):
        record(store, lambda state, names=names: [Event("refresh", "", name) for name in names])
    assert read_log(store).refreshes == {"a": 1, "b": 2}


def test_a_reader_fetches_the_last_state_and_what_came_after_it(tmp_path, monkeypatch):
    monkeypatch.setattr("mig_dagster.sources.discovery.log.STATE_EVERY", 3)
    store = Store(tmp_path)
    for number in range(8):
        source = Source(f"s{number}", f"u{number}", licence="MIT", columns={"output": "o"})
        event = first_event("proposed", source, rule="r", place="p", details={"likes": 3})
        record(store, lambda state, event=event: [event, Event("refresh", "", f"s{state.number}")])
    record(store, lambda state: [Event("removed", "u0", "s0", vanished=True)])
    assert store.list(STATES) == [f"{STATES}/{number:08}.json" for number in (3, 6, 9)]
    whole = read_log(store)
    for path in store.list(FOLDER)[:6]:
        (tmp_path / path).write_text("not read")
    store.remove(store.list(STATES)[-1])  # its writer died before it
    assert read_log(store) == whole
    (tmp_path / STATES / "00000006.json").write_text("{}")
    with pytest.raises(RegistryError, match=r"00000006.json: is no state .*; delete it"):
        read_log(store)

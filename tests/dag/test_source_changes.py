from dataclasses import replace

import pytest

from assets import source_changes
from assets.reported import entry_of, look
from assets.source_changes import SECONDS, dump_seen, find_changes, load_seen
from mig_dagster.sources import Source, load_registry

REMOTE = Source("far", "hf://datasets/somebody/rows")


@pytest.fixture
def registry(place):
    return load_registry(place.registry)


def reported(changes):
    return {name: found.version for name, found in changes.changed.items()}


def test_what_was_seen_survives_the_cursor(registry):
    seen = find_changes(registry, {}, {}).seen
    assert load_seen(dump_seen(seen)) == seen
    assert load_seen({}) == {}


def test_a_memory_in_the_words_of_another_version_is_read_as_far_as_it_is_known(registry):
    seen = find_changes(registry, {}, {}).seen
    older = {name: {**line, "version": "1"} for name, line in dump_seen(seen).items()}
    assert load_seen(older) == seen


def test_what_was_reported_is_not_reported_again_whoever_did(registry):
    """Nor by a sensor that forgot everything."""
    first = find_changes(registry, {}, {})
    assert list(first.changed) == ["chat", "maths", "notes"]
    assert find_changes(registry, first.seen, reported(first)).changed == {}
    assert find_changes(registry, {}, reported(first)).changed == {}


def test_hashing_that_takes_too_long_goes_on_at_the_next_tick(registry):
    """A tick that takes a minute is killed: with many large sources the first one would never end."""
    times = iter([0.0, 0.0, SECONDS + 1, SECONDS + 1])
    first = find_changes(registry, {}, {}, clock=lambda: next(times))
    assert list(first.changed) == ["chat"]
    second = find_changes(registry, first.seen, reported(first))
    assert list(second.changed) == ["maths", "notes"]


def test_a_source_that_was_not_looked_at_is_neither_changed_nor_forgotten(registry):
    known = find_changes(registry, {}, {}).seen
    times = iter([0.0, SECONDS + 1, SECONDS + 1, SECONDS + 1])
    changes = find_changes(registry, known, {}, clock=lambda: next(times))
    assert (changes.changed, changes.seen) == ({}, known)


def asked(source, before=(), said=(), **more):
    """Return whether a run is asked to look at one source, and the memory of that."""
    changes = find_changes({source.name: source}, dict(before), dict(said), **more)
    assert changes.changed == {}
    return changes.to_refresh == [source.name], changes.seen


def test_a_source_far_away_is_left_to_a_run_once():
    first, seen = asked(REMOTE)
    assert first
    again, seen = asked(REMOTE, seen)  # the run waits or is at work
    assert not again
    said = {"far": f"sha-{entry_of(REMOTE)}"}
    assert asked(REMOTE, seen, said)[0] is False
    assert asked(REMOTE, {}, said)[0] is False  # the sensor forgot, what was reported did not


@pytest.mark.parametrize("change", [{"revision": "v2"}, {"config": "en"}, {"split": "test"}, {"format": "alpaca"}])
def test_a_source_far_away_is_looked_at_again_when_it_is_registered_in_another_way(change):
    said = {"far": f"sha-{entry_of(REMOTE)}"}
    _, seen = asked(REMOTE, {}, said)
    assert asked(replace(REMOTE, **change), seen, said)[0] is True
    assert asked(replace(REMOTE, priority=3), seen, said)[0] is False


def test_a_source_far_away_is_looked_at_once_for_every_wish():
    said = {"far": f"sha-{entry_of(REMOTE)}"}
    first, seen = asked(REMOTE, {}, said, refreshes={"far": 4})
    again, seen = asked(REMOTE, seen, said, refreshes={"far": 4})
    later, seen = asked(REMOTE, seen, said, refreshes={"far": 7})
    assert (first, again, later) == (True, False, True)


def test_a_large_source_is_left_to_a_run_whenever_it_changed(place, registry, monkeypatch):
    monkeypatch.setattr(source_changes, "TICK_BYTES", 1000)
    maths = registry["maths"]
    first, seen = asked(maths)
    assert first
    assert asked(maths, seen)[0] is False

    found = look(maths, None)  # what the run reports
    done = {"said": {"maths": found.version}, "last_revision": {"maths": found.revision}.get}
    answered, seen = asked(maths, seen, **done)
    assert not answered
    assert seen["maths"].revision == found.revision  # kept, so that the next tick need not ask for it
    place.write("maths", [{"instruction": "Explain", "output": "Well. " * 400}])
    changed, seen = asked(maths, seen, **done)
    assert changed
    assert asked(maths, seen, **done)[0] is False


def test_a_large_source_of_which_little_is_new_is_read_at_once(place, registry, monkeypatch):
    before = find_changes(registry, {}, {})
    monkeypatch.setattr(source_changes, "TICK_BYTES", 1000)
    (place.folder / "data/notes2.jsonl").write_text('{"messages": []}')
    changes = find_changes(registry, before.seen, reported(before))
    assert (list(changes.changed), changes.to_refresh) == (["notes"], [])

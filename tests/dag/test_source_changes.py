from assets.source_changes import SECONDS, dump_seen, find_changes, load_seen
from mig_dagster.sources import load_registry


def test_what_was_seen_survives_the_cursor(place):
    seen = find_changes(load_registry(place.registry), {}).seen
    assert load_seen(dump_seen(seen)) == seen
    assert load_seen(None) == {}


def test_hashing_that_takes_too_long_goes_on_at_the_next_tick(place):
    """A tick that takes a minute is killed: with many large sources the first one would never end."""
    registry = load_registry(place.registry)
    times = iter([0.0, 0.0, SECONDS + 1, SECONDS + 1])
    first = find_changes(registry, {}, clock=lambda: next(times))
    assert list(first.changed) == ["chat"]
    second = find_changes(registry, first.seen)
    assert list(second.changed) == ["maths", "notes"]


def test_a_source_that_was_not_looked_at_is_neither_changed_nor_forgotten(place):
    registry = load_registry(place.registry)
    known = find_changes(registry, {}).seen
    times = iter([0.0, SECONDS + 1, SECONDS + 1, SECONDS + 1])
    changes = find_changes(registry, known, clock=lambda: next(times))
    assert (changes.changed, changes.seen) == ({}, known)

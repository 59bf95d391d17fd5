"""Who may be annotated without asking: limits, what is written down, and what a person said to it."""

import polars as pl
import pytest

from mig_dagster.sources import Source
from mig_dagster.sources.discovery import Event, read_log, record
from mig_dagster.sources.discovery.events import first_event
from mig_dagster.sources.discovery.snapshot import dump_state, load_state
from mig_dagster.stages.held import Planned, explained, hours_allowed, review, waiting
from mig_dagster.storage import Lake, Store


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "home")


def planned(hours, asked=None):
    def plan():
        if asked is not None:
            asked.append(hours)
        return Planned(hours, {"rows": 7})

    return plan


def say(store, kind, name="a"):
    record(store, lambda state: [Event(kind, "", name, reason="by hand")])


def batches(store):
    return read_log(store).number


def refuses():
    raise AssertionError("a plan was made that nobody needed")


def test_a_plan_within_the_limit_or_without_one_leaves_no_trace(store):
    assert review(store, "a", "v1", 2.0, planned(2.0)) is None
    assert review(store, "a", "v1", None, refuses) is None
    assert batches(store) == 0


def test_what_exceeds_the_limit_is_held_once_until_its_rows_change(store):
    hold = review(store, "a", "v1", 0.0, planned(0.5))
    assert (hold.state, hold.hours, hold.limit, hold.plan) == ("held", 0.5, 0.0, {"rows": 7})
    assert review(store, "a", "v1", 0.0, refuses) == hold
    assert batches(store) == 1
    again = review(store, "a", "v2", 0.0, planned(0.7))
    assert (again.hours, again.rows_version, batches(store)) == (0.7, "v2", 2)
    assert review(store, "b", "v1", 0.0, planned(0.0)) is None


def test_what_fits_later_is_free_without_a_person(store):
    review(store, "a", "v1", 1.0, planned(2.0))
    assert review(store, "a", "v2", 1.0, planned(0.5)) is None
    assert read_log(store).holds == {}
    assert review(store, "a", "v3", 1.0, planned(2.0)).state == "held"


def test_a_released_source_goes_on_and_is_planned_again_when_its_rows_change(store):
    review(store, "a", "v1", 1.0, planned(2.0))
    say(store, "released")
    assert review(store, "a", "v1", 1.0, refuses) is None
    assert review(store, "a", "v2", 1.0, planned(0.5)) is None
    assert read_log(store).holds["a"].state == "released"
    assert review(store, "a", "v3", 1.0, planned(3.0)).state == "held"


def test_a_withheld_source_stays_so_whatever_becomes_of_its_rows(store):
    review(store, "a", "v1", 1.0, planned(2.0))
    say(store, "withheld")
    again = review(store, "a", "v2", None, refuses)
    assert (again.state, again.rows_version, again.hours) == ("withheld", "v2", 2.0)
    assert review(store, "a", "v2", None, refuses) == again
    say(store, "released")
    assert review(store, "a", "v2", 1.0, refuses) is None


def test_hours_that_nobody_knows_are_more_than_any_limit(store):
    hold = review(store, "a", "v1", 1000.0, lambda: Planned(float("inf"), {"problem": "model 'm' is gated"}))
    assert hold.hours is None
    assert "an unknown number of GPU hours (model 'm' is gated), and 1000 are allowed" in explained("a", hold)


def test_who_holds_a_source_says_what_to_do(store):
    hold = review(store, "a", "v1", 0.0, planned(12.345))
    assert explained("a", hold).startswith("annotating a would take 12.3 GPU hours, and 0 are allowed without asking: ")
    assert "`mig-dagster sources approve a`" in explained("a", hold)
    say(store, "withheld")
    assert "was turned down; `mig-dagster sources approve a`" in explained("a", read_log(store).holds["a"])


def test_the_limit_is_the_sources_own_else_that_of_what_was_discovered(store):
    own, plain = Source("a", "a.jsonl", max_gpu_hours=3), Source("a", "a.jsonl")
    nothing = read_log(store)
    assert hours_allowed(own, nothing, declared=True, default=0.0) == 3
    assert hours_allowed(own, nothing, declared=False, default=0.0) == 3
    assert hours_allowed(plain, nothing, declared=True, default=0.0) is None
    assert hours_allowed(plain, nothing, declared=False, default=0.0) == 0.0
    assert hours_allowed(plain, nothing, declared=False, default=None) is None
    review(store, "a", "v1", 0.0, planned(1.0))
    assert hours_allowed(plain, read_log(store), declared=False, default=0.0) == 0.0
    say(store, "released")
    assert hours_allowed(plain, read_log(store), declared=False, default=0.0) is None
    assert hours_allowed(own, read_log(store), declared=False, default=0.0) == 3


def test_holds_outlast_the_written_state_and_leave_sources_as_they_are(store):
    record(store, lambda state: [first_event("added", Source("a", "a.jsonl"))])
    review(store, "a", "v1", 0.0, planned(1.0))
    state = read_log(store)
    assert load_state(dump_state(state)) == state
    assert list(state.registered({})) == ["a"]
    old = dump_state(state).replace(b'"holds"', b'"other"')
    assert load_state(old).holds == {}


def test_somebody_who_decided_in_between_is_not_overruled(store):
    review(store, "a", "v1", 0.0, planned(1.0))

    def plan():
        say(store, "withheld")
        return Planned(2.0, {})

    assert review(store, "a", "v2", 0.0, plan).state == "withheld"


def test_rows_wait_while_they_are_held_and_not_annotated(store):
    lake = Lake(store)

    def made(asset, rows, inputs=None):
        manifest = lake.write(asset, pl.DataFrame({"row_id": rows}), partition="a", inputs=inputs)
        lake.publish(manifest)
        return manifest.data_version

    assert waiting(read_log(store), lake, ["a"]) == []
    first = made("raw_pool", ["1"])
    review(store, "a", first, 0.0, planned(1.0))
    assert waiting(read_log(store), lake, ["a", "b"]) == ["a"]
    made("tags", ["1"], {"raw_pool/a": first})
    assert waiting(read_log(store), lake, ["a"]) == ["a"]
    made("quality_scores", ["1"], {"raw_pool/a": first})
    assert waiting(read_log(store), lake, ["a"]) == []  # by a person's own run
    second = made("raw_pool", ["1", "2"])
    assert waiting(read_log(store), lake, ["a"]) == ["a"]
    say(store, "released")
    assert waiting(read_log(store), lake, ["a"]) == []  # new rows, which nobody held
    assert second != first

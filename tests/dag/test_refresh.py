"""The run that looks at sources: what it reports, and how sensor and run agree."""

import json
from dataclasses import asdict

import dagster as dg
import pytest
import yaml

from assets import source_changes
from assets.jobs import refresh
from assets.orphans import WORKER_TAG, Worker
from assets.reported import all_reported, reported_revision
from assets.sources import source_revisions
from tests.dag.test_sensors import Watcher
from tests.e2e.hub_server import hub  # noqa: F401 - a fixture

NAME = "org/rows"


def rows(*names: str) -> str:
    return "".join(json.dumps({"instruction": name, "output": "yes"}) + "\n" for name in names)


@pytest.fixture
def far(place, hub):  # noqa: F811
    """The three sources, and one on the Hub."""
    hub.commit(NAME, {"data.jsonl": rows("a", "b")})
    register(place, ["chat", "far", "maths", "notes"])
    return hub


def register(place, names, **entry):
    place.register(*names)
    document = yaml.safe_load(place.registry.read_text())
    for source in document["sources"]:
        if source["name"] == "far":
            source |= {"uri": f"hf://datasets/{NAME}", **entry}
    place.registry.write_text(yaml.safe_dump(document))


def look(place, instance, *names):
    """Run the job; return its result."""
    return refresh.execute_in_process(
        run_config={"ops": {"look_at_sources": {"config": {"sources": list(names)}}}},
        instance=instance,
        resources={"registry": place.resources()["registry"]},
        raise_on_error=False,
    )


def reported(result):
    events = [event for event in result.all_events if event.is_step_materialization]
    assert {event.asset_key for event in events} <= {source_revisions.key}
    return sorted(event.partition for event in events)


def follow(watcher):
    """Tick the sensor and run what it asks for, as the daemon does; return the sources that runs looked at."""
    result = watcher.tick()
    configs = [request.run_config["ops"]["look_at_sources"]["config"] for request in result.run_requests]
    for config in configs:
        look(watcher.place, watcher.instance, *config["sources"])
    return [name for config in configs for name in config["sources"]]


def test_a_source_on_the_hub_is_looked_at_by_one_run_and_by_no_tick(place, instance, far):
    watcher = Watcher(place, instance)
    assert follow(watcher) == ["far"]
    assert watcher.partitions == ["chat", "far", "maths", "notes"]
    assert sorted(all_reported(instance)) == ["chat", "far", "maths", "notes"]
    asked = len(far.requests)
    for _ in range(3):
        assert follow(watcher) == []
    assert follow(Watcher(place, instance)) == []  # nor by a sensor that forgot everything
    assert len(far.requests) == asked


def test_a_new_commit_is_found_by_the_nightly_run_and_stays_found(place, instance, far):
    watcher = Watcher(place, instance)
    follow(watcher)
    before = all_reported(instance)
    sha = far.commit(NAME, {"data.jsonl": rows("a", "b", "c")})
    assert follow(watcher) == []
    result = look(place, instance)
    assert result.success
    assert reported(result) == ["far"]
    after = all_reported(instance)
    assert after["far"].startswith(sha)
    assert follow(watcher) == []  # the sensor neither repeats it nor puts the old one back
    assert all_reported(instance) == after == before | {"far": after["far"]}
    assert reported(look(place, instance)) == []


def test_another_way_of_registering_it_is_looked_at_at_once(place, instance, far):
    watcher = Watcher(place, instance)
    follow(watcher)
    before = all_reported(instance)["far"]
    register(place, ["chat", "far", "maths", "notes"], format="alpaca")
    assert follow(watcher) == ["far"]
    assert all_reported(instance)["far"] != before
    assert follow(watcher) == []


def test_a_repo_that_went_keeps_its_rows_and_fails_the_night_alone(place, instance, far):
    watcher = Watcher(place, instance)
    follow(watcher)
    before = all_reported(instance)
    del far.repos[NAME]
    place.write("maths", [{"instruction": "new", "output": "yes"}])
    result = look(place, instance)
    assert not result.success
    assert reported(result) == ["maths"]
    assert all_reported(instance)["far"] == before["far"]
    (failed,) = [event for event in result.all_events if event.is_step_failure]
    assert "1 of 4 sources cannot be read. far: " in failed.step_failure_data.user_failure_data.description
    assert reported_changes(watcher) == []


def reported_changes(watcher):
    return [event.partition for event in watcher.tick().asset_events]


def test_a_repo_that_never_was_is_reported_so_that_its_own_run_says_why(place, instance, far):
    del far.repos[NAME]
    watcher = Watcher(place, instance)
    assert follow(watcher) == ["far"]
    assert all_reported(instance)["far"].startswith("unreadable-")
    assert follow(watcher) == []
    far.commit(NAME, {"data.jsonl": rows("a")})
    look(place, instance)
    assert not all_reported(instance)["far"].startswith("unreadable-")


def test_a_run_looks_at_what_it_is_told_to_and_is_still_there(place, instance):
    assert reported(look(place, instance, "maths", "gone")) == ["maths"]


def test_a_large_source_is_read_by_a_run_and_its_touched_files_are_remembered(place, instance, monkeypatch):
    monkeypatch.setattr(source_changes, "TICK_BYTES", 2000)
    place.write("notes", [{"messages": [], "filler": "x" * 5000}])
    watcher = Watcher(place, instance)
    large = follow(watcher)
    assert "notes" in large
    assert follow(watcher) == []
    version, revision = all_reported(instance)["notes"], reported_revision(instance, "notes")
    place.write("notes", [{"messages": [], "filler": "x" * 5000}])  # the same bytes at another time
    assert follow(watcher) == ["notes"]
    assert all_reported(instance)["notes"] == version
    assert reported_revision(instance, "notes") != revision
    assert follow(watcher) == []


def test_the_run_says_which_process_executes_it(place, instance):
    look(place, instance)
    (run,) = instance.get_runs()
    assert json.loads(run.tags[WORKER_TAG]) == asdict(Worker.this(run.run_id))


def test_runs_started_by_the_sensor_say_so(place, instance, far):
    (request,) = Watcher(place, instance).tick().run_requests
    assert (request.job_name, request.tags) == ("refresh_sources", {"mig/trigger": "sources_changed"})
    assert isinstance(request, dg.RunRequest)

"""The sensor that keeps the partitions equal to sources.yaml."""

import os
from pathlib import Path

import dagster as dg
import pytest
import yaml

from assets import all_assets
from assets.pool import raw_pool
from assets.sensors import POOLS, sources_sensor
from tests.dag.tiny import SOURCES, alpaca, materialise, materialise_all, messages, versions


class Watcher:
    """Ticks the sensor as the daemon does: applies partitions and events, keeps the cursor."""

    def __init__(self, place, instance):
        self.place, self.instance, self.cursor = place, instance, None

    def tick(self):
        with dg.build_sensor_context(
            instance=self.instance,
            cursor=self.cursor,
            sensor_name="sources_sensor",
            resources={name: self.place.resources()[name] for name in ("home", "registry")},
        ) as context:
            result = sources_sensor(context)
        if isinstance(result, dg.SkipReason):
            return result
        for request in result.dynamic_partitions_requests or []:
            if isinstance(request, dg.AddDynamicPartitionsRequest):
                self.instance.add_dynamic_partitions("source", list(request.partition_keys))
            else:
                for name in request.partition_keys:
                    self.instance.delete_dynamic_partition("source", name)
        for event in result.asset_events:
            self.instance.report_runless_asset_event(event)
        self.cursor = result.cursor
        return result

    @property
    def partitions(self):
        return sorted(self.instance.get_dynamic_partitions("source"))


def reported(result) -> list[str]:
    """Return the sources that a tick reported as changed."""
    assert {event.asset_key.to_user_string() for event in result.asset_events} <= {"source_revisions"}
    return [event.partition for event in result.asset_events]


@pytest.fixture
def watcher(place, instance):
    return Watcher(place, instance)


def test_registered_sources_become_partitions_with_a_revision(watcher):
    result = watcher.tick()
    assert watcher.partitions == sorted(SOURCES) == reported(result)
    assert all(event.tags["dagster/data_version"] for event in result.asset_events)
    assert result.run_requests == []


def test_a_tick_without_changes_does_nothing(watcher):
    watcher.tick()
    result = watcher.tick()
    assert (reported(result), result.dynamic_partitions_requests, result.run_requests) == ([], [], [])


def test_a_file_changed_in_place_whose_time_was_put_back_is_reported(watcher, place):
    watcher.tick()
    path = place.folder / "data/maths.json"
    times = path.stat()
    path.write_bytes(path.read_bytes().replace(b"Answer", b"Reason"))
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert reported(watcher.tick()) == ["maths"]


def test_a_changed_file_reports_its_source_only(watcher):
    first = watcher.tick()
    watcher.place.write("maths", [alpaca(i) for i in range(41)])
    result = watcher.tick()
    assert reported(result) == ["maths"]
    before = {event.partition: event.tags["dagster/data_version"] for event in first.asset_events}
    assert result.asset_events[0].tags["dagster/data_version"] != before["maths"]


def test_a_file_that_was_only_touched_reports_nothing(watcher):
    watcher.tick()
    os.utime(watcher.place.folder / "data/maths.json")
    assert reported(watcher.tick()) == []


def test_a_source_that_is_added_becomes_a_partition(watcher):
    watcher.tick()
    watcher.place.write("extra", [messages(1)])
    watcher.place.register(*SOURCES, "extra")
    result = watcher.tick()
    assert (reported(result), watcher.partitions) == (["extra"], sorted([*SOURCES, "extra"]))
    assert result.run_requests == []


def test_another_way_of_reading_a_file_counts_as_a_change(watcher):
    watcher.tick()
    watcher.place.register("maths", format="alpaca")
    assert reported(watcher.tick()) == ["maths"]


def test_a_source_that_is_removed_loses_its_partition_and_the_pool_is_rebuilt_without_it(watcher, place, instance):
    watcher.tick()
    results = materialise_all(place, instance)
    place.register("chat", "maths")
    result = watcher.tick()
    assert watcher.partitions == ["chat", "maths"]
    assert len(result.run_requests) == 1
    assert place.home.ledger.read("removals")["source"].to_list() == ["notes"]
    assert place.home.lake.current("raw_pool", "notes") is not None  # nothing is deleted
    again = materialise_all(place, instance, sources=())["pool"]
    assert again.success
    assert set(place.home.lake.scan("pool").collect()["source"]) == {"chat", "maths"}
    assert versions(again)["pool"] != versions(results["pool"])["pool"]


def test_a_partition_typed_by_hand_that_no_source_has_goes_without_a_rebuild(watcher, place, instance):
    watcher.tick()
    materialise_all(place, instance)
    instance.add_dynamic_partitions("source", ["typo", "../../escape"])
    assert watcher.tick().run_requests == []
    assert watcher.partitions == sorted(SOURCES)


def test_the_job_that_a_removal_asks_for_is_the_unpartitioned_one():
    assert "rebuild_label_space_and_subsets" in [job.name for job in sources_sensor.jobs]


def test_a_source_that_comes_back_unchanged_is_in_the_pool_again(watcher, place, instance):
    watcher.tick()
    materialise_all(place, instance)
    place.register("chat", "maths")
    watcher.tick()
    place.register(*SOURCES)
    result = watcher.tick()
    assert watcher.partitions == sorted(SOURCES)
    assert len(result.run_requests) == 1


def test_another_priority_rebuilds_the_pool(watcher, place, instance):
    watcher.tick()
    materialise_all(place, instance)
    place.register(*SOURCES, priority=3)
    result = watcher.tick()
    assert (reported(result), len(result.run_requests)) == ([], 1)


def test_before_anything_is_materialised_a_removal_asks_for_no_run(watcher, place):
    watcher.tick()
    place.register("chat")
    assert watcher.tick().run_requests == []


def test_a_broken_registry_changes_nothing_and_says_where_it_is_broken(watcher, place):
    watcher.tick()
    place.registry.write_text("sources:\n  - name: [\n", encoding="utf-8")
    result = watcher.tick()
    assert isinstance(result, dg.SkipReason)
    assert "sources.yaml:" in result.skip_message
    assert watcher.partitions == sorted(SOURCES)
    place.register(*SOURCES)
    assert reported(watcher.tick()) == []


def test_what_failed_for_a_source_that_the_mended_registry_lacks_is_not_run_again(watcher, place, instance):
    watcher.tick()
    place.registry.write_text("sources: [", encoding="utf-8")
    assert not materialise(place, instance, "raw_pool", partition="maths").success
    watcher.tick()
    place.register("chat", "notes")
    assert watcher.tick().run_requests == []
    assert watcher.partitions == ["chat", "notes"]


def test_what_failed_while_the_registry_was_broken_is_run_again_once_it_is_mended(watcher, place, instance):
    watcher.tick()
    place.registry.write_text("sources: [", encoding="utf-8")
    assert not materialise(place, instance, "raw_pool", partition="maths").success
    assert isinstance(watcher.tick(), dg.SkipReason)
    place.register(*SOURCES)
    (request,) = watcher.tick().run_requests
    assert (request.job_name, request.partition_key) == ("ingest_and_annotate", "maths")
    assert request.asset_selection == [dg.AssetKey("raw_pool")]
    assert request.tags == {"mig/trigger": "sources_mended"}
    assert watcher.tick().run_requests == []


def test_a_source_without_files_is_reported_so_that_its_own_run_fails_with_the_reason(watcher, place, instance):
    watcher.tick()
    (place.folder / "data/maths.json").unlink()
    place.write("chat", [alpaca(1)])
    assert reported(watcher.tick()) == ["chat"]  # the file may just be on its way
    result = watcher.tick()
    assert reported(result) == ["maths"]
    assert result.asset_events[0].tags["dagster/data_version"].startswith("unreadable-")
    assert watcher.partitions == sorted(SOURCES)
    run = dg.materialize(
        [raw_pool], partition_key="maths", instance=instance, resources=place.resources(), raise_on_error=False
    )
    assert not run.success
    assert reported(watcher.tick()) == []  # once is enough
    place.write("maths", [alpaca(i) for i in range(40)])
    assert reported(watcher.tick()) == ["maths"]


def test_a_sensor_that_forgot_everything_rebuilds_nothing_that_is_there(place, instance):
    """As after the demo, whose runs were not started by the sensor: partitions and rows exist, the cursor does not."""
    materialise_all(place, instance)
    result = Watcher(place, instance).tick()
    assert result.run_requests == []


def test_every_pool_has_its_limit_before_a_run_asks_for_it(place):
    """The queue lets all runs of its first look at a pool pass, so that several would load models onto one GPU."""
    named = {asset.op.pool for asset in all_assets if isinstance(asset, dg.AssetsDefinition)} - {None}
    settings = yaml.safe_load((Path(__file__).parents[2] / "dagster.yaml").read_text())
    with dg.DagsterInstance.ephemeral(settings=settings) as instance:
        Watcher(place, instance).tick()
        limits = {pool.name: pool.limit for pool in instance.event_log_storage.get_pool_limits()}
    assert limits == dict.fromkeys(POOLS, 1)
    assert named == set(POOLS)


def test_a_limit_that_somebody_gave_a_pool_stays(watcher, instance):
    instance.event_log_storage.set_concurrency_slots("gpu", 2)
    watcher.tick()
    limits = {pool.name: pool.limit for pool in instance.event_log_storage.get_pool_limits()}
    assert limits["gpu"] == 2


def test_partitions_from_before_the_sensor_s_first_look_that_are_not_registered_go_too(place, instance):
    """As after the demo, when sources.yaml names one's own data before the sensor ever ran."""
    materialise_all(place, instance)
    place.register("chat", "maths")
    watcher = Watcher(place, instance)
    result = watcher.tick()
    assert watcher.partitions == ["chat", "maths"]
    assert len(result.run_requests) == 1
    assert place.home.ledger.read("removals")["source"].to_list() == ["notes"]
    assert watcher.tick().run_requests == []


def test_a_partition_that_somebody_deleted_by_hand_comes_back(watcher, instance):
    watcher.tick()
    instance.delete_dynamic_partition("source", "chat")
    watcher.tick()
    assert watcher.partitions == sorted(SOURCES)


def test_a_tick_says_in_words_what_it_found(watcher, place):
    assert watcher.tick().skip_reason.skip_message == "new: chat, maths, notes"
    assert watcher.tick().skip_reason.skip_message == "3 sources, none changed"
    place.write("maths", [alpaca(1)])
    (place.folder / "data/chat.jsonl.gz").unlink()
    place.register("chat", "maths")
    told = watcher.tick().skip_reason.skip_message
    assert told == "changed: maths; removed: notes; unreadable (the log of this tick says why): chat"


def test_runs_of_a_server_that_was_killed_end_so_that_nothing_waits_for_them(watcher, place, instance):
    server = {".dagster/grpc_info": '{"host": "localhost", "socket": "/nowhere/at-all"}'}
    run = instance.create_run_for_job(dg.job(name="idle")(lambda: None), tags=server)
    instance.report_run_canceling(run)
    place.registry.write_text("not: [yaml", encoding="utf-8")  # whatever else is wrong
    watcher.tick()
    assert instance.get_run_by_id(run.run_id).status == dg.DagsterRunStatus.CANCELED

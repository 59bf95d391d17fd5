"""Automation annotates no source that costs more GPU hours than it may spend, and goes on with all others."""

import dagster as dg
import pytest
import yaml

from assets.held import WITHIN_BUDGET
from assets.jobs import BY_SOURCE, MAY_BE_HELD, POOL_LEVEL
from assets.run_tags import APPROVED, AUTOMATION, TRIGGER
from assets.sensors import automation_sensor
from mig_dagster.definitions import defs
from mig_dagster.sources.discovery import read_log
from resources.models import Models
from tests.cli.running import run
from tests.dag.test_sensors import Watcher
from tests.dag.ticks import partitions_read_once
from tests.dag.tiny import SOURCES, failure, materialise, messages

pytestmark = pytest.mark.filterwarnings("ignore:Parameter `include_sources`")
OTHERS = ("chat", "maths")


@pytest.fixture(scope="module")
def location():
    return defs()


class Daemon:
    """Runs what automation asks for, and what the sources sensor does, until nothing is asked for any more.

    Unless told so it does not go beyond the pool.
    """

    def __init__(self, location, place, instance, targets=None):
        self.location, self.place, self.instance, self.cursor = location, place, instance, None
        self.targets = targets or dg.AssetSelection.assets(*BY_SOURCE, "pool")
        self.watcher = Watcher(place, instance)
        self.keys = set()

    def settle(self):
        """Return what ran, in order: (trigger, asset, partition); each tick's assets of one partition are one run."""
        ran = []
        while requested := [*self.by_sensor(), *self.by_conditions()]:
            for trigger, assets, partition in requested:
                result = materialise(self.place, self.instance, *assets, partition=partition, tags={TRIGGER: trigger})
                assert result.success, failure(result)
                ran += [(trigger, asset, partition) for asset in assets]
            assert len(ran) < 200, "the same is asked for again and again"
        return ran

    def by_sensor(self):
        result = self.watcher.tick()
        fresh = [request for request in result.run_requests or [] if request.run_key not in self.keys]
        self.keys |= {request.run_key for request in fresh}
        for request in fresh:
            yield request.tags[TRIGGER], [key.path[-1] for key in request.asset_selection], request.partition_key

    def by_conditions(self):
        with partitions_read_once(self.instance):
            result = dg.evaluate_automation_conditions(self.location, self.instance, self.targets, cursor=self.cursor)
        self.cursor = result.cursor
        runs = {}
        for asset in (*BY_SOURCE, *POOL_LEVEL):
            for partition in sorted(result.get_requested_partitions(dg.AssetKey(asset)), key=str):
                runs.setdefault(partition, []).append(asset)
        return [(AUTOMATION, assets, partition) for partition, assets in runs.items()]


@pytest.fixture
def dear(place, monkeypatch):
    """The project on a GPU, as its options say, though all that runs is on the CPU; `notes` may cost nothing."""
    monkeypatch.setattr(Models, "selection_device", None)
    options = yaml.safe_load(place.options.read_text())
    options["device"] = "cuda:0"
    options["encoder"]["device"] = "cpu"
    place.options.write_text(yaml.safe_dump(options))
    limit(place, notes=0)
    return place


@pytest.fixture
def small(dear):
    """The same with `maths` and `notes` alone."""
    dear.register("maths", "notes")
    limit(dear, notes=0)
    return dear


def limit(place, **hours):
    document = yaml.safe_load(place.registry.read_text())
    for source in document["sources"]:
        source.pop("max_gpu_hours", None)
        if source["name"] in hours:
            source["max_gpu_hours"] = hours[source["name"]]
    place.registry.write_text(yaml.safe_dump(document))


def annotated(place):
    return {name for name in SOURCES if place.home.lake.current("tags", name) is not None}


def pooled(place):
    return set(place.home.lake.scan("pool").select("source").unique().collect()["source"])


def hold(place, name="notes"):
    found = read_log(place.home.store).holds.get(name)
    return found and found.state


def test_a_held_source_stops_nothing_and_goes_on_when_it_is_approved(location, dear, instance):
    daemon = Daemon(location, dear, instance, automation_sensor.asset_selection)
    ran = daemon.settle()
    assert hold(dear) == "held"
    assert (annotated(dear), pooled(dear)) == (set(OTHERS), set(OTHERS))
    assert dear.home.lake.current("mig_subset") is not None
    assert [ran.count((AUTOMATION, "tags", name)) for name in SOURCES] == [1, 1, 1]
    assert daemon.settle() == []
    assert "notes" in run("sources", "proposals", "--home", dear.home.root)[1]
    assert run("sources", "approve", "notes", "--home", dear.home.root)[0] == 0
    ran = daemon.settle()
    assert ran[: len(MAY_BE_HELD)] == [(APPROVED, asset, "notes") for asset in MAY_BE_HELD]
    assert ran.count((APPROVED, "pool", None)) == 1
    assert (annotated(dear), pooled(dear)) == (set(SOURCES), set(SOURCES))
    assert daemon.settle() == []


def test_a_rejected_source_stays_out_also_when_it_changes_and_comes_when_it_is_approved(location, small, instance):
    daemon = Daemon(location, small, instance)
    daemon.settle()
    run("sources", "reject", "notes", "--home", small.home.root)
    small.write("notes", [messages(i) for i in range(18)])
    daemon.settle()
    assert (hold(small), annotated(small), pooled(small)) == ("withheld", {"maths"}, {"maths"})
    run("sources", "approve", "notes", "--home", small.home.root)
    daemon.settle()
    assert pooled(small) == {"maths", "notes"}


def test_a_new_revision_that_is_held_keeps_the_rows_that_were_annotated(location, small, instance):
    limit(small)
    daemon = Daemon(location, small, instance)
    daemon.settle()
    before = small.home.lake.current("pool").rows
    limit(small, notes=0)
    small.write("notes", [messages(i) for i in range(5, 25)])
    daemon.settle()
    assert hold(small) == "held"
    rows = small.home.lake.scan("pool").filter(source="notes").collect().height
    assert 0 < rows < 17
    assert small.home.lake.current("pool").rows < before
    run("sources", "approve", "notes", "--home", small.home.root)
    daemon.settle()
    assert small.home.lake.scan("pool").filter(source="notes").collect().height == 20


def test_what_a_person_runs_is_never_held(location, small, instance):
    daemon = Daemon(location, small, instance)
    daemon.settle()
    assert annotated(small) == {"maths"}
    result = materialise(small, instance, *MAY_BE_HELD, partition="notes")
    assert result.success, failure(result)
    assert annotated(small) == {"maths", "notes"}
    daemon.settle()
    assert pooled(small) == {"maths", "notes"}
    assert "notes" not in run("sources", "proposals", "--home", small.home.root)[1]


def test_the_check_says_how_many_hours_and_what_to_do(dear, instance):
    instance.add_dynamic_partitions("source", ["notes"])
    assert materialise(dear, instance, "raw_pool", partition="notes").success
    result = materialise(dear, instance, *MAY_BE_HELD, partition="notes", tags={TRIGGER: AUTOMATION})
    assert result.success, failure(result)
    assert result.get_asset_materialization_events() == []
    found = {check.asset_key.path[-1]: check for check in checks(result) if check.check_name == "within_budget"}
    assert sorted(found) == sorted(MAY_BE_HELD)
    for check in found.values():
        assert not check.passed
        assert "GPU hours, and 0 are allowed without asking: `mig-dagster sources approve notes`" in check.description
    again = materialise(dear, instance, *MAY_BE_HELD, partition="notes")
    assert all(check.passed for check in checks(again) if check.check_name in WITHIN_BUDGET)


def checks(result):
    return result.get_asset_check_evaluations()


def test_a_model_that_cannot_be_had_holds_the_source_and_its_rows_are_read(dear, instance):
    options = yaml.safe_load(dear.options.read_text())
    options["encoder"]["model"] = "no/such-model"
    dear.options.write_text(yaml.safe_dump(options))
    instance.add_dynamic_partitions("source", ["notes"])
    assert materialise(dear, instance, "raw_pool", partition="notes").success
    found = read_log(dear.home.store).holds["notes"]
    assert (found.hours, "no/such-model" in found.plan["problem"]) == (None, True)

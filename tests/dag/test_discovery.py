"""The sensor that looks for new datasets, and what the sensor over the registry makes of its finds."""

import os
import shutil

import dagster as dg
import pytest
import yaml

from assets.discovery import discovery
from mig_dagster.sources.discovery.cursor import Cursor
from tests.dag.test_sensors import Watcher
from tests.dag.tiny import SOURCES, alpaca


class Seeker:
    """Ticks the sensor as the daemon does."""

    def __init__(self, place, instance):
        self.place, self.instance, self.cursor = place, instance, None

    def tick(self) -> str:
        with dg.build_sensor_context(
            instance=self.instance,
            cursor=self.cursor,
            sensor_name="discovery",
            resources={name: self.place.resources()[name] for name in ("home", "registry")},
        ) as context:
            result = discovery(context)
        if isinstance(result, dg.SkipReason):
            return result.skip_message
        self.cursor = result.cursor
        assert (result.run_requests, result.asset_events, result.dynamic_partitions_requests) == ([], [], [])
        return result.skip_reason.skip_message

    def rules(self, *rules: dict) -> None:
        document = yaml.safe_load(self.place.registry.read_text())
        self.place.registry.write_text(yaml.safe_dump({**document, "discovery": list(rules)}))

    def put(self, name: str) -> None:
        """Move a file into the watched folder that was written long ago."""
        path = self.place.write(name, [alpaca(i) for i in range(5)])
        os.utime(path, (1000.0, 1000.0))
        (self.place.folder / "in").mkdir(exist_ok=True)
        shutil.move(path, self.place.folder / "in" / path.name)


@pytest.fixture
def seeker(place, instance):
    return Seeker(place, instance)


INBOX = {"name": "inbox", "folder": "in"}


def test_without_rules_the_sensor_rests(seeker):
    assert seeker.tick() == "sources.yaml has no rule under `discovery:`"
    assert not (seeker.place.folder / "home").exists()


def test_a_tick_tells_in_words_what_it_did(seeker):
    seeker.rules(INBOX, {"name": "lost", "folder": "nowhere"})
    seeker.put("new")
    seeker.put("newer")
    assert seeker.tick().startswith("inbox: added new newer; lost: failed (")
    seeker.rules(INBOX)
    assert seeker.tick() == "1 rules, nothing new"
    assert Cursor.load(seeker.cursor).marks["inbox"]
    (seeker.place.folder / "in/new.jsonl").unlink()
    (seeker.place.folder / "in/wait.jsonl").write_text("{}")
    assert seeker.tick() == "inbox: removed new, being written wait.jsonl"


def test_many_finds_are_named_shortly(seeker):
    seeker.rules({**INBOX, "max_per_day": 12, "on_find": "propose"})
    for number in range(15):
        seeker.put(f"s{number:02}")
    names = " ".join(f"s{number:02}" for number in range(10))
    assert seeker.tick() == f"inbox: proposed {names} and 2 more, waiting for tomorrow 3"


def test_a_mistake_in_the_rules_is_told_and_changes_nothing(seeker):
    seeker.rules({"name": "inbox", "foldr": "in"})
    assert "discovery cannot be run, nothing was changed" in seeker.tick()
    assert "did you mean 'folder'?" in seeker.tick()


def test_a_find_is_registered_for_every_run(seeker):
    seeker.rules(INBOX)
    seeker.put("new")
    seeker.tick()
    assert seeker.place.resources()["registry"].source("new").uri == str(seeker.place.folder / "in/new.jsonl")


def test_a_find_becomes_a_partition_and_a_file_that_goes_takes_it_away_with_the_reason(seeker):
    watcher = Watcher(seeker.place, seeker.instance)
    seeker.rules(INBOX)
    seeker.put("new")
    seeker.put("newer")
    seeker.tick()
    watcher.tick()
    assert watcher.partitions == sorted([*SOURCES, "new", "newer"])
    (seeker.place.folder / "in/new.jsonl").unlink()
    seeker.tick()
    watcher.tick()
    assert watcher.partitions == sorted([*SOURCES, "newer"])
    removals = seeker.place.home.ledger.read("removals").select("source", "reason").rows()
    assert removals == [("new", f"is no longer in {seeker.place.folder}/in")]
    shutil.rmtree(seeker.place.folder / "in")
    seeker.tick()
    watcher.tick()
    assert watcher.partitions == sorted([*SOURCES, "newer"])


def test_a_home_whose_disk_is_missing_removes_no_source_and_starts_no_other_log(seeker):
    watcher = Watcher(seeker.place, seeker.instance)
    seeker.rules(INBOX)
    seeker.put("new")
    seeker.tick()
    watcher.tick()
    home, aside = seeker.place.folder / "home", seeker.place.folder / "unmounted"
    home.rename(aside)
    home.mkdir()  # what is left of a mount point without its disk
    told = "has 0 batches of events, and had 1; is its disk there? Restore it, or reset the cursors of the sensors"
    assert told in watcher.tick().skip_message
    assert told in seeker.tick()
    assert watcher.partitions == sorted([*SOURCES, "new"])
    assert list(home.iterdir()) == []
    home.rmdir()
    aside.rename(home)
    assert seeker.tick() == "1 rules, nothing new"
    assert watcher.tick().run_requests == []
    assert watcher.partitions == sorted([*SOURCES, "new"])
    assert seeker.place.home.ledger.fragments("removals") == []

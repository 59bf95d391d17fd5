"""Names and rows are other people's text: none leaves its folder, becomes HTML, or becomes a picture to fetch."""

import json
import re
from pathlib import Path

import dagster as dg
import polars as pl
import pytest
import yaml

from assets import metadata
from mig_dagster.export.card import dataset_card
from mig_dagster.lineage import Ledger
from mig_dagster.sources import RegistryError, load_registry
from mig_dagster.storage import Lake, Store
from tests.dag.test_sensors import Watcher
from tests.dag.tiny import TinyProject, alpaca, failure, materialise

ESCAPES = [
    "../x",
    "..",
    ".",
    "",
    "/etc/x",
    "a/../../x",
    "a/b",
    "a\\b",
    "a\0b",
    "a\n",
    "\u0430",  # a Cyrillic letter that looks like a
    "\uff41",  # a full-width a
    "a\u202eb",
    "%2e%2e%2fx",
    "a" * 300,
]


# Dagster uses what it has itself deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:InitResourceContext.dagster_run:DeprecationWarning")


@pytest.mark.parametrize("name", ESCAPES)
def test_the_store_keeps_every_name_below_its_root(tmp_path, name):
    store = Store(str(tmp_path / "home"))
    for write in (
        lambda: Lake(store).write("raw_pool", pl.DataFrame({"a": [1]}), partition=name),
        lambda: Lake(store).write(name, pl.DataFrame({"a": [1]})),
        lambda: Ledger(store).record(
            "removals", [{"source": "a", "reason": "b"}], asset=name, partition=None, run_id="r"
        ),
    ):
        with pytest.raises(ValueError, match=r"expected"):
            write()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("name", [*ESCAPES, "A"])
def test_no_source_may_be_called_what_leaves_its_folder(tmp_path, name):
    registry = tmp_path / "sources.yaml"
    registry.write_text(json.dumps({"sources": [{"name": name, "uri": "demo://sql"}]}), encoding="utf-8")
    with pytest.raises(RegistryError, match="name"):
        load_registry(registry)


@pytest.mark.parametrize("name", ["../../x", "/etc/x", "a\\..\\b", "x" * 300])
def test_a_partition_that_somebody_added_by_hand_fails_its_run_and_writes_nothing(tmp_path, name):
    """The UI takes any text for a partition, whatever the registry says."""
    place = TinyProject(tmp_path / "project", encoder=Path("unused"))
    place.write("maths", [alpaca(0)])
    place.register("maths")
    before = sorted(tmp_path.rglob("*"))
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("source", [name])
        result = materialise(place, instance, "raw_pool", partition=name)
    assert not result.success
    assert "add it there, or delete the partition" in failure(result)
    assert [path for path in sorted(tmp_path.rglob("*")) if path.is_file() and path not in before] == []


def test_a_partition_that_is_no_source_is_taken_away_whatever_it_is_called(tmp_path):
    """Otherwise one entry made by hand would stop the sensor, and with it every other source."""
    place = TinyProject(tmp_path / "project", encoder=Path("unused"))
    place.write("maths", [alpaca(0)])
    place.register("maths")
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("source", [*ESCAPES[:3], "removed"])
        result = Watcher(place, instance).tick()
        assert isinstance(result, dg.SensorResult)
        assert instance.get_dynamic_partitions("source") == ["maths"]
    recorded = place.home.ledger.fragments("removals")
    assert ["partition=removed" in path for path in recorded] == [True]


def test_names_of_files_become_text_in_rows_and_no_path_of_ours(tmp_path):
    place = TinyProject(tmp_path / "project", encoder=Path("unused"))
    names = ["x..%2fx.jsonl", "a\u202eb.jsonl", "; rm -rf x.jsonl", "<script>.jsonl", "x\\..\\x.jsonl"]
    (place.folder / "data").mkdir(parents=True)
    for i, name in enumerate(names):
        (place.folder / "data" / name).write_text(json.dumps(alpaca(i)), encoding="utf-8")
    place.registry.write_text(json.dumps({"sources": [{"name": "a", "uri": "data"}]}), encoding="utf-8")
    assert place.options.exists()
    before = set(tmp_path.rglob("*"))
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("source", ["a"])
        result = materialise(place, instance, "raw_pool", partition="a")
    assert result.success, failure(result)
    origins = place.home.lake.scan("raw_pool", "a").collect()["origin"].to_list()
    assert {origin.rpartition(":")[0] for origin in origins} == set(names)
    made = [path.relative_to(place.folder / "home") for path in set(tmp_path.rglob("*")) - before if path.is_file()]
    assert all(re.fullmatch(r"(lake|ledger)/[a-z0-9=._/-]+", str(path)) for path in made), made


def test_rows_are_text_in_the_metadata_of_assets():
    rows = pl.DataFrame(
        {"text": ["<script>x</script>", "<img src=x onerror=y>", "![a](http://b)", "[a](javascript:b)"]}
    )
    shown = metadata.preview(rows).value
    assert "<" not in shown
    assert re.search(r"(?<!\\)[\[\]]", shown) is None


def test_names_are_text_in_the_card_of_a_subset():
    lock = {
        "name": "<script>alert(1)</script>",
        "method": "mig",
        "pool_rows": 1,
        "options": {},
        "scorer": "lexical",
        "licences": {"a": "<img src=x onerror=alert(1)> | x"},
        "shortfall": None,
        "nested": True,
    }
    card = dataset_card(pl.DataFrame({"source": ["a"]}), lock)
    _, front_matter, body = card.split("---\n", 2)
    assert yaml.safe_load(front_matter)["pretty_name"] == " script alert(1) /script "
    assert "<" not in body
    assert r"| a | &lt;img src=x onerror=alert(1)&gt; \| x | 1 |" in card

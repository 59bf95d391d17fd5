"""What the catalog holds against what runs recorded, on a lake and a ledger written by hand."""

import duckdb
import polars as pl
import pytest

from mig_dagster.lineage import Ledger, build_catalog
from mig_dagster.pool.schema import RAW_POOL, REJECTED
from mig_dagster.stages.catalog_totals import catalog_totals, current_versions
from mig_dagster.storage import Lake, Store


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "home")


def publish(store, source, rows):
    """Publish a version of raw_pool and record its run."""
    frame = pl.DataFrame(
        {
            "row_id": [f"{source}{i}" for i in range(rows)],
            "source": [source] * rows,
            "origin": [f"f:{i}" for i in range(rows)],
            "messages": [[{"role": "user", "content": "x", "tool_calls": None, "reasoning_content": None}]] * rows,
            "tools": [None] * rows,
            "n_turns": [1] * rows,
            "n_chars": [1] * rows,
            "meta": ["{}"] * rows,
        },
        schema=RAW_POOL,
    )
    lake, ledger = Lake(store), Ledger(store)
    info = {"revision": "r", "records": rows, "accepted": rows, "rejected": {}, "blank": 0, "files": []}
    tables = {"rows": frame, "rejected": REJECTED.to_frame()}
    manifest = lake.publish(lake.write("raw_pool", tables, partition=source, info=info))
    line = {"data_version": manifest.data_version, "rows": rows}
    ledger.record("runs", [line], asset="raw_pool", partition=source, run_id=f"run-{source}-{rows}")
    return manifest


def test_the_catalog_holds_what_the_runs_recorded(store, tmp_path):
    manifests = [publish(store, "a", 3), publish(store, "b", 2)]
    path = tmp_path / "lineage.duckdb"
    build_catalog(Lake(store), Ledger(store), [], path)
    assert catalog_totals(path) == {"raw_pool": (5, 5)}
    assert current_versions(path) == {f"raw_pool/{m.partition}": m.data_version for m in manifests}


def test_an_earlier_version_does_not_count(store, tmp_path):
    publish(store, "a", 3)
    publish(store, "a", 4)
    path = tmp_path / "lineage.duckdb"
    build_catalog(Lake(store), Ledger(store), [], path)
    assert catalog_totals(path) == {"raw_pool": (4, 4)}


def test_a_difference_is_seen(store, tmp_path):
    manifest = publish(store, "a", 3)
    line = {"data_version": manifest.data_version, "rows": 9}
    Ledger(store).record("runs", [line], asset="raw_pool", partition="a", run_id="another")
    path = tmp_path / "lineage.duckdb"
    build_catalog(Lake(store), Ledger(store), [], path)
    assert catalog_totals(path) == {"raw_pool": (3, 12)}


def test_an_asset_of_which_the_catalog_has_nothing_is_seen(store, tmp_path):
    publish(store, "a", 3)
    lake = Lake(store)
    scores = pl.DataFrame({"row_id": ["a0"], "score": [2.0], "annotator": ["x"], "provenance": ["computed"]})
    manifest = lake.publish(lake.write("quality_scores", scores, partition="a"))
    line = {"data_version": manifest.data_version, "rows": 1}
    Ledger(store).record("runs", [line], asset="quality_scores", partition="a", run_id="r")
    path = tmp_path / "lineage.duckdb"
    build_catalog(lake, Ledger(store), [], path)
    with duckdb.connect(path) as database:
        database.execute("delete from annotations")
    assert catalog_totals(path) == {"raw_pool": (3, 3), "quality_scores": (0, 1)}

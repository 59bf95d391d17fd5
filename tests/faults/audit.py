"""What must hold of a home after any fault, looked at from the files up."""

import json
import re
from collections import Counter
from hashlib import sha256
from io import BytesIO
from uuid import uuid4

import dagster as dg
import polars as pl

from mig_dagster.lineage import build_catalog
from mig_dagster.stages.catalog_totals import catalog_totals
from mig_dagster.storage import Lake, Manifest
from tests.dag.tiny import SOURCES, TinyProject, failure, materialise_all

NAMES = re.compile(
    r"lake/[^/]+/(source=[^/]+/)?(current|manifest-[0-9a-f-]+\.json|\w+/shard-\d{5}-[0-9a-f]{24}\.parquet)"
    r"|ledger/\w+/asset=\w+/partition=[^/]+/[\w.-]+\.parquet|cache/[^/]+/\d{20}-[0-9a-f]{32}\.npz"
    r"|golden/\w+/source=[^/]+/\d{20}-[0-9a-f]{16}\.parquet"
    r"|catalog/lineage\.duckdb|exports/\w+/(README\.md|(subset|reasons)\.parquet|train\.jsonl|selection\.lock\.json)"
    r"|exports/\w+/(llama-factory/(dataset_info\.json|\w+\.jsonl|\w+\.train\.yaml)|trl/\w+\.(parquet|train\.yaml))"
)
"""Every name that a reader may come upon."""


def audit(place: TinyProject, scratch) -> None:
    """Check that nothing half written is visible and that no row and no line is lost or there twice.

    Args:
        place: the project.
        scratch: a folder for a catalog of what is there.
    """
    home = place.home
    strange = [path for path in home.store.list() if not NAMES.fullmatch(path)]
    assert strange == []
    for asset in home.lake.assets():
        for partition in [None, *home.lake.partitions(asset)]:
            for manifest in home.lake.history(asset, partition):
                whole(home.lake, manifest)
    lines = home.ledger.read("runs")
    # A step that is tried again after its line was written adds another: the catalog shows the last one.
    assert lines.unique(["run_id", "asset", "partition", "data_version"]).height == lines.height
    catalog = scratch / f"{uuid4().hex}.duckdb"
    tables = build_catalog(home.lake, home.ledger, [], catalog)
    assert tables["runs"] == lines.unique(["run_id", "asset", "partition"]).height
    wrong = {name: pair for name, pair in catalog_totals(catalog).items() if pair[0] != pair[1]}
    assert wrong == {}


def whole(lake: Lake, manifest: Manifest) -> None:
    """Check every shard of a version, and that its rows add up."""
    for table, shards in manifest.tables.items():
        for shard in shards:
            content = lake.store.read(shard.path)
            assert (sha256(content).hexdigest(), len(content)) == (shard.sha256, shard.bytes), (table, shard)
            assert pl.read_parquet(BytesIO(content)).height == shard.rows
    if manifest.asset == "raw_pool":
        rows = lake.scan_versions([manifest]).collect()
        origins = Counter(rows.select("source", "origin").rows())
        assert set(origins.values()) <= {1}
        info = manifest.info
        rejected = sum(info["rejected"].values())
        assert (rows.height, manifest.table_rows("rejected")) == (info["accepted"], rejected)
        assert info["records"] == info["accepted"] + rejected + info["blank"]


def current(place: TinyProject) -> dict[str, str]:
    """Return the data version of everything that is published."""
    lake = place.home.lake
    found = [lake.current(asset, name) for asset in lake.assets() for name in (None, *lake.partitions(asset))]
    return {f"{each.asset}/{each.partition}": each.data_version for each in found if each is not None}


def recovers(place: TinyProject, undisturbed: dict[str, str], scratch, sources=SOURCES) -> None:
    """Run everything, check that it is what a project without faults has, and audit it."""
    with dg.DagsterInstance.ephemeral() as instance:
        for name, result in materialise_all(place, instance, sources).items():
            assert result.success, (name, failure(result))
    assert current(place) == undisturbed
    audit(place, scratch)
    lines = place.home.store.read("exports/mig_subset/train.jsonl").splitlines()
    assert [*map(type, map(json.loads, lines))] == [dict] * place.home.lake.current("mig_subset").rows

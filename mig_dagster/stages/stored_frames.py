"""From versions in a lake to what a method reads: exactly the pool and the signals that a subset was chosen from."""

from collections.abc import Collection, Mapping, Sequence

import polars as pl

from mig_dagster.stages.align import PoolFrames
from mig_dagster.stages.label_space import read_vocabulary
from mig_dagster.stages.row_signals import SIGNALS
from mig_dagster.storage import Lake, Manifest

LEADS_TO_ROWS = ("pool", "row_signatures")
"""Assets whose own inputs lead to the versions of `raw_pool` behind a subset."""


def scan_signal(lake: Lake, manifests: Sequence[Manifest]) -> pl.LazyFrame:
    """Return versions of a signal, one after the other, with the source of each row."""
    parts = [(manifest.partition, lake.scan_versions([manifest])) for manifest in manifests]
    return pl.concat([frame.with_columns(source=pl.lit(name)) for name, frame in parts])


def stored_manifests(lake: Lake, inputs: Mapping[str, str]) -> dict[str, list[Manifest]]:
    """Return the versions behind some inputs, by asset and in the order of their sources.

    Where the conversations were not read, they are those that the pool was made from.

    Args:
        lake: where they are.
        inputs: asset or asset/source -> data version, as a subset's manifest has them; revisions of files are left out.

    Raises:
        LookupError: a version is not there any more.
    """
    found: dict[str, list[Manifest]] = {}
    for name, version in sorted(inputs.items()):
        asset, _, partition = name.partition("/")
        if asset != "source_revisions":
            found.setdefault(asset, []).append(lake.version(asset, partition or None, version))
    for asset in LEADS_TO_ROWS:
        if "raw_pool" not in found and asset in found:
            above = {name: version for each in found[asset] for name, version in each.inputs.items()}
            found = stored_manifests(lake, above) | found
    return found


def stored_frames(lake: Lake, inputs: Mapping[str, str], beside: Collection[str] = ()) -> PoolFrames:
    """Return the pool and every signal among some inputs, as they were.

    Args:
        lake: where they are.
        inputs: as `stored_manifests` takes them.
        beside: signals to add as they are now where they are no inputs; one that was never published stays out.

    Raises:
        LookupError: a version is not there any more.
    """
    found = stored_manifests(lake, inputs)
    sources = [manifest.partition for manifest in found.get("raw_pool", [])]
    for signal in beside:
        now = [each for each in lake.current_versions([(signal, name) for name in sources]) if each is not None]
        if signal not in found and now:
            found[signal] = now
    signals = {name: scan_signal(lake, found[name]) for name in SIGNALS if name in found}
    tables = {
        name: {table: lake.scan_versions(found[name], table) for table in found[name][0].tables}
        for name in ("label_vocabulary", "label_graph")
        if name in found
    }
    vocabulary, graph = tables.get("label_vocabulary"), tables.get("label_graph", {})
    return PoolFrames(
        pool=lake.scan_versions(found["pool"]),
        vocabulary=None if vocabulary is None else read_vocabulary(vocabulary["rows"], vocabulary["rules"]),
        edges=graph.get("rows"),
        labels=graph.get("labels"),
        raw_pool=lake.scan_versions(found["raw_pool"]) if "raw_pool" in found else None,
        **signals,
    )


def stored_duplicates(lake: Lake, pool: str) -> pl.DataFrame:
    """Return what a version of the pool left out, as `mig_dagster.pool.schema.DUPLICATES`.

    Raises:
        LookupError: the version is not there any more.
    """
    return lake.scan_versions([lake.version("pool", None, pool)], "duplicates").collect()

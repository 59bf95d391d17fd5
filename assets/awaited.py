"""Inputs that no asset of this version makes: in the graph all the same, so that it shows what each method reads."""

import dagster as dg

from assets.partitions import source_partitions
from mig_dagster.selection import METHODS
from mig_dagster.stages.missing_inputs import missing_inputs, why_missing

_READERS: dict[str, list[str]] = {}
for _method in sorted(METHODS):
    for _name in missing_inputs(_method):
        _READERS.setdefault(_name, []).append(_method)


def _awaited(name: str) -> dg.AssetSpec:
    return dg.AssetSpec(
        name,
        group_name="annotations",
        partitions_def=source_partitions,
        kinds={"parquet"},
        description=f"{why_missing(name)}.\n\nRead by {' and '.join(_READERS[name])}, which make no subset until then.",
    )


awaited = {name: _awaited(name) for name in sorted(_READERS)}
"""External assets by name."""

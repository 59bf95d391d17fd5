"""What exists outside: the revision of every registered source, as the sensor last saw it."""

import dagster as dg

from assets.partitions import source_partitions

source_revisions = dg.AssetSpec(
    "source_revisions",
    group_name="sources",
    partitions_def=source_partitions,
    kinds={"yaml", "file"},
    description="The sources in sources.yaml. The sensor reports a new data version when the bytes of a source's files "
    "or the way they are to be read changed.",
)

"""Jobs to start by hand or by a sensor.

Partitioned and unpartitioned assets never share one: a backfill would run the latter once for every partition.
"""

import dagster as dg

from assets.subsets import compared_subsets

PARTITIONED = ("raw_pool", "row_signatures", "tags", "quality_scores", "row_embeddings")
POOL_LEVEL = ("pool", "label_vocabulary", "label_embeddings", "label_graph", "mig_subset", "subset_export")
COMPARED = (*(asset.key.to_user_string() for asset in compared_subsets), "selection_report")
"""What MIG is compared with, and the comparison."""

ingest_and_annotate = dg.define_asset_job(
    "ingest_and_annotate",
    selection=dg.AssetSelection.assets(*PARTITIONED),
    description="Read one source and annotate its rows.",
)
rebuild_label_space_and_subsets = dg.define_asset_job(
    "rebuild_label_space_and_subsets",
    selection=dg.AssetSelection.assets(*POOL_LEVEL),
    description="Pool, label graph, MIG subset and export from the sources that exist now.",
)
compare_methods = dg.define_asset_job(
    "compare_methods",
    selection=dg.AssetSelection.assets(*COMPARED),
    description="The subsets of all other methods on the pool as it is, then the report that compares them with MIG.",
)
publish_catalog = dg.define_asset_job(
    "publish_catalog",
    selection=dg.AssetSelection.assets("lineage_catalog"),
    description="Build the lineage catalog anew from the lake and the ledger.",
)
jobs = [ingest_and_annotate, rebuild_label_space_and_subsets, compare_methods, publish_catalog]

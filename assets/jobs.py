"""Jobs to start by hand, by a schedule, by a sensor or as a backfill: one a stage.

Partitioned and unpartitioned assets never share one: a backfill would run the latter once for every partition.
"""

from typing import Any

import dagster as dg

from assets import run_tags
from assets.refresh import look_at_sources
from assets.subsets import compared_subsets
from mig_dagster.stages.row_signals import BY_LANGUAGE_MODEL

INGESTED = ("raw_pool", "row_signatures")
MAY_BE_HELD = ("tags", "quality_scores", "row_embeddings")
"""What automation makes only of sources that are not held, and of a held one once somebody approves it."""
ANNOTATIONS = (*MAY_BE_HELD, "token_counts")
LANGUAGE_MODEL = ("pool_language_model",)
BY_SOURCE = (*INGESTED, *ANNOTATIONS)
"""What a source needs nothing but itself for."""
PARTITIONED = (*BY_SOURCE, *BY_LANGUAGE_MODEL)
POOL_LEVEL = ("pool", "label_vocabulary", "label_embeddings", "label_graph", "mig_subset", "subset_export")
COMPARED = (*(asset.key.to_user_string() for asset in compared_subsets), "selection_report")
"""What MIG is compared with, and the comparison."""

STAGE, TRIGGER = run_tags.STAGE, run_tags.TRIGGER


def _job(name: str, assets: tuple[str, ...], description: str) -> Any:
    selection = dg.AssetSelection.assets(*assets)
    return dg.define_asset_job(name, selection=selection, description=description, tags={STAGE: name})


ingest = _job("ingest", INGESTED, "Read one source into the row schema, and what decides its duplicates.")
annotate = _job(
    "annotate", ANNOTATIONS, "Tag, score and embed the rows of one source, and count their tokens; needs its raw_pool."
)
ingest_and_annotate = _job("ingest_and_annotate", BY_SOURCE, "Read one source and annotate its rows.")
train_language_model = _job(
    "train_language_model",
    LANGUAGE_MODEL,
    "Train the pool's own language model anew: every source's IFD and indicators are then scored again.",
)
score_by_language_model = _job(
    "score_by_language_model", BY_LANGUAGE_MODEL, "IFD and indicators of one source; needs pool_language_model."
)
rebuild_label_space_and_subsets = _job(
    "rebuild_label_space_and_subsets",
    POOL_LEVEL,
    "Pool, label graph, MIG subset and export from the sources that exist now.",
)
compare_methods = _job(
    "compare_methods",
    COMPARED,
    "The subsets of all other methods on the pool as it is, then the report that compares them with MIG.",
)
publish_catalog = _job(
    "publish_catalog", ("lineage_catalog",), "Build the lineage catalog anew from the lake and the ledger."
)


@dg.job(name="refresh_sources", tags={STAGE: "refresh_sources"})
def refresh() -> None:
    """Look at every source, those on the Hub and on S3 included, and report new revisions.

    What changed is then read and annotated by automation.
    """
    look_at_sources()


WHOLE = {
    "ingest_and_annotate": (ingest_and_annotate, BY_SOURCE),
    "train_language_model": (train_language_model, LANGUAGE_MODEL),
    "score_by_language_model": (score_by_language_model, BY_LANGUAGE_MODEL),
    "rebuild_label_space_and_subsets": (rebuild_label_space_and_subsets, POOL_LEVEL),
    "compare_methods": (compare_methods, COMPARED),
    "publish_catalog": (publish_catalog, ("lineage_catalog",)),
}
"""Jobs that have every asset once between them, each with its assets."""
jobs = [ingest, annotate, *(job for job, _ in WHOLE.values()), refresh]

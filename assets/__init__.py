"""The Dagster assets: thin, each calls the library and records what it made."""

import dagster as dg

from assets.annotations import ifd_scores, indicators, quality_scores, row_embeddings, tags, token_counts
from assets.exports import subset_export
from assets.label_space import label_embeddings, label_graph, label_vocabulary
from assets.lineage import lineage_catalog
from assets.pool import pool, raw_pool, row_signatures
from assets.pool_language_model import pool_language_model
from assets.report import selection_report
from assets.sources import source_revisions
from assets.subsets import subsets

all_assets: list[dg.AssetSpec | dg.AssetsDefinition] = [
    source_revisions,
    raw_pool,
    row_signatures,
    pool,
    tags,
    quality_scores,
    row_embeddings,
    pool_language_model,
    ifd_scores,
    indicators,
    token_counts,
    label_vocabulary,
    label_embeddings,
    label_graph,
    *subsets,
    selection_report,
    subset_export,
    lineage_catalog,
]

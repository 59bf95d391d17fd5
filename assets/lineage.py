"""The lineage catalog: a DuckDB file that answers where a row came from, who said what of it, and why it was chosen."""

from dataclasses import asdict
from pathlib import Path

import dagster as dg

from assets import metadata as shown
from assets.annotations import ifd_scores, indicators, quality_scores, row_embeddings, tags, token_counts
from assets.automation import DEPTH_OF_COLLECTORS, on_pool_change
from assets.checks import holds
from assets.declare import pool_asset
from assets.exports import subset_export
from assets.label_space import label_embeddings, label_graph, label_vocabulary
from assets.pool import pool, raw_pool, row_signatures
from assets.pool_language_model import pool_language_model
from assets.recorded import Outcome
from assets.report import selection_report
from assets.subsets import compared_subsets, mig_subset
from mig_dagster.conversation import canonical_json, hash_text
from mig_dagster.lineage import publish_catalog
from mig_dagster.stages.catalog_totals import catalog_totals, current_versions
from resources.home import MigHome
from resources.registry import SourceRegistry

CATALOG_CHECKS = {"totals_equal_ledger": "as many rows of each asset in the catalog as its runs recorded"}
_BEFORE = [raw_pool, row_signatures, pool, tags, quality_scores, row_embeddings, label_vocabulary]
_AFTER = [label_embeddings, label_graph, mig_subset, subset_export]
_COMPARED = [pool_language_model, ifd_scores, indicators, token_counts, *compared_subsets, selection_report]


@pool_asset(
    "lineage",
    kinds={"duckdb"},
    code_version="1",
    blocking=CATALOG_CHECKS,
    pool="catalog",
    deps=[*_BEFORE, *_AFTER, *_COMPARED],
    condition=on_pool_change(can_do_without=_COMPARED, depth=DEPTH_OF_COLLECTORS),
)
def lineage_catalog(context: dg.AssetExecutionContext, home: MigHome, registry: SourceRegistry) -> Outcome:
    """All of it in SQL: rows, duplicates, annotations, labels, subsets, runs. Built aside and swapped in whole."""
    sources = [asdict(source) for source in registry.load().values()]
    found: list[tuple[dict[str, str], dg.AssetCheckResult]] = []

    def examine(path: Path) -> bool:
        """Check the new catalog before it takes the place of the one that people query."""
        found.append((current_versions(path), _totals_check(catalog_totals(path))))
        return found[-1][1].passed

    tables = publish_catalog(home.lake, home.ledger, sources, examine=examine)
    [(inputs, check)] = found
    version = hash_text(canonical_json([inputs, tables]))
    metadata = {"tables": shown.counts("table", tables), "path": home.catalog}
    return Outcome(version, tables["rows"], inputs, None, [check], metadata)


def _totals_check(totals: dict[str, tuple[int, int]]) -> dg.AssetCheckResult:
    wrong = {asset: pair for asset, pair in totals.items() if pair[0] != pair[1]}
    found = ", ".join(f"{asset} {stored} of {recorded}" for asset, (stored, recorded) in (wrong or totals).items())
    return holds("totals_equal_ledger", not wrong, found + ("; materialise them again" if wrong else ""))

"""What happened and what is there: the ledger, the DuckDB catalog, and the story of single rows."""

from mig_dagster.lineage.catalog import build_catalog
from mig_dagster.lineage.ledger import Ledger
from mig_dagster.lineage.published_catalog import open_catalog, publish_catalog
from mig_dagster.lineage.trace import trace, trace_home

__all__ = ["Ledger", "build_catalog", "open_catalog", "publish_catalog", "trace", "trace_home"]

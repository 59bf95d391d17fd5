"""From records to the pool: one row schema, identities, and one row where several sources say the same."""

from mig_dagster.pool.deduplicate import pool
from mig_dagster.pool.ingest import ingest
from mig_dagster.pool.signatures import row_signatures

__all__ = ["ingest", "pool", "row_signatures"]

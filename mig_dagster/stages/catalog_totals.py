"""Compare the lineage catalog with the ledger: what was recorded when an asset ran must be there when it is read."""

import os

from mig_dagster.lineage import open_catalog
from mig_dagster.lineage.catalog_tables import SIGNALS

_CURRENT = """
select asset, partition, data_version from versions order by asset, partition
"""

_TOTALS = """
with ledger as (
    select v.asset, sum(r.rows)::bigint as rows
    from versions v
    join (select distinct asset, partition, data_version, rows from runs) r
      on r.asset = v.asset and r.data_version = v.data_version and r.partition is not distinct from v.partition
    group by v.asset
),
stored as (
    select 'raw_pool' as asset, count(*) as rows from rows
    union all select 'pool', count(*) from rows where in_pool
    union all select signal, count(*) from annotations group by signal
    union all select 'label_vocabulary', count(*) from labels
    union all select subset, count(*) from subsets group by subset
)
select ledger.asset, coalesce(stored.rows, 0), ledger.rows
from ledger left join stored using (asset)
where ledger.asset in ('raw_pool', 'pool', 'label_vocabulary', {signals}) or ends_with(ledger.asset, '_subset')
order by ledger.asset
""".replace("{signals}", ", ".join(f"'{signal}'" for signal in SIGNALS))


def current_versions(path: str | os.PathLike[str]) -> dict[str, str]:
    """Return the data version of every asset (or asset/partition) that the catalog was built from."""
    with open_catalog(path) as database:
        found = database.execute(_CURRENT).fetchall()
    return {asset if partition is None else f"{asset}/{partition}": version for asset, partition, version in found}


def catalog_totals(path: str | os.PathLike[str]) -> dict[str, tuple[int, int]]:
    """Return for each asset with a table of its own its rows in the catalog, and the rows its runs recorded."""
    with open_catalog(path) as database:
        return {asset: (stored, recorded) for asset, stored, recorded in database.execute(_TOTALS).fetchall()}

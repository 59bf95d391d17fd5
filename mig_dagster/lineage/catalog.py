"""Build the lineage catalog: a DuckDB file made from lake and ledger."""

import os
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from mig_dagster.lineage.catalog_inputs import CatalogInputs
from mig_dagster.lineage.catalog_tables import FILL
from mig_dagster.lineage.ledger import Ledger
from mig_dagster.storage import Lake

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def build_catalog(
    lake: Lake, ledger: Ledger, sources: Sequence[Mapping[str, Any]], path: str | os.PathLike[str]
) -> dict[str, int]:
    """Build the catalog from what is current. What is not materialised yet leaves its tables empty.

    Args:
        lake: the versions of every asset.
        ledger: runs, revisions and removals.
        sources: the registry's entries, each with `name`, `uri`, `format`, `licence`, `priority` and `columns`.
        path: a new DuckDB file on a local disk.

    Returns:
        Rows of every table.
    """
    import duckdb

    inputs = CatalogInputs.now(lake, ledger, sources)
    with duckdb.connect(os.fspath(path)) as database:
        return _build(database, inputs)


def _build(database: "DuckDBPyConnection", inputs: CatalogInputs) -> dict[str, int]:
    """Make the tables, fill them, and count their rows."""
    database.execute("set TimeZone = 'UTC'")
    database.execute(files("mig_dagster.lineage").joinpath("schema.sql").read_text(encoding="utf-8"))
    names = [name for (name,) in database.execute("show tables").fetchall()]
    inputs.register(database)
    database.execute("begin")
    for fill in FILL:
        fill(database, inputs)
    database.execute("commit")
    return {name: len(database.table(name)) for name in names}

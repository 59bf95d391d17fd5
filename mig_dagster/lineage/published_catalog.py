"""The lineage catalog that people query: one file of the home, put in place whole, read from any kind of home."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mig_dagster.lineage.catalog import build_catalog
from mig_dagster.lineage.ledger import Ledger
from mig_dagster.storage import Lake, Store
from mig_dagster.storage.lake import GRACE_SECONDS

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

CATALOG = "catalog/lineage.duckdb"
"""Its name in the store of the home."""


def publish_catalog(
    lake: Lake,
    ledger: Ledger,
    sources: Sequence[Mapping[str, Any]],
    *,
    examine: Callable[[Path], bool] | None = None,
) -> dict[str, int]:
    """Build the catalog aside, and put it in place of the one before in the lake's store.

    Whoever has the old one open goes on reading it.

    Args:
        lake: the versions of every asset.
        ledger: runs, revisions and removals.
        sources: the registry's entries, as `build_catalog` takes them.
        examine: looks at the new file before it is put in place; when it returns False the one before stays.

    Returns:
        Rows of every table.
    """
    store = lake.store
    store.remove_leftovers(GRACE_SECONDS)  # what a killed build left is as large as the catalog itself
    with store.workspace() as folder:
        built = folder / CATALOG.rsplit("/", 1)[1]
        counts = build_catalog(lake, ledger, sources, built)
        if examine is None or examine(built):
            store.publish_file(built, CATALOG)
    return counts


@contextmanager
def open_catalog(location: str | os.PathLike[str]) -> Iterator["DuckDBPyConnection"]:
    """Open the catalog for reading; one that is elsewhere is copied to this machine first.

    Args:
        location: a path, or a URI in a store.

    Raises:
        LookupError: it has not been built yet, or the file is no catalog.
    """
    import duckdb

    with _as_file(os.fspath(location)) as path:
        try:
            database = duckdb.connect(str(path), read_only=True)
            database.execute("from versions limit 0")
        except duckdb.Error as problem:
            what = "the lineage catalog cannot be read; materialise lineage_catalog again"
            raise LookupError(f"{location}: {what}: {problem}") from problem
        with database:
            yield database


def _as_file(location: str) -> AbstractContextManager[Path]:
    root, _, name = location.rpartition("/")
    if "://" in location and (store := Store(root)).exists(name):
        return store.local_copy(name)
    if "://" not in location and os.path.exists(location):
        return nullcontext(Path(location))
    raise LookupError(f"there is no lineage catalog at {location}: materialise lineage_catalog first")

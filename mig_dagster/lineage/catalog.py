"""Build the lineage catalog: a DuckDB file made aside from lake and ledger, then swapped in."""

import os
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from mig_dagster.lineage.catalog_inputs import CatalogInputs
from mig_dagster.lineage.catalog_tables import FILL
from mig_dagster.lineage.ledger import Ledger
from mig_dagster.storage import Lake
from mig_dagster.storage.lake import GRACE_SECONDS

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_ASIDE = re.compile(r"\.[0-9a-f]{32}(\.wal)?")
"""What a catalog's name is followed by while it is built."""


def build_catalog(
    lake: Lake,
    ledger: Ledger,
    sources: Sequence[Mapping[str, Any]],
    path: str | os.PathLike[str],
    *,
    examine: Callable[[Path], bool] | None = None,
) -> dict[str, int]:
    """Build the catalog from what is current, and put it in place of the one before.

    Whoever has the old file open goes on reading it. What is not materialised yet leaves its tables empty.

    Args:
        lake: the versions of every asset.
        ledger: runs, revisions and removals.
        sources: the registry's entries, each with `name`, `uri`, `format`, `licence`, `priority` and `columns`.
        path: the DuckDB file, on a local disk.
        examine: looks at the new file before it is put in place; when it returns False the one before stays.

    Returns:
        Rows of every table.
    """
    import duckdb

    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(path)
    aside = path.with_name(f"{path.name}.{uuid4().hex}")
    inputs = CatalogInputs.now(lake, ledger, sources)
    try:
        with duckdb.connect(str(aside)) as database:
            counts = _build(database, inputs)
        if examine is None or examine(aside):
            os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)
        aside.with_name(f"{aside.name}.wal").unlink(missing_ok=True)
    return counts


def _remove_leftovers(path: Path) -> None:
    """Delete what killed builds left beside the catalog: each is as large as the catalog itself."""
    for file in path.parent.iterdir():
        if file.name.startswith(path.name) and _ASIDE.fullmatch(file.name[len(path.name) :]):
            with suppress(FileNotFoundError):  # another build may end at the same time
                if time.time() - file.stat().st_mtime > GRACE_SECONDS:
                    file.unlink()


@contextmanager
def open_catalog(path: str | os.PathLike[str]) -> Iterator["DuckDBPyConnection"]:
    """Open the catalog for reading.

    Raises:
        LookupError: it has not been built yet, or the file is no catalog.
    """
    if not Path(path).exists():
        raise LookupError(f"there is no lineage catalog at {path}: materialise lineage_catalog first")
    import duckdb

    try:
        database = duckdb.connect(str(path), read_only=True)
        database.execute("from versions limit 0")
    except duckdb.Error as problem:
        what = "the lineage catalog cannot be read; materialise lineage_catalog again"
        raise LookupError(f"{path}: {what}: {problem}") from problem
    with database:
        yield database


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

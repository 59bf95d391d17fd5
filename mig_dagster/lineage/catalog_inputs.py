"""What the catalog is built from, as SQL: the current shards of the lake, and the fragments of the ledger."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from mig_dagster.lineage.ledger import TABLES, Ledger
from mig_dagster.storage import Lake, Manifest
from mig_dagster.storage.known_objects import KnownObjects

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True)
class CatalogInputs:
    """The current version of every asset, pinned when the catalog is begun.

    Attributes:
        lake: where the versions are.
        ledger: what happened.
        registry: the registered sources, as `build_catalog` takes them.
        manifests: every current version, by asset and partition.
    """

    lake: Lake
    ledger: Ledger
    registry: Sequence[Mapping[str, Any]]
    manifests: Sequence[Manifest]

    @classmethod
    def now(cls, lake: Lake, ledger: Ledger, registry: Sequence[Mapping[str, Any]]) -> "CatalogInputs":
        """Pin what is current now."""
        wanted = [(asset, partition) for asset in lake.assets() for partition in (None, *lake.partitions(asset))]
        found = lake.current_versions(wanted)
        return cls(lake, ledger, registry, [manifest for manifest in found if manifest is not None])

    def assets(self, suffix: str = "") -> list[str]:
        """Return the names of assets that have a current version and end in `suffix`, sorted."""
        return sorted({manifest.asset for manifest in self.manifests if manifest.asset.endswith(suffix)})

    def table(self, asset: str, table: str = "rows") -> str | None:
        """Return SQL for a table of an asset, all partitions together; None when there is none.

        Beside the table's columns it has `partition_` and `line_`, the row's number within the partition's table.
        """
        paths = self._paths(asset, table)
        if not paths:
            return None
        return (
            "(select shards_.partition as partition_, shards_.start + file_row_number as line_, rows_.* "
            f"from {_parquet(paths, 'filename = true, file_row_number = true')} rows_ "
            "join shards_ on shards_.filename = rows_.filename)"
        )

    def recorded(self, table: str) -> str:
        """Return SQL for a table of the ledger."""
        return f"ledger_{table}_"

    def register(self, database: "DuckDBPyConnection") -> None:
        """Let a connection read lake and ledger, and tell it in table `shards_` which file is of which partition."""
        store = self.lake.store
        if not store.local:
            shards = (s for manifest in self.manifests for table in manifest.tables.values() for s in table)
            sizes = {store.location(shard.path): shard.bytes for shard in shards}
            database.register_filesystem(KnownObjects(store.filesystem, sizes))
        for table in TABLES:
            database.register(f"ledger_{table}_", self.ledger.read(table).to_arrow())
        lines = [
            (self._name(shard.path), manifest.partition, start)
            for manifest in self.manifests
            for shards in manifest.tables.values()
            for shard, start in zip(shards, _starts(shard.rows for shard in shards), strict=True)
        ]
        schema = {"filename": pl.String, "partition": pl.String, "start": pl.Int64}
        frame = pl.DataFrame(lines, schema=schema, orient="row")
        database.register("shards_frame_", frame.to_arrow())
        database.execute("create temp table shards_ as from shards_frame_")

    def _paths(self, asset: str, table: str) -> list[str]:
        shards = (s for manifest in self.manifests if manifest.asset == asset for s in manifest.tables.get(table, ()))
        return [self._name(shard.path) for shard in shards]

    def _name(self, path: str) -> str:
        """Return the name by which the connection knows a shard."""
        store = self.lake.store
        return store.uri(path) if store.local else f"known://{store.location(path)}"


def _starts(rows: Iterable[int]) -> list[int]:
    starts = [0]
    for count in rows:
        starts.append(starts[-1] + count)
    return starts[:-1]


def _parquet(paths: Sequence[str], *options: str) -> str:
    """Return SQL that reads Parquet files one after the other; a path such as `data[1]/a` is a name and no pattern."""
    names = ", ".join("'" + re.sub(r"[*?[]", r"[\g<0>]", path).replace("'", "''") + "'" for path in paths)
    # Folders named like `source=a` would otherwise become columns, and take the place of the files' own.
    settings = ("union_by_name = true", "hive_partitioning = false", *options)
    return f"read_parquet([{names}], {', '.join(settings)})"

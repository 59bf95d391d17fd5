"""What one version of one asset consists of: its shards with their hashes, what it was made from, and notes."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Shard:
    """One immutable Parquet file.

    Attributes:
        path: its name in the store.
        sha256: 64 hex digits over the file's bytes.
        rows: rows in it; 0 in the one shard of an empty table, which is there for its columns.
        bytes: the file's size.
    """

    path: str
    sha256: str
    rows: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """One version of an asset (of one partition of it).

    Attributes:
        asset: the asset's name.
        partition: the source it belongs to, None for assets that are not partitioned.
        data_version: 32 hex digits over the values that count; the same values always give the same version.
        tables: the shards of each table, in row order.
        inputs: what it was made from, as asset (or asset/partition) -> data version, revision or the like.
        info: counts and notes as JSON values.
        created_at: when it was first written, ISO 8601 in UTC; no part of its identity.
        path: its own name in the store.
    """

    asset: str
    partition: str | None
    data_version: str
    tables: Mapping[str, tuple[Shard, ...]]
    inputs: Mapping[str, str]
    info: Mapping[str, Any]
    created_at: str
    path: str

    @property
    def rows(self) -> int:
        """Rows in the main table, "rows"."""
        return self.table_rows("rows")

    @property
    def name(self) -> str:
        """Asset, or asset/partition."""
        return self.asset if self.partition is None else f"{self.asset}/{self.partition}"

    @property
    def version(self) -> str:
        """What tells this version from all others of the asset: the data version, and more where others have it too."""
        return self.path.rpartition("/manifest-")[2].removesuffix(".json")

    def table_rows(self, table: str) -> int:
        """Return the rows of one table; 0 when the asset has no such table."""
        return sum(shard.rows for shard in self.tables.get(table, ()))

    def identity(self) -> str:
        """Return 32 hex digits over everything but the time and the name."""
        text = json.dumps(_content(self), sort_keys=True, ensure_ascii=False)
        return blake2b(text.encode(), digest_size=16).hexdigest()

    def to_json(self) -> bytes:
        """Return the manifest as it is stored."""
        document = {"format": FORMAT, "created_at": self.created_at} | _content(self)
        return json.dumps(document, ensure_ascii=False, indent=1).encode()

    @classmethod
    def from_json(cls, data: bytes, path: str) -> "Manifest":
        """Read a stored manifest.

        Raises:
            ValueError: the file was written by a version of the project with another manifest format.
        """
        document = json.loads(data)
        if document.get("format") != FORMAT:
            raise ValueError(
                f"{path}: manifest format {document.get('format')!r}, expected {FORMAT}: "
                "read it with the version of mig-dagster that wrote it, or materialise the asset again"
            )
        return cls(
            asset=document["asset"],
            partition=document["partition"],
            data_version=document["data_version"],
            tables={table: tuple(Shard(**shard) for shard in shards) for table, shards in document["tables"].items()},
            inputs=document["inputs"],
            info=document["info"],
            created_at=document["created_at"],
            path=path,
        )


def _content(manifest: Manifest) -> dict[str, Any]:
    tables = {
        table: [{"path": s.path, "sha256": s.sha256, "rows": s.rows, "bytes": s.bytes} for s in shards]
        for table, shards in manifest.tables.items()
    }
    return {
        "asset": manifest.asset,
        "partition": manifest.partition,
        "data_version": manifest.data_version,
        "tables": tables,
        "inputs": dict(manifest.inputs),
        "info": dict(manifest.info),
    }

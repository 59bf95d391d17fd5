"""Write the tables of one asset version as immutable Parquet shards, then the manifest that makes them a version."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from hashlib import blake2b, sha256
from types import TracebackType
from typing import Any, Self

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from mig_dagster.storage.background import Background
from mig_dagster.storage.digest import ValuesDigest, as_arrow, row_bytes
from mig_dagster.storage.manifest import Manifest, Shard
from mig_dagster.storage.store import Store

SHARD_ROWS = 50_000
SHARD_BYTES = 64 * 2**20
"""A shard ends at this many rows, or before the row that takes it over this many bytes of raw values."""

_SLICE_ROWS = 10_000
_WAITING_SHARDS = 0
_DICTIONARY_BYTES = 64 * 1024  # of a column with more different values than this holds, a dictionary saves no space


class LakeWriter:
    """Takes frames table by table, keeps one shard of each table and another one in memory, and ends with `finish`.

    Where shards are cut depends on the values alone, not on how the rows were divided into frames. Nothing written is
    visible to readers before the manifest is published; what a killed writer leaves is no part of any version.
    Shards are hashed, packed and stored on another thread; an error there is raised by a later `append` or by `finish`.
    Use it as a context manager; leaving it without `finish` is an error, unless an exception is on its way.
    """

    def __init__(
        self, store: Store, folder: str, asset: str, partition: str | None, values: Mapping[str, Sequence[str]] | None
    ) -> None:
        self._store = store
        self._folder = folder
        self._asset = asset
        self._partition = partition
        self._values = values
        self._tables: dict[str, _TableWriter] = {}
        self._background = Background(_WAITING_SHARDS)
        self._finished = False

    def append(self, table: str, frame: pl.DataFrame) -> None:
        """Add rows to a table; a frame without rows declares the columns of a table that may stay empty.

        Raises:
            ValueError: the columns or types differ from those of the table's first frame.
        """
        if table not in self._tables:
            counted = {"rows": frame.columns} if self._values is None else self._values
            columns = counted.get(table)
            if columns is not None and (unknown := [name for name in columns if name not in frame.columns]):
                raise ValueError(f"values={list(columns)}: table {table!r} has no column {unknown[0]!r}")
            shards = _Shards(self._store, f"{self._folder}/{table}", columns or [], self._background)
            self._tables[table] = _TableWriter(table, frame, shards)
        self._tables[table].append(frame)

    def finish(self, inputs: Mapping[str, str] | None = None, info: Mapping[str, Any] | None = None) -> Manifest:
        """Write what is pending and the manifest.

        Args:
            inputs: what the version was made from, as asset (or asset/partition) -> data version.
            info: JSON values to keep with it.

        Returns:
            The manifest, durable but not yet published. When an equal one was there, that one.

        Raises:
            ValueError: a table that makes the data version got no frame.
        """
        wanted = {"rows"} if self._values is None else set(self._values)
        if missing := sorted(wanted - set(self._tables)):
            raise ValueError(
                f"asset {self._asset!r}: nothing was appended to table {missing[0]!r}: "
                "append a frame without rows to give it its columns"
            )
        for _, table in sorted(self._tables.items()):
            table.finish()
        self._background.wait()
        shards = {name: tuple(table.shards.done) for name, table in sorted(self._tables.items())}
        digests = {name: self._tables[name].shards.digest.hexdigest() for name in sorted(wanted)}
        manifest = Manifest(
            asset=self._asset,
            partition=self._partition,
            data_version=blake2b(json.dumps(digests).encode(), digest_size=16).hexdigest(),
            tables=shards,
            inputs=dict(inputs or {}),
            info=json.loads(json.dumps(dict(info or {}))),
            created_at=datetime.now(UTC).isoformat(),
            path="",
        )
        self._finished = True
        return _store_manifest(self._store, self._folder, manifest)

    def __enter__(self) -> Self:
        """Start writing."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Insist on `finish`, so that a forgotten call does not lose the rows in silence."""
        self._background.close()
        if kind is None and not self._finished:
            raise RuntimeError(f"writer of asset {self._asset!r} was left without finish(): nothing was committed")


class _TableWriter:
    """The pending rows of one table, cut into shards."""

    def __init__(self, table: str, first: pl.DataFrame, shards: "_Shards") -> None:
        self.shards = shards
        self._table = table
        self._schema = first.schema
        self._pending = [as_arrow(first.clear())]
        self._rows = 0
        self._bytes = 0

    def append(self, frame: pl.DataFrame) -> None:
        if frame.schema != self._schema:
            raise ValueError(
                f"table {self._table!r}: a frame has columns {dict(frame.schema)}, the first one had "
                f"{dict(self._schema)}: cast every frame to one schema"
            )
        for part in frame.iter_slices(_SLICE_ROWS) if frame.height else [frame]:
            self._add(as_arrow(part))

    def finish(self) -> None:
        if self._rows or not self.shards.begun:
            self._flush()

    def _add(self, part: pa.Table) -> None:
        """Add rows, ending a shard wherever one is full."""
        ends = np.cumsum(row_bytes(part))
        start = 0
        while start < len(part):
            before = int(ends[start - 1]) if start else 0
            room = SHARD_BYTES - self._bytes + before
            fits = int(np.searchsorted(ends, room, side="right"))
            stop = min(fits, start + SHARD_ROWS - self._rows, len(part))
            if stop == start and not self._rows:
                stop = start + 1  # one row larger than a shard makes a shard of its own
            if stop > start:
                self._pending.append(part.slice(start, stop - start))
                self._rows += stop - start
                self._bytes += int(ends[stop - 1]) - before
            if stop < len(part) or self._rows == SHARD_ROWS:
                self._flush()
            start = stop

    def _flush(self) -> None:
        empty, *_ = pending = self._pending
        self._pending, self._rows, self._bytes = [empty], 0, 0
        self.shards.write(pending)


class _Shards:
    """The shards of one table, hashed, packed and stored in the background."""

    def __init__(self, store: Store, folder: str, counted: Sequence[str], background: Background) -> None:
        self.digest = ValuesDigest(counted)
        self.begun = 0
        self.done: list[Shard] = []
        self._store = store
        self._folder = folder
        self._background = background

    def write(self, parts: list[pa.Table]) -> None:
        """Make parts of a table the next shard, named by its content."""
        self.begun += 1
        self._background.run(partial(self._write, parts))

    def _write(self, parts: list[pa.Table]) -> None:
        for part in parts:
            self.digest.update(part)
        rows = pa.concat_tables(parts).combine_chunks()  # how they were cut into parts would show in the file
        parts.clear()
        height = len(rows)
        buffer = pa.BufferOutputStream()
        pq.write_table(
            rows,
            buffer,
            compression="zstd",
            dictionary_pagesize_limit=_DICTIONARY_BYTES,
            write_statistics=True,
            row_group_size=SHARD_ROWS,
        )
        data = buffer.getvalue().to_pybytes()
        digest = sha256(data).hexdigest()
        path = f"{self._folder}/shard-{len(self.done):05d}-{digest[:24]}.parquet"
        # An equal shard may be there: touched, it is young again, and no clean-up takes it away before the manifest.
        if not self._store.touch(path):
            self._store.create(path, data)
        del rows, buffer
        pa.default_memory_pool().release_unused()  # or it keeps the memory of a shard or two
        self.done.append(Shard(path=path, sha256=digest, rows=height, bytes=len(data)))


def _store_manifest(store: Store, folder: str, manifest: Manifest) -> Manifest:
    """Create the manifest's file, or find the equal one.

    A data version's first manifest has the plain name; others with the same values (but other provenance, inputs or
    notes) add a part of their identity to it.
    """
    identity = manifest.identity()
    plain = f"{folder}/manifest-{manifest.data_version}.json"
    for path in (plain, f"{folder}/manifest-{manifest.data_version}-{identity[:8]}.json"):
        if store.create(path, manifest.to_json()):
            return Manifest.from_json(manifest.to_json(), path)
        found = Manifest.from_json(store.read(path), path)
        if found.identity() == identity:
            store.touch(path)
            return found
    raise RuntimeError(f"{path}: two different manifests have the same identity {identity[:8]}")

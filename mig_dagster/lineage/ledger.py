"""What happened, as append-only Parquet fragments: no writer waits for another, and no line is lost or changed."""

import json
import re
import time
from collections.abc import Mapping, Sequence
from hashlib import sha256
from io import BytesIO
from typing import Any

import polars as pl

from mig_dagster.storage import Store

ROOT = "ledger"
NO_PARTITION = "_"
"""Folder of unpartitioned assets; no slug begins with an underscore."""

_COMMON: dict[str, pl.DataType] = {"run_id": pl.String(), "asset": pl.String(), "partition": pl.String()}
TABLES: dict[str, dict[str, pl.DataType]] = {
    "runs": {
        "started_at": pl.String(),
        "ended_at": pl.String(),
        "data_version": pl.String(),
        "rows": pl.Int64(),
        "config": pl.String(),
        "inputs": pl.String(),
        "code_version": pl.String(),
        "version": pl.String(),
        "seconds": pl.Float64(),
    },
    "revisions": {
        "source": pl.String(),
        "uri": pl.String(),
        "revision": pl.String(),
        "licence": pl.String(),
        "files": pl.String(),
        "bytes": pl.Int64(),
    },
    "removals": {"source": pl.String(), "reason": pl.String()},
    "failures": {
        "source": pl.String(),
        "job": pl.String(),
        "failed_at": pl.String(),
        "message": pl.String(),
        "remedy": pl.String(),
    },
    "discoveries": {
        "source": pl.String(),
        "uri": pl.String(),
        "rule": pl.String(),
        "event": pl.String(),
        "licence": pl.String(),
        "revision": pl.String(),
        "likes": pl.Int64(),
        "gated": pl.String(),
        "last_modified": pl.String(),
        "card": pl.String(),
        "card_metadata": pl.String(),
        "details": pl.String(),
    },
    "throughput": {
        "annotator": pl.String(),
        "name": pl.String(),
        "model": pl.String(),
        "device": pl.String(),
        "items": pl.Int64(),
        "tokens": pl.Int64(),
        "seconds": pl.Float64(),
    },
}
"""The columns of each table, beside `run_id`, `asset`, `partition` and `recorded_at`, which every table has.

`recorded_at` grows from line to line of one asset and partition, whatever the clock does. Other times are ISO 8601 with
a time zone; `config`, `inputs` and `files` are JSON texts; `seconds` is the wall time of the work itself, without
reading and writing, where an asset measures it; of `throughput`, that of a model's passes over `tokens` tokens."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_MOMENT = re.compile(r"-[0-9a-f]{16}-(\d{16})\.parquet$")
"""The end of a fragment's name: hash of the content, time of recording."""


class Ledger:
    """The tables of `TABLES` in a store, under `ledger/<table>/asset=<asset>/partition=<partition>/`."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def record(
        self, table: str, rows: Sequence[Mapping[str, Any]], *, asset: str, partition: str | None, run_id: str
    ) -> str:
        """Add lines to a table; the same call again adds nothing.

        Args:
            table: a name in `TABLES`.
            rows: lines with columns of the table; what is left out is null.
            asset: the asset that the lines are about.
            partition: its partition, None where it has none.
            run_id: the run that adds them.

        Returns:
            The path of the fragment that holds the lines.

        Raises:
            ValueError: unknown table or column, or a name that cannot be part of a path.
        """
        for name, value in (("asset", asset), ("run_id", run_id), *([("partition", partition)] if partition else [])):
            if not _NAME.fullmatch(str(value)):
                raise ValueError(f"{name}={value!r}: expected letters, digits, '.', '_' and '-' only")
        lines = [self._line(table, row, asset, partition, run_id) for row in rows]
        # The time of recording is no part of the content: the same call is found to have been made.
        content = sha256(json.dumps(lines, sort_keys=True, ensure_ascii=False).encode()).hexdigest()[:16]
        folder = f"{ROOT}/{table}/asset={asset}/partition={partition or NO_PARTITION}"
        there = self.store.list(folder)
        for path in there:
            if path.startswith(f"{folder}/{run_id}-{content}"):
                return path
        moment = _after(there)
        path = f"{folder}/{run_id}-{content}-{moment:016d}.parquet"
        self.store.create(path, _parquet(table, lines, moment))
        return path

    def fragments(self, table: str, asset: str | None = None) -> list[str]:
        """Return the paths of a table's fragments (of those about one asset), sorted."""
        return self.store.list(f"{ROOT}/{table}" if asset is None else f"{ROOT}/{table}/asset={asset}")

    def read(self, table: str, asset: str | None = None) -> pl.DataFrame:
        """Return all lines of a table, in the order in which they were recorded.

        Args:
            table: a name in `TABLES`.
            asset: only what is about this one; its fragments alone are read.

        Raises:
            ValueError: unknown table.
        """
        contents = self.store.read_all(self.fragments(table, asset))
        frames = [pl.read_parquet(BytesIO(content)) for content in contents if content is not None]
        # Diagonal: fragments are older than columns that came later.
        whole = pl.concat([pl.DataFrame(schema=columns(table)), *frames], how="diagonal")
        return whole.sort("recorded_at", maintain_order=True)

    def _line(
        self, table: str, row: Mapping[str, Any], asset: str, partition: str | None, run_id: str
    ) -> dict[str, Any]:
        known = columns(table)
        if unknown := sorted(set(row) - set(known)):
            raise ValueError(f"table {table!r} has no column {unknown[0]!r}: it has {sorted(known)}")
        return {**row, "run_id": run_id, "asset": asset, "partition": partition}


def columns(table: str) -> dict[str, pl.DataType]:
    """Return the columns of a table with their types.

    Raises:
        ValueError: unknown table.
    """
    if table not in TABLES:
        raise ValueError(f"table={table!r}: expected one of {sorted(TABLES)}")
    return {**_COMMON, **TABLES[table], "recorded_at": pl.Datetime("us", "UTC")}


def _after(paths: Sequence[str]) -> int:
    """Return the time now, in microseconds since 1970, or one later than all of these fragments.

    A clock that was put back would otherwise give a later line an earlier time, and whoever asks for the last line of
    an asset would get an old one.
    """
    known = [int(found[1]) for path in paths if (found := _MOMENT.search(path))]
    return max(time.time_ns() // 1000, 1 + max(known, default=0))


def _parquet(table: str, lines: Sequence[Mapping[str, Any]], moment: int) -> bytes:
    # As a number, because a float of seconds, which datetime takes, is not exact to the microsecond.
    frame = pl.DataFrame([{**line, "recorded_at": moment} for line in lines], schema=columns(table))
    buffer = BytesIO()
    frame.write_parquet(buffer, compression="zstd")
    return buffer.getvalue()

"""Whether a subset's folder says what the stored subset does: its lock, the hashes of its files, and what they hold.

A lock can be edited and sealed again, so nothing is believed because of its hash alone: what the lock says is compared
with the stored subset, and the rows, reasons and conversations in the files with those that are stored. The card is
held by its hash only.
"""

import json
from collections.abc import Iterator, Mapping
from itertools import zip_longest
from pathlib import Path
from typing import Any

import polars as pl

from mig_dagster.export.conversations import PLAIN, LeftOut, encoded
from mig_dagster.export.exported import sha256_of
from mig_dagster.export.formats import hf
from mig_dagster.export.lines import read_lines
from mig_dagster.export.seal import is_unchanged
from mig_dagster.export.subset_folder import LOCK, SUBSET_COLUMNS
from mig_dagster.export.tables import reread_table
from mig_dagster.stages.stored_subset import StoredSubset
from mig_dagster.stages.subset_files import KEPT, TIES, with_conversations

_SAID = (*KEPT, "tokens")
"""What a lock says as the stored subset does."""

_TRAIN, _SUBSET, _REASONS, _CARD, _SHARDS = "train.jsonl", "subset.parquet", "reasons.parquet", "README.md", "data/"


def lock_problems(stored: StoredSubset) -> list[str]:
    """Return what is wrong with a subset's folder by its lock: an edited lock, a file that is not the one written.

    Args:
        stored: as `find_subset` gives it; one that was found by its asset has no folder and no problems.
    """
    if stored.folder is None:
        return []
    if not is_unchanged(stored.lock):
        return [f"{LOCK} was edited after it was written: its lock_sha256 is that of another content"]
    return [*_other_files(stored, stored.folder), *_other_words(stored)]


def content_problems(stored: StoredSubset) -> list[str]:
    """Return which files of a subset's folder hold other rows, reasons or conversations than are stored.

    Args:
        stored: as `lock_problems` takes it; everything it was chosen from is there.
    """
    if stored.folder is None:
        return []
    raw_pool = stored.frames().raw_pool
    assert raw_pool is not None, "a stored subset leads to the conversations of its pool"
    rows = stored.rows.head(stored.lock.get("first_rows", stored.rows.height))
    rows = with_conversations(rows.lazy(), raw_pool)
    files = sorted(stored.lock["files"])
    if shards := [stored.folder / name for name in files if name.startswith(_SHARDS)]:
        return _of_shards(shards, rows)
    wanted = {_SUBSET: rows.select(SUBSET_COLUMNS), _REASONS: stored.table("reasons")}
    problems = [
        f"{name} does not hold the {name.removesuffix('.parquet')} that is stored"
        for name, table in wanted.items()
        if table is not None and not _holds(stored.folder / name, table)
    ]
    if not _has_lines(stored.folder / _TRAIN, rows):
        problems.append(f"{_TRAIN} does not hold the conversations of the stored subset, in its order")
    return problems


def _other_files(stored: StoredSubset, folder: Path) -> Iterator[str]:
    files: Mapping[str, str] = stored.lock.get("files", {})
    for name in _required(stored, files):
        if name not in files:
            yield f"the lock does not say what {name} was"
    for name, written in files.items():
        path = folder / name
        if not path.is_file():
            yield f"{name} is missing from {folder}"
        elif (found := sha256_of(path)) != written:
            yield f"{name} is not what was written: its sha256 is {found[:12]}..., the lock has {written[:12]}..."


def _required(stored: StoredSubset, files: Mapping[str, str]) -> list[str]:
    """Return the files that a folder of its kind has: a dataset repository has shards, all others lines."""
    if any(name.startswith(_SHARDS) for name in files):
        return [_CARD]
    return [_SUBSET, _TRAIN, _CARD, *([_REASONS] if "reasons" in stored.manifest.tables else [])]


def _other_words(stored: StoredSubset) -> Iterator[str]:
    lock, manifest = stored.lock, stored.manifest
    said = {key: stored.info.get(key) for key in _SAID} | {"ties": TIES, "versions": stored.info.get("environment")}
    for key, value in said.items():
        if lock.get(key) != value:
            yield f"the lock has {key}={lock.get(key)!r}, the stored subset {value!r}"
    locked, inputs = dict(lock.get("inputs", {})), dict(manifest.inputs)
    if manifest.asset in locked:  # an export's lock says of which version it is
        inputs[manifest.asset] = manifest.data_version
    for name in sorted({*locked, *inputs}):
        if locked.get(name) != inputs.get(name):
            yield f"the lock has {name} at {locked.get(name)}, the stored subset at {inputs.get(name)}"


def _of_shards(paths: list[Path], rows: pl.DataFrame) -> list[str]:
    try:
        told = pl.concat([_read(path).select(SUBSET_COLUMNS) for path in paths])
        same = told.equals(rows.select(SUBSET_COLUMNS))
        same = same and reread_table(paths, rows, hf.CODEC, LeftOut()) == rows.height
    except pl.exceptions.PolarsError:  # no Parquet, or other columns
        same = False
    return [] if same else [f"the shards in {_SHARDS} do not hold the rows of the stored subset, in its order"]


def _holds(path: Path, table: pl.DataFrame) -> bool:
    try:
        found = _read(path)
    except pl.exceptions.PolarsError:  # no Parquet
        return False
    return found.columns == table.columns and found.equals(table)


def _read(path: Path) -> pl.DataFrame:
    return pl.read_parquet(path, glob=False)


def _has_lines(path: Path, rows: pl.DataFrame) -> bool:
    """Return whether a file has the record of every row in its place, and nothing else."""
    wanted: Iterator[Any] = (record for _, record in encoded(rows, PLAIN, LeftOut()))
    try:
        return all(line == record for line, record in zip_longest(read_lines(path), wanted))
    except (json.JSONDecodeError, UnicodeDecodeError):
        return False

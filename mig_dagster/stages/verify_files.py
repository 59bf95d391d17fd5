"""Whether what a subset was chosen from, and the files it was written to, are still what they were."""

from collections.abc import Iterator
from hashlib import sha256
from itertools import chain
from typing import Any

import polars as pl

from mig_dagster.export.exported import sha256_of
from mig_dagster.export.seal import is_unchanged
from mig_dagster.export.subset_folder import LOCK, SUBSET_COLUMNS
from mig_dagster.stages.file_pool import OnStep
from mig_dagster.stages.stored_frames import stored_manifests
from mig_dagster.stages.stored_subset import StoredSubset
from mig_dagster.stages.subset_files import shard_digest
from mig_dagster.storage import Manifest, Shard, Store

_SAID = ("method", "budget", "options", "k", "rows", "pool_rows", "excluded", "objective", "nested", "near_ties")
"""What a lock says as the stored subset does."""


def file_problems(stored: StoredSubset) -> list[str]:
    """Return what is wrong with a subset's folder: an edited lock, a file that is not the one written, other rows.

    Args:
        stored: as `find_subset` gives it; one that was found by its asset has no folder and no problems.
    """
    if stored.folder is None:
        return []
    if not is_unchanged(stored.lock):
        return [f"{LOCK} was edited after it was written: its lock_sha256 is that of another content"]
    return [*_other_files(stored), *_other_words(stored)] or _other_rows(stored)


def input_problems(stored: StoredSubset, on_progress: OnStep) -> list[str]:
    """Return why a subset cannot be chosen again: versions that are gone, shards that are gone or damaged.

    Args:
        stored: as `find_subset` gives it.
        on_progress: told which shard is read.
    """
    try:
        found = stored_manifests(stored.lake, stored.manifest.inputs)
    except LookupError as gone:
        return [f"{gone.args[0]}; choose again from the sources, and verify that"]
    manifests = [stored.manifest, *chain.from_iterable(found.values())]
    shards = [(manifest, shard) for manifest in manifests for shard in _shards(manifest)]
    problems = []
    for done, (manifest, shard) in enumerate(shards):
        on_progress("checking what it was chosen from", done, len(shards))
        if problem := _damage(stored.lake.store, shard):
            problems.append(f"{problem}: restore it from a copy, or materialise {manifest.name} again")
    return problems + _other_shards(stored, manifests)


def _other_files(stored: StoredSubset) -> Iterator[str]:
    assert stored.folder is not None, "only a folder has files"
    for name, written in stored.lock["files"].items():
        path = stored.folder / name
        if not path.is_file():
            yield f"{name} is missing from {stored.folder}"
        elif (found := sha256_of(path)) != written:
            yield f"{name} is not what was written: its sha256 is {found[:12]}..., the lock has {written[:12]}..."


def _other_words(stored: StoredSubset) -> Iterator[str]:
    lock, info = stored.lock, stored.info
    for key in _SAID:
        if lock.get(key) != info.get(key):
            yield f"the lock has {key}={lock.get(key)!r}, the stored subset {info.get(key)!r}"
    for name, version in stored.manifest.inputs.items():
        if lock["inputs"].get(name) != version:
            yield f"the lock has {name} at {lock['inputs'].get(name)}, the stored subset at {version}"


def _other_rows(stored: StoredSubset) -> list[str]:
    assert stored.folder is not None, "only a folder has files"
    path = stored.folder / "subset.parquet"
    if not path.is_file() or pl.read_parquet(path).select(SUBSET_COLUMNS).equals(stored.rows.select(SUBSET_COLUMNS)):
        return []
    return ["subset.parquet does not hold the rows of the stored subset"]


def _damage(store: Store, shard: Shard) -> str | None:
    (data,) = store.read_all([shard.path])
    if data is None:
        return f"shard {shard.path} is gone from {store.root}"
    if sha256(data).hexdigest() != shard.sha256:
        return f"shard {shard.path} in {store.root} is damaged: its sha256 is not that of its manifest"
    return None


def _other_shards(stored: StoredSubset, manifests: list[Manifest]) -> list[str]:
    locked: dict[str, Any] = dict(stored.lock.get("shards", {}))
    return [
        f"{manifest.name} is not what the lock pins: its shards have other hashes; restore it from a copy"
        for manifest in manifests
        if manifest.name in locked and locked[manifest.name] != shard_digest(manifest)
    ]


def _shards(manifest: Manifest) -> list[Shard]:
    return [shard for table in manifest.tables.values() for shard in table]

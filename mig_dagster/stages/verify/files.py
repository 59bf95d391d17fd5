"""Whether what a subset was chosen from is still what it was."""

from hashlib import sha256
from itertools import chain
from typing import Any

from mig_dagster.stages.file_pool import OnStep
from mig_dagster.stages.stored_frames import stored_manifests
from mig_dagster.stages.stored_subset import StoredSubset
from mig_dagster.stages.subset_files import shard_digest
from mig_dagster.storage import Manifest, Shard, Store


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


def _damage(store: Store, shard: Shard) -> str | None:
    (data,) = store.read_all([shard.path])
    if data is None:
        return f"shard {shard.path} is gone from {store.root}"
    if sha256(data).hexdigest() != shard.sha256:
        return f"shard {shard.path} in {store.root} is damaged: its sha256 is not that of its manifest"
    return None


def _other_shards(stored: StoredSubset, manifests: list[Manifest]) -> list[str]:
    """Return which versions are not what the lock of a subset's folder pins."""
    if stored.folder is None:
        return []
    locked: dict[str, Any] = dict(stored.lock.get("shards", {}))
    found = {manifest.name: shard_digest(manifest) for manifest in manifests}
    return [
        f"{name} is not what the lock pins: its shards have other hashes; restore it from a copy"
        for name in sorted({*locked, *found})
        if locked.get(name) != found.get(name)
    ]


def _shards(manifest: Manifest) -> list[Shard]:
    return [shard for table in manifest.tables.values() for shard in table]

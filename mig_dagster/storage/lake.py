"""The lake: every version of every asset as immutable shards, read through manifests and never through globs."""

import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import polars as pl

from mig_dagster.storage.manifest import Manifest, Shard
from mig_dagster.storage.store import Store
from mig_dagster.storage.writer import LakeWriter

ROOT = "lake"
SLUG = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")
GRACE_SECONDS = 24 * 3600.0
"""Younger files may belong to a run that has not written its manifest yet: `vacuum` leaves them."""

SUBSETS = "_subset"
"""Assets whose names end so are choices: what a kept version of one was made from, `vacuum` keeps with it."""

_BATCH_ROWS = 10_000


@dataclass(frozen=True, slots=True)
class Vacuumed:
    """What a clean-up removed, or would remove.

    Attributes:
        paths: objects of the store.
        bytes: their size together.
        leftovers: how many files or uploads of killed writers.
    """

    paths: tuple[str, ...]
    bytes: int
    leftovers: int


class Lake:
    """Versions of assets in a store, under `lake/<asset>/[source=<partition>/]`.

    A version is written first and published after; readers see the published one. A reader that has a frame keeps
    reading its version while others publish.
    """

    def __init__(self, store: Store) -> None:
        self.store = store

    def writer(
        self, asset: str, partition: str | None = None, *, values: Mapping[str, Sequence[str]] | None = None
    ) -> LakeWriter:
        """Start a new version.

        Args:
            asset: name of the asset.
            partition: its source, None for an asset that is not partitioned.
            values: the columns of each table that make the data version; default: all columns of "rows".

        Returns:
            A context manager with `append` and `finish`.
        """
        return LakeWriter(self.store, _folder(asset, partition), asset, partition, values)

    def write(
        self,
        asset: str,
        frames: pl.DataFrame | pl.LazyFrame | Mapping[str, pl.DataFrame | pl.LazyFrame],
        *,
        partition: str | None = None,
        values: Mapping[str, Sequence[str]] | None = None,
        inputs: Mapping[str, str] | None = None,
        info: Mapping[str, Any] | None = None,
    ) -> Manifest:
        """Write a version from whole frames; one frame alone is the table "rows". Lazy frames are read in batches.

        Returns:
            The manifest, durable but not published: call `publish` when the version should be seen.
        """
        tables = frames if isinstance(frames, Mapping) else {"rows": frames}
        with self.writer(asset, partition, values=values) as writer:
            for table, frame in tables.items():
                if isinstance(frame, pl.DataFrame):
                    writer.append(table, frame)
                    continue
                writer.append(table, frame.collect_schema().to_frame())
                for batch in frame.collect_batches(chunk_size=_BATCH_ROWS, maintain_order=True):
                    writer.append(table, batch)
            return writer.finish(inputs, info)

    def publish(self, manifest: Manifest) -> Manifest:
        """Make a version the one that readers see, and return it; nothing changes when it is that already.

        Raises:
            LookupError: the manifest is not in the lake, or a shard of it.
        """
        if not self.store.exists(manifest.path):
            raise LookupError(f"manifest {manifest.path!r} is not in {self.store.root}: finish its writer first")
        pointer = json.dumps({"manifest": manifest.path.rsplit("/", 1)[1]}).encode()
        path = f"{_folder(manifest.asset, manifest.partition)}/current"
        if self.store.read_all([path]) != [pointer]:
            self._check_complete(manifest)
            self.store.replace(path, pointer)
        return manifest

    def _check_complete(self, manifest: Manifest) -> None:
        """Refuse a version of which a clean-up took a shard, as when it was written for longer than `GRACE_SECONDS`."""
        there = set(self.store.list(_folder(manifest.asset, manifest.partition)))
        shards = [shard.path for table in manifest.tables.values() for shard in table]
        if gone := [path for path in shards if path not in there]:
            raise LookupError(
                f"shard {gone[0]!r} of version {manifest.data_version} is gone from {self.store.root}: a clean-up took "
                "it before the version was published (did the clock jump?): run again"
            )

    def current(self, asset: str, partition: str | None = None) -> Manifest | None:
        """Return the published version, or None."""
        return self.current_versions([(asset, partition)])[0]

    def current_versions(self, wanted: Sequence[tuple[str, str | None]]) -> list[Manifest | None]:
        """Return the published version of each asset and partition, None where there is none; all are read at once."""
        folders = [_folder(asset, partition) for asset, partition in wanted]
        pointers = self.store.read_all([f"{folder}/current" for folder in folders])
        paths = {
            position: f"{folder}/{json.loads(pointer)['manifest']}"
            for position, (folder, pointer) in enumerate(zip(folders, pointers, strict=True))
            if pointer is not None
        }
        texts = dict(zip(paths, self.store.read_all(list(paths.values())), strict=True))
        if lost := [paths[position] for position, text in texts.items() if text is None]:
            raise FileNotFoundError(f"{lost[0]} is gone from {self.store.root}, though it is the published version")
        return [
            Manifest.from_json(text, paths[position]) if (text := texts.get(position)) is not None else None
            for position in range(len(wanted))
        ]

    def version(self, asset: str, partition: str | None, version: str) -> Manifest:
        """Return a version that is or was published.

        Args:
            asset: name of the asset.
            partition: its source, None for an asset that is not partitioned.
            version: a data version, or a manifest's `version` where several have that one.

        Raises:
            LookupError: the lake has it no longer.
        """
        path = f"{_folder(asset, partition)}/manifest-{version}.json"
        (text,) = self.store.read_all([path])
        if text is not None:
            return Manifest.from_json(text, path)
        for manifest in self.history(asset, partition):
            if manifest.data_version == version:  # the same values, with other notes
                return manifest
        raise LookupError(
            f"{self.store.root} has no version {version} of {asset}{f' of {partition}' if partition else ''} any "
            "more: a clean-up (`mig-dagster vacuum`) took it, or it was made with another --home"
        )

    def history(self, asset: str, partition: str | None = None) -> list[Manifest]:
        """Return every version that is still there, oldest first."""
        folder = _folder(asset, partition)
        found = []
        for path in self.store.list(folder):
            if path.startswith(f"{folder}/manifest-"):
                with suppress(FileNotFoundError):  # a clean-up took it since
                    found.append(self._manifest(path))
        return sorted(found, key=lambda manifest: (manifest.created_at, manifest.path))

    def assets(self) -> list[str]:
        """Return the names of the assets that have files in the lake."""
        return self.store.folders(ROOT)

    def partitions(self, asset: str) -> list[str]:
        """Return the partitions of an asset that have a published version, sorted."""
        names = self._written(asset)
        pointers = self.store.read_all([f"{_folder(asset, name)}/current" for name in names])
        return [name for name, pointer in zip(names, pointers, strict=True) if pointer is not None]

    def scan(self, asset: str, partition: str | Sequence[str] | None = None, table: str = "rows") -> pl.LazyFrame:
        """Return a table of the published version.

        Args:
            asset: name of the asset.
            partition: None for an unpartitioned asset; one partition; or several, whose rows follow one another in the
                order given (those without a version are left out).
            table: which of the asset's tables.

        Raises:
            LookupError: there is no published version, or it has no such table.
        """
        wanted = [partition] if partition is None or isinstance(partition, str) else list(partition)
        found = self.current_versions([(asset, name) for name in wanted])
        manifests = [manifest for manifest in found if manifest is not None]
        if not manifests:
            raise LookupError(self._nothing(asset, wanted))
        return self.scan_versions(manifests, table)

    def scan_versions(self, manifests: Sequence[Manifest], table: str = "rows") -> pl.LazyFrame:
        """Return a table of given versions (published or not), one after the other.

        Raises:
            LookupError: one of them has no such table.
        """
        for manifest in manifests:
            if table not in manifest.tables:
                raise LookupError(f"asset {manifest.asset!r} has no table {table!r}: it has {sorted(manifest.tables)}")
        return self.store.scan_parquet([shard.path for manifest in manifests for shard in manifest.tables[table]])

    def vacuum(self, keep: int = 2, *, dry_run: bool = False, grace: float = GRACE_SECONDS) -> Vacuumed:
        """Remove old versions, every shard that no kept version needs, and what killed writers left half done.

        What a kept version of a subset was made from stays too, and what that was made from in turn: the subset can be
        explained and verified for as long as it is there.

        Args:
            keep: how many of the newest versions of each asset and partition stay, besides the published one.
            dry_run: only say what would go.
            grace: seconds; what was written or used by a writer more recently stays in any case.

        Returns:
            What went.

        Raises:
            ValueError: `keep` is negative.
        """
        if keep < 0:
            raise ValueError(f"keep={keep}: expected the number of versions to keep, 0 or more")
        there = [(asset, partition) for asset in self.assets() for partition in [None, *self._written(asset)]]
        histories = {_folder(*each): self.history(*each) for each in there}
        kept = {_folder(*each): self._kept(each, histories[_folder(*each)], keep, grace) for each in there}
        _keep_inputs(kept, histories)
        doomed = [path for folder, versions in kept.items() for path in self._removable(folder, versions)]
        sizes = {path: size for path in doomed if (size := self._size_if_old(path, grace)) is not None}
        if not dry_run:
            # Manifests first: one that is still there always has its shards.
            for path in sorted(sizes, key=lambda path: not path.endswith(".json")):
                self.store.remove(path)
        leftovers = self.store.remove_leftovers(grace, dry_run=dry_run)
        return Vacuumed(tuple(sizes), sum(sizes.values()), leftovers)

    def room(self) -> int:
        """Return the bytes that the shards of all versions take together."""
        there = [(asset, partition) for asset in self.assets() for partition in [None, *self._written(asset)]]
        manifests = [manifest for each in there for manifest in self.history(*each)]
        return sum({s.path: s.bytes for manifest in manifests for s in _shards(manifest)}.values())

    def _size_if_old(self, path: str, grace: float) -> int | None:
        """Return an object's bytes; None where it is younger than `grace` seconds, or another clean-up took it."""
        try:
            return self.store.size(path) if self.store.age(path) >= grace else None
        except FileNotFoundError:
            return None

    def _manifest(self, path: str) -> Manifest:
        return Manifest.from_json(self.store.read(path), path)

    def _partition_folders(self, asset: str) -> list[str]:
        return [name for name in self.store.folders(_folder(asset, None)) if name.startswith("source=")]

    def _written(self, asset: str) -> list[str]:
        """Return the partitions of an asset that have files, published or not."""
        return [name.removeprefix("source=") for name in self._partition_folders(asset)]

    def _kept(
        self, each: tuple[str, str | None], history: Sequence[Manifest], keep: int, grace: float
    ) -> dict[str, Manifest]:
        """Return the versions of an asset and partition that stay for their own sake, by path."""
        current = self.current(*each)
        kept = [*history[len(history) - min(keep, len(history)) :], *([current] if current else [])]
        # A young version may be published yet; its first shards can be older than it by as long as writing took.
        kept += [manifest for manifest in history if self._size_if_old(manifest.path, grace) is None]
        return {manifest.path: manifest for manifest in kept}

    def _removable(self, folder: str, kept: Mapping[str, Manifest]) -> list[str]:
        needed = {f"{folder}/current", *kept} | {shard.path for each in kept.values() for shard in _shards(each)}
        return [
            path for path in self.store.list(folder) if path not in needed and not path.startswith(f"{folder}/source=")
        ]

    def _nothing(self, asset: str, wanted: Sequence[str | None]) -> str:
        """Say what to do when there is nothing to read."""
        there = self.partitions(asset)
        if wanted == [None] and there:
            return f"asset {asset!r} is partitioned by source: name one of {there}"
        which = "" if wanted == [None] else f" for {', '.join(map(str, wanted)) or 'no source at all'}"
        return f"asset {asset!r} has no published version{which} in {self.store.root}: materialise {asset} first"


def _folder(asset: str, partition: str | None) -> str:
    """Return the folder of an asset's versions, refusing names that are no slugs."""
    for name, value in (("asset", asset), ("partition", partition)):
        if value is not None and not SLUG.fullmatch(value):
            raise ValueError(f"{name}={value!r}: expected at most 100 lower-case letters, digits, '.', '_' and '-'")
    return f"{ROOT}/{asset}" if partition is None else f"{ROOT}/{asset}/source={partition}"


def _keep_inputs(kept: Mapping[str, dict[str, Manifest]], histories: Mapping[str, Sequence[Manifest]]) -> None:
    """Add to the kept versions, by folder and path, those that kept subsets were made from, all the way up."""
    waiting = [each for versions in kept.values() for each in versions.values() if each.asset.endswith(SUBSETS)]
    followed: set[str] = set()
    while waiting:
        for name, version in waiting.pop().inputs.items():
            asset, _, partition = name.partition("/")
            folder = f"{ROOT}/{asset}/source={partition}" if partition else f"{ROOT}/{asset}"
            made = [each for each in histories.get(folder, ()) if version in (each.data_version, each.version)]
            # Of versions with the same values any will do: the one that is kept anyway, else the first.
            for manifest in sorted(made, key=lambda each: each.path not in kept[folder])[:1]:
                kept[folder][manifest.path] = manifest
                waiting += [manifest] * (manifest.path not in followed)
                followed.add(manifest.path)


def _shards(manifest: Manifest) -> list[Shard]:
    return [shard for table in manifest.tables.values() for shard in table]

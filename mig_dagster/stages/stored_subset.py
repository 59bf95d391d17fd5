"""A subset that was chosen before, found by the name a user knows it by, with everything it was chosen from."""

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from mig_dagster.export.subset_folder import LOCK
from mig_dagster.selection import METHODS
from mig_dagster.stages.align import PoolFrames
from mig_dagster.stages.file_pool import FILE_POOLS, file_lake
from mig_dagster.stages.stored_frames import stored_frames
from mig_dagster.storage import Lake, Manifest, Store

SUFFIX = "_subset"
_NAME = re.compile(r"(?P<asset>[a-z0-9_]+)(@(?P<version>[0-9a-f-]+)|~(?P<back>\d+))?")


@dataclass(frozen=True, eq=False)
class StoredSubset:
    """A subset in a lake.

    Attributes:
        name: what the user called it.
        manifest: its version: tables `rows` (`subset.SUBSET_SCHEMA`), `excluded` and what else its method gives; `info`
            as `choose_subset` gives it; `inputs`, the version of everything it was chosen from.
        lake: where it and its inputs are.
        folder: the folder of files it was found through; None for one that was named as an asset.
        lock: what that folder's lock file says; empty for one that was named as an asset.
    """

    name: str
    manifest: Manifest
    lake: Lake
    folder: Path | None = None
    lock: Mapping[str, Any] = field(default_factory=dict)

    @property
    def info(self) -> Mapping[str, Any]:
        """What `choose_subset` says of it."""
        return self.manifest.info

    @property
    def method(self) -> str:
        """The method that chose it."""
        return str(self.info["method"])

    @cached_property
    def rows(self) -> pl.DataFrame:
        """`subset.SUBSET_SCHEMA`, by rank."""
        return self.lake.scan_versions([self.manifest]).collect().sort("rank")

    def table(self, name: str) -> pl.DataFrame | None:
        """Return another of its tables; None where its method gives none of that name."""
        return self.lake.scan_versions([self.manifest], name).collect() if name in self.manifest.tables else None

    def frames(self, beside: Collection[str] = ()) -> PoolFrames:
        """Return the pool and the signals it was chosen from, and others `beside` them where there are any.

        Raises:
            LookupError: a version is not there any more.
        """
        return stored_frames(self.lake, self.manifest.inputs, beside)


def find_subset(name: str, home: str) -> StoredSubset:
    """Find a subset.

    Args:
        name: a folder that `select` wrote or `subset_export` published; a method or its asset (`mig`, `mig_subset`) for
            the current version in the home, with `~1` for the version before it, or with `@` and a data version.
        home: folder or URI of the lake.

    Raises:
        LookupError: there is no such subset, or its version is not in the home.
        ValueError: the folder's lock is no JSON, or does not say where the subset is kept (one of an earlier version).
    """
    folder = Path(name)
    if (folder / LOCK).is_file():
        return _of_folder(folder, home)
    match = _NAME.fullmatch(name)
    lake = Lake(Store(home))
    if match is None:
        raise LookupError(_unknown(name, lake))
    asset = match["asset"].removesuffix(SUFFIX) + SUFFIX
    current = lake.current(asset) if asset.removesuffix(SUFFIX) in METHODS else None
    if current is None:
        raise LookupError(_unknown(name, lake))
    if match["version"]:
        return StoredSubset(name, lake.version(asset, None, match["version"]), lake)
    return StoredSubset(name, _before(lake, current, int(match["back"] or 0)), lake)


def kept_in(manifest: Manifest, store: str = ".") -> dict[str, str]:
    """Return what a lock says of where its subset is kept: in the home itself, or in its folder of `FILE_POOLS`."""
    return {"store": store, "asset": manifest.asset, "version": manifest.version}


def _of_folder(folder: Path, home: str) -> StoredSubset:
    lock = _read_lock(folder / LOCK)
    kept = lock["kept"]
    lake = file_lake(home) if kept["store"] == FILE_POOLS else Lake(Store(home))
    return StoredSubset(str(folder), lake.version(kept["asset"], None, kept["version"]), lake, folder, lock)


def _read_lock(path: Path) -> dict[str, Any]:
    """Return a lock that says where its subset is kept."""
    try:
        lock = json.loads(path.read_bytes())
    except ValueError as problem:
        raise ValueError(f"{path} is no JSON ({problem}): restore it from a copy, or choose again") from problem
    kept = lock.get("kept") if isinstance(lock, dict) else None
    if not isinstance(kept, dict) or not {"store", "asset", "version"} <= kept.keys():
        raise ValueError(f"{path} does not say where the subset is kept: an earlier version wrote it, choose again")
    if not str(kept["asset"]).endswith(SUFFIX):
        raise ValueError(f"{path} has kept.asset={kept['asset']!r}, which is no subset: restore it from a copy")
    return dict(lock)


def _before(lake: Lake, current: Manifest, back: int) -> Manifest:
    """Return the version that is `back` versions older than the current one."""
    if not back:
        return current
    older = [each for each in lake.history(current.asset) if each.created_at < current.created_at]
    if back > len(older):
        raise LookupError(f"{current.asset} has {len(older)} versions before the current one, {back} were asked for")
    return older[-back]


def _unknown(name: str, lake: Lake) -> str:
    there = [asset for asset in lake.assets() if asset.endswith(SUFFIX) and lake.current(asset) is not None]
    return (
        f"no subset {name!r}: expected a folder with {LOCK}, or one of the subsets in {lake.store.root}: "
        f"{', '.join(sorted(there)) or 'none there; materialise mig_subset, or give --home'}"
    )

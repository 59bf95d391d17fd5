"""Objects as files of a local folder: whole, durable, and of many writers only one creates each."""

import os
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import polars as pl

from mig_dagster.storage.objects import Objects

TEMPORARY = ".tmp"
"""Folder under the root where files grow before they get their name; never listed."""


class LocalFiles(Objects):
    """Files named by absolute paths under one folder.

    A file grows in `TEMPORARY`, is flushed to disk, and then linked or renamed into place.
    """

    def __init__(self, filesystem: Any, base: str) -> None:
        super().__init__(filesystem, base)
        self._temporary = Path(base) / TEMPORARY

    def create(self, full: str, data: bytes) -> bool:
        """Write a file that must not exist yet: only one of many writers can link its own to the name."""
        if self.exists(full):
            return False
        target = Path(full)
        with self._grown(data) as grown:
            _make_folder(target.parent)
            try:
                os.link(grown, target)
            except FileExistsError:
                return False
        _flush_folder(target.parent)
        return True

    def replace(self, full: str, data: bytes) -> None:
        """Write a file, in place of the one that may be there."""
        with self._grown(data) as grown:
            _rename(grown, Path(full))

    def publish_file(self, file: Path, full: str) -> None:
        """Move a file of a workspace into place."""
        move_into_place(file, Path(full))

    def exists(self, full: str) -> bool:
        """Return whether there is such a file."""
        return os.path.isfile(full)

    def touch(self, full: str) -> None:
        """Make a file young."""
        os.utime(full)

    @contextmanager
    def workspace(self) -> Iterator[Path]:
        """Yield an empty folder on the disk of the files; it is gone afterwards."""
        folder = self._temporary / uuid4().hex
        folder.mkdir(parents=True)
        try:
            yield folder
        finally:
            shutil.rmtree(folder)

    @contextmanager
    def local_copy(self, full: str) -> Iterator[Path]:
        """Yield the file itself."""
        yield Path(full)

    def remove_leftovers(self, older_than: float, *, dry_run: bool = False) -> int:
        """Delete files, and folders of files, that killed writers left half grown."""
        if not self._temporary.is_dir():
            return 0
        removed = 0
        for leftover in self._temporary.iterdir():
            with suppress(FileNotFoundError):  # a live writer finished with it meanwhile
                if time.time() - _last_written(leftover) > older_than:
                    if not dry_run:
                        shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()
                    removed += 1
        return removed

    def scan_parquet(self, paths: Sequence[str]) -> pl.LazyFrame:
        """Return Parquet files one after the other; a folder such as `data[1]` is a name and no pattern."""
        return pl.scan_parquet(list(paths), glob=False, hive_partitioning=False)

    @contextmanager
    def _grown(self, data: bytes) -> Iterator[Path]:
        """Yield a flushed temporary file with the bytes; it is gone afterwards, whatever happens."""
        self._temporary.mkdir(parents=True, exist_ok=True)
        grown = self._temporary / uuid4().hex
        try:
            with grown.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            yield grown
        finally:
            grown.unlink(missing_ok=True)


def move_into_place(file: Path, target: Path) -> None:
    """Give a file of the same disk its name; readers see the old bytes or the new, also after a power cut."""
    with file.open("rb") as content:
        os.fsync(content.fileno())
    _rename(file, target)


def _rename(grown: Path, target: Path) -> None:
    _make_folder(target.parent)
    os.replace(grown, target)
    _flush_folder(target.parent)


def _last_written(path: Path) -> float:
    """Return when a file, or the youngest file of a folder, was last written."""
    return max(part.stat().st_mtime for part in (path, *path.rglob("*")))


def _make_folder(folder: Path) -> None:
    """Make a folder and those above it, so that they survive a power cut with what is put into them."""
    missing = [part for part in (folder, *folder.parents) if not part.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for made in missing:
        _flush_folder(made.parent)


def _flush_folder(folder: Path) -> None:
    """Make a new name in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

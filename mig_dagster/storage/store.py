"""Named byte objects under one root, on a local disk or any fsspec file system; each write is whole or absent."""

import os
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from datetime import datetime
from functools import wraps
from pathlib import Path, PurePosixPath
from typing import Any, Concatenate, ParamSpec, TypeVar

import fsspec
import polars as pl
from fsspec.implementations.local import LocalFileSystem

from mig_dagster.storage.local_files import TEMPORARY, LocalFiles
from mig_dagster.storage.objects import Objects
from mig_dagster.storage.s3 import S3Objects, is_s3, s3_options

P = ParamSpec("P")
R = TypeVar("R")


def explained(method: Callable[Concatenate["Store", P], R]) -> Callable[Concatenate["Store", P], R]:
    """Give what a client raises in words of its own as an OSError that names the store and the remedy."""

    @wraps(method)
    def run(self: "Store", /, *args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return method(self, *args, **kwargs)
        except self.objects.errors() as error:
            raise self.objects.explain(error, self.root) from error

    return run


class Store:
    """Objects named by relative POSIX paths under one root.

    Every object appears whole or not at all, also when the writer is killed.

    Attributes:
        root: the folder or the URI that holds the objects.
        filesystem: the fsspec file system behind the root.
        local: whether the root is a folder of this machine.
        objects: how this kind of file system writes.
    """

    def __init__(self, root: str | os.PathLike[str]) -> None:
        self.root = os.fspath(root)
        options = s3_options() if is_s3(self.root) else {}
        # Cached listings hide what other processes wrote; file systems without a listing cache ignore the option.
        self.filesystem, base = fsspec.core.url_to_fs(self.root, use_listings_cache=False, **options)
        self.local = isinstance(self.filesystem, LocalFileSystem)
        self._base = str(Path(base).absolute()) if self.local else base.rstrip("/")
        if self.local:
            self.objects: Objects = LocalFiles(self.filesystem, self._base)
        else:
            self.objects = (S3Objects if options else Objects)(self.filesystem, self._base)

    def __repr__(self) -> str:
        """Return how to make an equal store."""
        return f"Store({self.root!r})"

    @explained
    def create(self, path: str, data: bytes) -> bool:
        """Write an object that must not exist yet.

        Returns:
            True when this call made the object, False when it was there (its bytes are left alone).
        """
        return self.objects.create(self.location(path), data)

    @explained
    def replace(self, path: str, data: bytes) -> None:
        """Write an object, in place of the one that may be there; readers see the old bytes or the new."""
        self.objects.replace(self.location(path), data)

    @explained
    def publish_file(self, file: Path, path: str) -> None:
        """Make a file of a `workspace` the object of that name; readers see the old bytes or the new."""
        self.objects.publish_file(file, self.location(path))

    @explained
    def scan_parquet(self, paths: Sequence[str]) -> pl.LazyFrame:
        """Return the rows of Parquet objects with one schema, one object after the other."""
        return self.objects.scan_parquet([self.location(path) for path in paths])

    def workspace(self) -> AbstractContextManager[Path]:
        """Return a context manager with an empty local folder where files grow until `publish_file`."""
        return self.objects.workspace()

    def local_copy(self, path: str) -> AbstractContextManager[Path]:
        """Return a context manager with an object as a local file to be read; FileNotFoundError when there is none."""
        return self.objects.local_copy(self.location(path))

    @explained
    def read(self, path: str) -> bytes:
        """Return an object's bytes.

        Raises:
            FileNotFoundError: no such object.
        """
        (data,) = self.objects.read([self.location(path)])
        if isinstance(data, Exception):
            raise data
        return data

    @explained
    def read_all(self, paths: Sequence[str]) -> list[bytes | None]:
        """Return the bytes of many objects, None for each that does not exist; a server is asked for many at once."""
        found = self.objects.read([self.location(path) for path in paths])
        return [_bytes_or_none(data) for data in found]

    @explained
    def exists(self, path: str) -> bool:
        """Return whether there is such an object."""
        return self.objects.exists(self.location(path))

    @explained
    def folders(self, prefix: str = "") -> list[str]:
        """Return the names of the folders directly in a folder, sorted; [] when there is none."""
        try:
            entries: list[dict[str, Any]] = self.filesystem.ls(self._folder(prefix), detail=True)
        except FileNotFoundError:
            return []
        names = (PurePosixPath(entry["name"]).name for entry in entries if entry["type"] == "directory")
        return sorted(name for name in names if name != TEMPORARY)

    @explained
    def list(self, prefix: str = "") -> list[str]:
        """Return the paths of all objects in a folder and below, sorted; [] when there is none."""
        try:
            # A folder may vanish under the walk when another process cleans up: then there is nothing in it.
            found = self.filesystem.find(self._folder(prefix))
        except FileNotFoundError:
            return []
        paths = (name[len(self._base) :].lstrip("/") for name in found)
        return sorted(path for path in paths if not path.startswith(TEMPORARY + "/"))

    @explained
    def remove(self, path: str) -> None:
        """Delete an object; one that is gone already is no error."""
        with suppress(FileNotFoundError):
            self.filesystem.rm_file(self.location(path))

    @explained
    def age(self, path: str) -> float:
        """Return how many seconds ago an object was written or touched.

        Raises:
            FileNotFoundError: no such object.
        """
        written: datetime = self.filesystem.modified(self.location(path))
        return time.time() - written.timestamp()

    @explained
    def size(self, path: str) -> int:
        """Return how many bytes an object has.

        Raises:
            FileNotFoundError: no such object.
        """
        return int(self.filesystem.size(self.location(path)))

    @explained
    def touch(self, path: str) -> bool:
        """Make an object as young as one just written; return False when it does not exist."""
        try:
            self.objects.touch(self.location(path))
        except FileNotFoundError:
            return False
        return True

    def uri(self, path: str) -> str:
        """Return where an object is: an absolute local path, or a URI with its protocol."""
        full = self.location(path)
        return full if self.local else str(self.filesystem.unstrip_protocol(full))

    def location(self, path: str) -> str:
        """Return the name by which `filesystem` knows an object.

        Raises:
            ValueError: the path leaves the root.
        """
        parts = PurePosixPath(path).parts
        if not parts or path.startswith("/") or ".." in parts or "\\" in path or "\0" in path:
            raise ValueError(f"path={path!r}: expected a relative path inside the store, with '/' between its parts")
        return "/".join((self._base, *parts))

    @explained
    def remove_leftovers(self, older_than: float, *, dry_run: bool = False) -> int:
        """Delete what killed writers left: files half grown, or uploads never ended.

        Args:
            older_than: seconds; younger ones may belong to a live writer.
            dry_run: only count them.

        Returns:
            How many were deleted, or would be.
        """
        return self.objects.remove_leftovers(older_than, dry_run=dry_run)

    def _folder(self, prefix: str) -> str:
        return self.location(prefix) if prefix.strip("/") else self._base


def _bytes_or_none(found: bytes | Exception) -> bytes | None:
    if isinstance(found, FileNotFoundError):
        return None
    if isinstance(found, Exception):
        raise found
    return found

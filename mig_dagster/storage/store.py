"""Named byte objects under one root, on a local disk or any fsspec file system; each write is whole or absent."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from errno import EINVAL
from pathlib import Path, PurePosixPath
from typing import Any
from uuid import uuid4

import fsspec
from fsspec.implementations.local import LocalFileSystem

TEMPORARY = ".tmp"
"""Folder under the root where files grow before they get their name; never listed."""


class Store:
    """Objects named by relative POSIX paths under one root.

    Every object appears whole or not at all, also when the writer is killed: locally a file grows under another
    name, is flushed to disk, and then linked or renamed into place; elsewhere one upload makes the object.

    Attributes:
        root: the folder or the URI that holds the objects.
        filesystem: the fsspec file system behind the root.
        local: whether the root is a folder of this machine.
    """

    def __init__(self, root: str | os.PathLike[str]) -> None:
        self.root = os.fspath(root)
        # Cached listings hide what other processes wrote; file systems without a listing cache ignore the option.
        self.filesystem, base = fsspec.core.url_to_fs(self.root, use_listings_cache=False)
        self.local = isinstance(self.filesystem, LocalFileSystem)
        self._base = str(Path(base).absolute()) if self.local else base.rstrip("/")

    def __repr__(self) -> str:
        """Return how to make an equal store."""
        return f"Store({self.root!r})"

    def create(self, path: str, data: bytes) -> bool:
        """Write an object that must not exist yet.

        Returns:
            True when this call made the object, False when it was there (its bytes are left alone).
        """
        if self.exists(path):
            return False
        return self._link(path, data) if self.local else self._upload_new(path, data)

    def replace(self, path: str, data: bytes) -> None:
        """Write an object, in place of the one that may be there; readers see the old bytes or the new."""
        if not self.local:
            self.filesystem.pipe_file(self.location(path), data)
            return
        target = Path(self.location(path))
        with self._grown(data) as grown:
            _make_folder(target.parent)
            os.replace(grown, target)
        _flush_folder(target.parent)

    def read(self, path: str) -> bytes:
        """Return an object's bytes.

        Raises:
            FileNotFoundError: no such object.
        """
        data: bytes = self.filesystem.cat_file(self.location(path))
        return data

    def exists(self, path: str) -> bool:
        """Return whether there is such an object."""
        return bool(self.filesystem.isfile(self.location(path)))

    def folders(self, prefix: str = "") -> list[str]:
        """Return the names of the folders directly in a folder, sorted; [] when there is none."""
        start = self.location(prefix) if prefix.strip("/") else self._base
        if not self.filesystem.exists(start):
            return []
        entries: list[dict[str, Any]] = self.filesystem.ls(start, detail=True)
        names = (PurePosixPath(entry["name"]).name for entry in entries if entry["type"] == "directory")
        return sorted(name for name in names if name != TEMPORARY)

    def list(self, prefix: str = "") -> list[str]:
        """Return the paths of all objects in a folder and below, sorted; [] when there is none."""
        start = self.location(prefix) if prefix.strip("/") else self._base
        # A folder may vanish under the walk when another process cleans up: then there is nothing in it.
        found = self.filesystem.find(start) if self.filesystem.exists(start) else []
        paths = (name[len(self._base) :].lstrip("/") for name in found)
        return sorted(path for path in paths if not path.startswith(TEMPORARY + "/"))

    def remove(self, path: str) -> None:
        """Delete an object; one that is gone already is no error."""
        with suppress(FileNotFoundError):
            self.filesystem.rm_file(self.location(path))

    def age(self, path: str) -> float:
        """Return how many seconds ago an object was written or touched.

        Raises:
            FileNotFoundError: no such object.
        """
        written: datetime = self.filesystem.modified(self.location(path))
        return time.time() - written.timestamp()

    def size(self, path: str) -> int:
        """Return how many bytes an object has.

        Raises:
            FileNotFoundError: no such object.
        """
        return int(self.filesystem.size(self.location(path)))

    def touch(self, path: str) -> bool:
        """Make an object as young as one just written; return False when it does not exist."""
        try:
            if self.local:
                os.utime(self.location(path))
            else:
                self.filesystem.pipe_file(self.location(path), self.read(path))
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

    def remove_leftovers(self, older_than: float) -> int:
        """Delete what killed writers left half grown.

        Args:
            older_than: seconds; younger files may belong to a live writer.

        Returns:
            How many files were deleted.
        """
        folder = Path(self._base) / TEMPORARY
        if not self.local or not folder.is_dir():
            return 0
        removed = 0
        for file in folder.iterdir():
            with suppress(FileNotFoundError):  # a live writer finished with it meanwhile
                if time.time() - file.stat().st_mtime > older_than:
                    file.unlink()
                    removed += 1
        return removed

    def _link(self, path: str, data: bytes) -> bool:
        """Create locally: only one of many writers can link its file to the name."""
        target = Path(self.location(path))
        with self._grown(data) as grown:
            _make_folder(target.parent)
            try:
                os.link(grown, target)
            except FileExistsError:
                return False
        _flush_folder(target.parent)
        return True

    @contextmanager
    def _grown(self, data: bytes) -> Iterator[Path]:
        """Yield a flushed temporary file with the bytes; it is gone afterwards, whatever happens."""
        folder = Path(self._base) / TEMPORARY
        folder.mkdir(parents=True, exist_ok=True)
        grown = folder / uuid4().hex
        try:
            with grown.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            yield grown
        finally:
            grown.unlink(missing_ok=True)

    def _upload_new(self, path: str, data: bytes) -> bool:
        """Create through fsspec; servers word "it exists" in two ways."""
        full = self.location(path)
        try:
            self.filesystem.pipe_file(full, data, mode="create")
        except FileExistsError:
            return False
        except OSError as error:
            # Ceph answers a lost race with EINVAL, which may also mean a bad request: only the object's presence tells.
            if error.errno != EINVAL or not self.exists(path):
                raise
            return False
        return True


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

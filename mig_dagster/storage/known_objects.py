"""Immutable objects of known size as a file system that asks the server for nothing but their bytes."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from fsspec import AbstractFileSystem
from fsspec.spec import AbstractBufferedFile

WHOLE_BYTES = 8 * 2**20
"""Objects up to this size are fetched by one request, larger ones in pieces as they are read."""
_PIECE_BYTES = 4 * 2**20


class KnownObjects(AbstractFileSystem):  # type: ignore[misc]
    """Objects of another file system, named `known://<name there>`.

    A program that opens a thousand files through fsspec asks several times for the size of each.
    """

    protocol = "known"
    cachable = False

    def __init__(self, filesystem: Any, sizes: Mapping[str, int]) -> None:
        """Take the file system that has the objects, and the size of each by its name there."""
        super().__init__()
        self.filesystem = filesystem
        self._sizes = sizes

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        """Return what is known of an object.

        Raises:
            FileNotFoundError: it is not one of those given.
        """
        name = self._strip_protocol(path)
        if name not in self._sizes:
            raise FileNotFoundError(path)
        return {"name": name, "size": self._sizes[name], "type": "file"}

    def glob(self, path: str, **_: Any) -> list[str]:
        """Return the one object that a pattern stands for: `[*]`, `[?]` and `[[]` are those characters themselves."""
        return [self.info(re.sub(r"\[([*?[])\]", r"\1", path))["name"]]

    def modified(self, path: str) -> datetime:
        """Return one time for all: they never change."""
        return datetime.fromtimestamp(0, UTC)

    def _open(self, path: str, mode: str = "rb", **_: Any) -> "_KnownFile":
        size = self.info(path)["size"]
        return _KnownFile(self, path, mode, _PIECE_BYTES, cache_type="all" if size <= WHOLE_BYTES else "readahead")


class _KnownFile(AbstractBufferedFile):  # type: ignore[misc]
    def _fetch_range(self, start: int, end: int) -> bytes:
        data: bytes = self.fs.filesystem.cat_file(self.path, start=start, end=end)
        return data

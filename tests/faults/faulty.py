"""A file system in memory whose k-th write fails, as a server's answer may: before it took effect, or after."""

from typing import ClassVar

import fsspec
from fsspec.implementations.memory import MemoryFileSystem


class FaultyFileSystem(MemoryFileSystem):
    """Objects in memory; the write with number `fails_at` (from 1) raises `error`."""

    protocol = "faulty"
    store: ClassVar[dict] = {}
    pseudo_dirs: ClassVar[list] = [""]
    writes = 0
    fails_at = 0
    error: Exception | None = None
    takes_effect = False

    @classmethod
    def arm(cls, fails_at, error=None, *, takes_effect=False):
        """Count from here; 0 never fails."""
        cls.writes, cls.fails_at, cls.error, cls.takes_effect = 0, fails_at, error, takes_effect

    def pipe_file(self, path, value, mode="overwrite", **kwargs):
        cls = type(self)
        cls.writes += 1
        fails = cls.writes == cls.fails_at
        if not fails or cls.takes_effect:
            super().pipe_file(path, value, mode=mode, **kwargs)
        if fails:
            raise cls.error


fsspec.register_implementation("faulty", FaultyFileSystem, clobber=True)

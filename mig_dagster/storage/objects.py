"""Objects of any fsspec file system that stores each by one upload, such as a bucket or memory."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl
from pyarrow.dataset import dataset


class Objects:
    """Objects named by what an fsspec file system calls them."""

    def __init__(self, filesystem: Any, base: str) -> None:
        self._filesystem = filesystem
        self._base = base

    def create(self, full: str, data: bytes) -> bool:
        """Upload an object that must not exist yet."""
        try:
            self._filesystem.pipe_file(full, data, mode="create")
        except FileExistsError:
            return False
        return True

    def replace(self, full: str, data: bytes) -> None:
        """Upload an object, in place of the one that may be there."""
        self._filesystem.pipe_file(full, data)

    def publish_file(self, file: Path, full: str) -> None:
        """Upload a file, in place of the object that may be there."""
        self._filesystem.put_file(str(file), full)

    def read(self, paths: Sequence[str]) -> list[bytes | Exception]:
        """Return the bytes of objects, or why they cannot be read."""
        found: list[bytes | Exception] = self._filesystem.cat_ranges(list(paths), None, None, on_error="return")
        return found

    def exists(self, full: str) -> bool:
        """Return whether there is such an object."""
        return bool(self._filesystem.isfile(full))

    def touch(self, full: str) -> None:
        """Make an object young."""
        self._filesystem.pipe_file(full, self._filesystem.cat_file(full))

    @contextmanager
    def workspace(self) -> Iterator[Path]:
        """Yield an empty folder of this machine; it is gone afterwards."""
        with TemporaryDirectory(prefix="mig-dagster-") as folder:
            yield Path(folder)

    @contextmanager
    def local_copy(self, full: str) -> Iterator[Path]:
        """Yield a copy on this machine; it is gone afterwards."""
        with self.workspace() as folder:
            copy = folder / full.rsplit("/", 1)[-1]
            self._filesystem.get_file(full, str(copy))
            yield copy

    def remove_leftovers(self, older_than: float, *, dry_run: bool = False) -> int:
        """Delete nothing: what was not uploaded whole is not there."""
        return 0

    def scan_parquet(self, paths: Sequence[str]) -> pl.LazyFrame:
        """Return Parquet objects one after the other: pyarrow reads through the file system, asked by Polars."""
        return pl.scan_pyarrow_dataset(dataset(list(paths), format="parquet", filesystem=self._filesystem))

    def errors(self) -> tuple[type[Exception], ...]:
        """Return the errors of the client that are no OSError."""
        return ()

    def explain(self, error: Exception, root: str) -> OSError:
        """Return such an error as one that says what to do."""
        raise AssertionError(f"{type(error).__name__} is none of errors()")

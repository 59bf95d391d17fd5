"""`demo://`: the demo sources as a read-only file system of fsspec, and as paths of universal-pathlib."""

import errno
import io
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from fsspec.spec import AbstractFileSystem
from upath import UPath

from mig_dagster.demo.catalogue import demo_files

_MODIFIED = datetime(2025, 1, 1, tzinfo=UTC)


class DemoFileSystem(AbstractFileSystem):  # type: ignore[misc]
    """One folder per source, its files inside; made in memory on first use."""

    protocol = "demo"
    root_marker = ""

    def ls(self, path: str, detail: bool = True, **kwargs: Any) -> list[Any]:
        """List a folder, or the one file that `path` is.

        Raises:
            FileNotFoundError: there is no such source or file.
        """
        del kwargs
        path = self._strip_protocol(path)
        files = demo_files()
        if path in files:
            found = [path]
        else:
            inside = [file for file in files if file.startswith(f"{path}/") or not path]
            depth = path.count("/") + 1 if path else 0
            found = sorted({"/".join(file.split("/")[: depth + 1]) for file in inside})
        if not found:
            raise _missing(path)
        return [self.info(name) for name in found] if detail else found

    def info(self, path: str, **kwargs: Any) -> dict[str, Any]:
        """Return name, type, size, and for files a fixed time and, as `ETag`, the hash of the content.

        Raises:
            FileNotFoundError: there is no such source or file.
        """
        del kwargs
        path = self._strip_protocol(path)
        files = demo_files()
        if path in files:
            content = files[path]
            times = {"mtime": _MODIFIED.timestamp(), "created": _MODIFIED.timestamp()}
            return {"name": path, "type": "file", "size": len(content), "ETag": sha256(content).hexdigest(), **times}
        if not path or any(file.startswith(f"{path}/") for file in files):
            return {"name": path, "type": "directory", "size": 0}
        raise _missing(path)

    def modified(self, path: str) -> datetime:
        """Return the time of a file: always the same."""
        self.info(path)
        return _MODIFIED

    created = modified

    def _open(self, path: str, mode: str = "rb", **kwargs: Any) -> io.BytesIO:
        del kwargs
        if mode != "rb":
            raise OSError(errno.EROFS, f"demo:// is read-only, so mode {mode!r} is not possible; expected 'rb'", path)
        path = self._strip_protocol(path)
        if path not in demo_files():
            raise _missing(path)
        return io.BytesIO(demo_files()[path])


class DemoPath(UPath):
    """A path on the demo file system."""


def _missing(path: str) -> FileNotFoundError:
    sources = ", ".join(sorted({file.split("/")[0] for file in demo_files()}))
    return FileNotFoundError(errno.ENOENT, f"no demo source or file; expected one of the sources {sources}", path)

"""From a URI to files: one file, a glob or a folder, on any file system that fsspec knows."""

import posixpath
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem

import mig_dagster.demo  # noqa: F401 - makes demo:// known to fsspec
from mig_dagster.sources.records import SourceFileError

_SUFFIXES = (".json", ".jsonl", ".ndjson", ".parquet")
_COMPRESSED = ("", ".gz")
READABLE = tuple(suffix + compressed for suffix in _SUFFIXES for compressed in _COMPRESSED)


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file of a source: where to open it, and its path relative to the source, with `/` between the parts."""

    uri: str
    relative: str


def file_system(uri: str) -> tuple[Any, str]:
    """Return the fsspec file system of a URI and the path on it.

    Raises:
        SourceFileError: the scheme is unknown, or its file system cannot be loaded.
    """
    if not uri:
        raise SourceFileError("''", None, "is no URI", "Write a path, or a URI such as demo://help_desk")
    try:
        fs, path = url_to_fs(uri)
    except (ValueError, ImportError) as error:
        remedy = "Write a path, or a URI such as demo://help_desk or file:///data/rows.jsonl"
        raise SourceFileError(uri, None, f"is no URI that can be read ({error})", remedy) from error
    return fs, path


def open_binary(uri: str) -> Any:
    """Return a file's bytes as a file object to be used as a context manager and closed by it.

    Raises:
        SourceFileError: as `file_system`.
        OSError: it cannot be opened.
    """
    fs, path = file_system(uri)
    return fs.open(path, "rb")


def list_files(uri: str) -> list[SourceFile]:
    """List the files that a path, a glob or a folder stands for, in reading order.

    A folder gives its `*.json`, `*.jsonl`, `*.ndjson` and `*.parquet` files, plain or `.gz`, at any depth; a glob gives
    every file that it matches. Neither gives hidden ones. The order is that of `relative + ":"`, as of the origins.

    Raises:
        SourceFileError: there is no such file, or none in the folder that can be read.
    """
    fs, path = file_system(uri)
    try:
        root, paths = _find(fs, path)
    except Exception as error:  # each file system has errors of its own, such as those of an S3 client
        remedy = "Check the path and who may read it; in a pattern, ** stands alone between two slashes"
        raise SourceFileError(uri, None, f"cannot be listed ({error})", remedy) from error
    if not paths:
        remedy = f"Check the path; a folder is searched for {', '.join(READABLE)}"
        raise SourceFileError(uri, None, "is no file, and no folder or pattern with files to read", remedy)
    files = [SourceFile(_uri(fs, found), _relative(found, root)) for found in paths]
    return sorted(files, key=lambda file: file.relative + ":")


def _find(fs: Any, path: str) -> tuple[str, list[str]]:
    """Return the folder that relative paths start from, and the files."""
    if fs.isfile(path):  # first, so that a file name may hold the characters of a pattern
        return posixpath.dirname(path), [path]
    if fs.isdir(path):
        return path, _visible((file for file in fs.find(path) if file.lower().endswith(READABLE)), path)
    if set(path) & set("*?["):
        fixed = path[: min(path.index(mark) for mark in "*?[" if mark in path)]
        root = posixpath.dirname(fixed)
        return root, _visible((file for file in fs.glob(path) if fs.isfile(file)), root)
    return "", []


def _relative(path: str, root: str) -> str:
    return path[len(root.rstrip("/")) :].lstrip("/") if root.strip("/") else path.lstrip("/")


def _visible(paths: Iterable[str], root: str) -> list[str]:
    return [path for path in paths if "/." not in "/" + _relative(path, root)]


def _uri(fs: Any, path: str) -> str:
    return path if isinstance(fs, LocalFileSystem) else str(fs.unstrip_protocol(path))

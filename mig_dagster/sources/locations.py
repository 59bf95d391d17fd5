"""From a URI to files: one file, a glob or a folder, on any file system that fsspec knows."""

import os
import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem

import mig_dagster.demo  # noqa: F401 - makes demo:// known to fsspec
from mig_dagster.sources.hub.address import SCHEME as HUB
from mig_dagster.sources.patterns import fixed_folder, is_hidden, is_pattern, reading_order
from mig_dagster.sources.records import SourceFileError

_SUFFIXES = (".json", ".jsonl", ".ndjson", ".parquet", ".csv", ".tsv")
_COMPRESSED = ("", ".gz", ".zst")
S3 = ("s3://", "s3a://")
_STAMPS = ("ETag", "etag", "mtime", "LastModified", "last_modified")
READABLE = tuple(suffix + compressed for suffix in _SUFFIXES for compressed in _COMPRESSED)

Info = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file of a source.

    Attributes:
        uri: where to open it.
        relative: its path in the source, with `/` between the parts.
        size: bytes, as listed; 0 where the store does not tell.
        stamp: what the store changes when the file changes (ETag or time of change), as listed; "" where it has
            neither.
    """

    uri: str
    relative: str
    size: int = field(default=0, compare=False)
    stamp: str = field(default="", compare=False)


class _WholeFolders(LocalFileSystem):  # type: ignore[misc]
    """Local files, none of them missing in a listing: fsspec takes a folder that it cannot read for an empty one."""

    def walk(self, path: str, *args: Any, **kwargs: Any) -> Iterator[Any]:
        """Walk as fsspec does, which asks for each folder here.

        Raises:
            OSError: a folder cannot be listed.
        """
        yield from super().walk(path, *args, **{**kwargs, "on_error": _only_if_of_no_account})


def _only_if_of_no_account(error: OSError) -> None:
    """Go on without a folder that is gone, hidden, or there for what a file system recovered; it holds no source."""
    name = posixpath.basename(os.fspath(error.filename or ""))
    if not isinstance(error, FileNotFoundError) and not name.startswith(".") and name != "lost+found":
        raise error


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
    return (_WholeFolders(**fs.storage_options) if isinstance(fs, LocalFileSystem) else fs), path


def open_binary(uri: str) -> Any:
    """Return a file's bytes as a file object to be used as a context manager and closed by it.

    A file on the Hub is downloaded into huggingface_hub's cache first; others are read as a stream.

    Raises:
        SourceFileError: as `file_system`; or a file on the Hub or S3 that cannot be read.
        OSError: another file cannot be opened.
    """
    if uri.startswith(HUB):
        from mig_dagster.sources.hub.listing import download  # 0.3 CPU-s, of no use to those without the Hub

        return download(uri).open("rb")
    if uri.startswith(S3):
        from mig_dagster.sources import s3  # 0.4 CPU-s

        return s3.open_object(uri)
    fs, path = file_system(uri)
    return fs.open(path, "rb")


def list_files(uri: str) -> list[SourceFile]:
    """List the files that a path, a glob or a folder stands for, in reading order.

    A folder gives its files that end with one of `READABLE` (JSON, JSON Lines, Parquet, CSV, TSV; plain, `.gz` or
    `.zst`), at any depth; a glob gives every file that it matches. Neither gives hidden ones. The order is that of
    `relative + ":"`, as of the origins.

    Raises:
        SourceFileError: there is no such file, or none in the folder that can be read.
    """
    root, found = _find(uri)
    if not found:
        remedy = f"Check the path; a folder is searched for {', '.join(READABLE)}"
        raise SourceFileError(uri, None, "is no file, and no folder or pattern with files to read", remedy)
    files = [_source_file(name, _relative(path, root), info) for path, (name, info) in found.items()]
    return sorted(files, key=lambda file: reading_order(file.relative))


def _find(uri: str) -> tuple[str, dict[str, tuple[str, Info]]]:
    """Return the folder that relative paths start from, and the files by path: URI, and what their store says."""
    if uri.startswith(S3):
        from mig_dagster.sources import s3

        root, found = s3.find_objects(uri, READABLE)
        return root, {path: (f"s3://{path}", info) for path, info in found.items()}
    fs, path = file_system(uri)
    try:
        root, found = _find_on(fs, path)
        return root, {file: (_uri(fs, file), info) for file, info in found.items()}
    except Exception as error:  # each file system has errors of its own
        remedy = "Check the path and who may read it; in a pattern, ** stands alone between two slashes"
        raise SourceFileError(uri, None, f"cannot be listed ({error})", remedy) from error


def _find_on(fs: Any, path: str) -> tuple[str, dict[str, Info]]:
    if fs.isfile(path):  # first, so that a file name may hold the characters of a pattern
        return posixpath.dirname(path), {path: fs.info(path)}
    if fs.isdir(path):
        found = fs.find(path, detail=True)
        return path, _visible({file: found[file] for file in found if file.lower().endswith(READABLE)}, path)
    if is_pattern(path):
        root = fixed_folder(path)
        found = fs.glob(path, detail=True)
        return root, _visible(
            {file: info for file, info in found.items() if info["type"] == "file" or fs.isfile(file)}, root
        )
    return "", {}


def _source_file(uri: str, relative: str, info: Info) -> SourceFile:
    size = int(info.get("size") or 0)
    if "://" not in uri:
        return SourceFile(uri, relative, size, _inode(uri))
    stamp = next((f"{name}:{info[name]}" for name in _STAMPS if info.get(name) is not None), "")
    return SourceFile(uri, relative, size, stamp)


def _inode(path: str) -> str:
    """Return what no change of a local file leaves as it was, not even one whose time was put back after it.

    A link has the time and number of what it points to. "" where there is nothing any more, as the reader will say.
    """
    try:
        state = os.stat(path)
    except FileNotFoundError:
        return ""
    return f"inode:{state.st_dev}-{state.st_ino}-{state.st_mtime_ns}-{state.st_ctime_ns}"


def _relative(path: str, root: str) -> str:
    return path[len(root.rstrip("/")) :].lstrip("/") if root.strip("/") else path.lstrip("/")


def _visible(found: Mapping[str, Info], root: str) -> dict[str, Info]:
    return {path: info for path, info in found.items() if not is_hidden(_relative(path, root))}


def _uri(fs: Any, path: str) -> str:
    return path if isinstance(fs, LocalFileSystem) else str(fs.unstrip_protocol(path))

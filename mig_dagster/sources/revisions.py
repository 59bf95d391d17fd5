"""What pins a source's bytes: a hash of its files, which are read again only where they may have changed."""

from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from mig_dagster.conversation import canonical_json
from mig_dagster.sources.bytestream import CHUNK_BYTES
from mig_dagster.sources.files import files_of
from mig_dagster.sources.locations import file_system
from mig_dagster.sources.records import SourceFileError
from mig_dagster.sources.registry import Source

_NEAR = ("file", "local", "demo", "memory")
_STAMPS = ("ETag", "etag", "mtime", "LastModified", "last_modified")


@dataclass(frozen=True, slots=True)
class FileVersion:
    """One file as it was read.

    Attributes:
        path: relative to the source.
        size: bytes.
        stamp: what the file system changes when the file changes (ETag or time of change); "" where it has neither.
        sha256: of the bytes.
    """

    path: str
    size: int
    stamp: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Revision:
    """The state of a source: `id` is 32 hex digits over the paths and hashes of its files, whatever their times."""

    id: str
    files: tuple[FileVersion, ...]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)


def is_remote(source: Source) -> bool:
    """Return whether asking for the revision of a source goes over the network (the Hub, S3, HTTP, ...).

    A caller that looks often, such as a sensor with a tick every 30 seconds, keeps the revision that it has of such a
    source (`known`) as long as the source's entry in the registry is the same, and asks again at a slower pace, as a
    nightly schedule does: `resolve(source, known)` of a Hub source that did not change is one request.
    """
    scheme, mark, _ = source.uri.partition("://")
    return bool(mark) and scheme not in _NEAR


def resolve(source: Source, known: Revision | None = None) -> Revision:
    """Return the revision that a source has now.

    Args:
        source: where the files are.
        known: an earlier revision; a file with the same path, size and stamp is not read again.

    Raises:
        SourceFileError: there are no files, or one cannot be read.
    """
    before = {file.path: file for file in known.files} if known else {}
    versions = tuple(_version(file.uri, file.relative, before.get(file.relative)) for file in files_of(source))
    document = canonical_json([[version.path, version.sha256] for version in versions])
    return Revision(sha256(document.encode("utf-8", "surrogateescape")).hexdigest()[:32], versions)


def _version(uri: str, relative: str, before: FileVersion | None) -> FileVersion:
    fs, path = file_system(uri)
    try:
        info: dict[str, Any] = fs.info(path)
        size = int(info["size"] or 0)
        stamp = next((f"{name}:{info[name]}" for name in _STAMPS if info.get(name) is not None), "")
        if before is not None and stamp and (before.size, before.stamp) == (size, stamp):
            return before
        digest = sha256()
        with fs.open(path, "rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                digest.update(chunk)
    except OSError as error:
        raise SourceFileError(uri, None, f"cannot be read ({error})", "Check the path and who may read it") from error
    return FileVersion(relative, size, stamp, digest.hexdigest())

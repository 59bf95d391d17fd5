"""What pins a source's bytes: a commit of the Hub, the ETags of objects on S3, or a hash of what the files hold."""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal

from mig_dagster.conversation import canonical_json
from mig_dagster.sources.files import present_files, refuse_scores, score_files
from mig_dagster.sources.hub.address import SCHEME as HUB
from mig_dagster.sources.locations import S3, SourceFile, open_binary
from mig_dagster.sources.records import SourceFileError
from mig_dagster.sources.registry import Source

_NEAR = ("file", "local", "demo", "memory")
_CHUNK_BYTES = 1 << 20

Kind = Literal["commit", "etags", "content"]


@dataclass(frozen=True, slots=True)
class FileVersion:
    """One file at a revision.

    Attributes:
        path: relative to the source; on the Hub the path in the repo.
        size: bytes.
        stamp: what the store changes when the file changes: `ETag:...`, git's `oid:...` on the Hub, or the time of
            change; "" where it has none of them.
        sha256: of the bytes; "" where they need not be read to pin the source, and its store does not tell.
    """

    path: str
    size: int
    stamp: str
    sha256: str

    @property
    def pin(self) -> str:
        """What tells these bytes from others."""
        return self.sha256 or self.stamp


@dataclass(frozen=True, slots=True)
class Revision:
    """The state of a source.

    Attributes:
        id: kind "commit": the sha of the commit on the Hub, 40 hex digits. "etags": 32 hex digits over the paths, ETags
            and sizes of the objects. "content": 32 hex digits over the paths and hashes of the files, whatever their
            times.
        files: in reading order.
        kind: what the id is.
    """

    id: str
    files: tuple[FileVersion, ...]
    kind: Kind = "content"

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
        known: an earlier revision; what is known not to have changed since is neither asked for nor read again.

    Raises:
        SourceFileError: there are no files, or one cannot be read.
    """
    if source.uri.startswith(HUB):
        refuse_scores(source)
        return _commit(source)
    files = present_files(source) + score_files(source)
    if source.uri.startswith(S3):
        objects = tuple(FileVersion(file.relative, file.size, file.stamp, "") for file in files)
        return Revision(_hash([file.path, file.stamp, file.size] for file in objects), objects, "etags")
    before = {file.path: file for file in known.files} if known else {}
    versions = tuple(_version(file, before.get(file.relative)) for file in files)
    return Revision(_hash([file.path, file.sha256] for file in versions), versions)


def changed_files(source: Source, revision: Revision) -> list[str]:
    """Return the paths of the files that were written since a revision was pinned, or are not there; [] when none was.

    A file that was written and has its old bytes again counts too: whoever read it meanwhile may have read others.

    Raises:
        SourceFileError: as `resolve`.
    """
    if revision.kind == "commit":  # what a commit holds never changes
        return []
    states = (set(state.files) for state in (resolve(source, revision), revision))
    return sorted({file.path for file in set.symmetric_difference(*states)})


def _commit(source: Source) -> Revision:
    from mig_dagster.sources.hub.dataset import locate  # huggingface_hub is loaded only where it is needed

    found = locate(source)
    files = (FileVersion(path, file.size, f"oid:{file.oid}", file.sha256) for path, file in found.files.items())
    return Revision(found.sha, tuple(files), "commit")


def _version(file: SourceFile, before: FileVersion | None) -> FileVersion:
    if before is not None and file.stamp and (before.size, before.stamp) == (file.size, file.stamp):
        return before
    digest = sha256()
    try:
        with open_binary(file.uri) as opened:
            while chunk := opened.read(_CHUNK_BYTES):
                digest.update(chunk)
    except OSError as error:
        raise SourceFileError(
            file.uri, None, f"cannot be read ({error})", "Check the path and who may read it"
        ) from error
    return FileVersion(file.relative, file.size, file.stamp, digest.hexdigest())


def _hash(lines: Iterable[list[str | int]]) -> str:
    return sha256(canonical_json(list(lines)).encode("utf-8", "surrogateescape")).hexdigest()[:32]

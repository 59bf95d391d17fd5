"""Hub addresses: `hf://datasets/org/name[@revision][/file, folder or pattern]`."""

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote

from mig_dagster.sources.records import SourceFileError

SCHEME = "hf://"
CONVERTED = "refs/convert/parquet"
"""The branch with the Hub's copy of a dataset's rows as Parquet files, `<config>/<split>/<number>.parquet`."""
_ADDRESS = re.compile(
    r"hf://datasets/(?P<repo>[\w.-]+/[\w.-]+)(?:@(?P<revision>refs/(?:convert|pr)/[^/]+|[^/]+))?(?:/(?P<path>.*))?",
    re.ASCII,
)
_FULL_SHA = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True, slots=True)
class Address:
    """A place on the Hub.

    Attributes:
        repo: `org/name` of a dataset.
        revision: branch, tag or commit; None is the default branch.
        path: a file, folder or pattern in the repo; "" is the repo as a whole.
    """

    repo: str
    revision: str | None
    path: str

    @property
    def pinned(self) -> bool:
        """Whether the revision is a whole commit sha, which never means anything else."""
        return bool(self.revision and _FULL_SHA.fullmatch(self.revision))

    @property
    def name(self) -> str:
        """How messages name it."""
        return file_uri(self.repo, self.revision, "").rstrip("/")


def parse_address(uri: str, revision: str | None = None) -> Address:
    """Return what a URI means; `revision`, from the registry, says it where the URI does not.

    Raises:
        SourceFileError: it is no address of a dataset, or names another revision than the registry.
    """
    match = _ADDRESS.fullmatch(uri)
    if match is None:
        remedy = "Write hf://datasets/org/name, with @revision or a path in the repo where needed"
        raise SourceFileError(uri, None, "is no address of a dataset on the Hub", remedy)
    named = unquote(match["revision"]) if match["revision"] else None
    if named and revision and named != revision:
        problem = f"names revision {named!r}, and the registry's `revision` is {revision!r}"
        raise SourceFileError(uri, None, problem, "Keep one of them")
    return Address(match["repo"], named or revision, (match["path"] or "").strip("/"))


def file_uri(repo: str, revision: str | None, path: str) -> str:
    """Return the URI of a file at a revision."""
    at = f"@{quote(revision, safe='/' if revision.startswith('refs/') else '')}" if revision else ""
    return f"{SCHEME}datasets/{repo}{at}/{path}"

"""Which files a source has, at the revision that is to be read."""

from typing import TYPE_CHECKING

from mig_dagster.sources.hub.address import SCHEME as HUB
from mig_dagster.sources.hub.address import file_uri, parse_address
from mig_dagster.sources.locations import SourceFile, list_files
from mig_dagster.sources.records import SourceFileError
from mig_dagster.sources.registry import Source

if TYPE_CHECKING:
    from mig_dagster.sources.revisions import Revision

SCORES = "scores:"
"""Begins the path of a file of scores within its source, so that none is taken for one of its files."""


def files_of(source: Source, revision: "Revision | None" = None) -> list[SourceFile]:
    """List the files of a source in reading order.

    Args:
        source: what to look at.
        revision: the state to read where the store of the files keeps old ones, as the Hub does: its files at its
            commit, without a request; None means what is there now.

    Raises:
        SourceFileError: there are none.
    """
    if not source.uri.startswith(HUB):
        return present_files(source)
    refuse_scores(source)
    repo = parse_address(source.uri, source.revision).repo
    if revision is not None:
        return [
            SourceFile(file_uri(repo, revision.id, file.path), file.path, file.size, file.stamp)
            for file in revision.files
        ]
    from mig_dagster.sources.hub.dataset import locate  # huggingface_hub is loaded only where it is needed

    found = locate(source)
    return [
        SourceFile(file_uri(repo, found.sha, path), path, file.size, f"oid:{file.oid}")
        for path, file in found.files.items()
    ]


def present_files(source: Source) -> list[SourceFile]:
    """List the files of a source that is not on the Hub, as they are now.

    Raises:
        SourceFileError: there are none, or the source has a key that says something of Hub sources only.
    """
    if keys := [key for key in ("revision", "config", "split") if getattr(source, key) is not None]:
        problem = f"is not on the Hub, and {', '.join(f'`{key}`' for key in keys)} can be said of its datasets only"
        raise SourceFileError(source.uri, None, problem, "Take that out of the source, and name its files in the URI")
    return list_files(source.uri)


def score_files(source: Source) -> list[SourceFile]:
    """List the files of a source's scores as they are now; their paths begin with `SCORES`.

    Raises:
        SourceFileError: the source names some, and there are none.
    """
    found = [] if source.scores is None else list_files(source.scores)
    return [SourceFile(file.uri, SCORES + file.relative, file.size, file.stamp) for file in found]


def refuse_scores(source: Source) -> None:
    """Refuse scores of a dataset on the Hub: its commit pins no file elsewhere.

    Raises:
        SourceFileError: the source names some.
    """
    if source.scores is not None:
        problem = "is on the Hub, and `scores` can be said of other files only, since its commit does not pin them"
        remedy = "Download the dataset and name its files, or leave the scores out"
        raise SourceFileError(source.uri, None, problem, remedy)

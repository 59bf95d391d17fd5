"""Which files a source has, at the revision that is to be read."""

from typing import TYPE_CHECKING

from mig_dagster.sources.locations import SourceFile, list_files
from mig_dagster.sources.registry import Source

if TYPE_CHECKING:
    from mig_dagster.sources.revisions import Revision


def files_of(source: Source, revision: "Revision | None" = None) -> list[SourceFile]:
    """List the files of a source in reading order.

    Args:
        source: what to look at.
        revision: the state to read where the store of the files keeps old ones; None means what is there now.

    Raises:
        SourceFileError: there are none.
    """
    del revision  # no store that is known today keeps old states
    return list_files(source.uri)

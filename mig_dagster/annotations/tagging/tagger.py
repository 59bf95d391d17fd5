"""Tags: what a row's instruction asks for and is about, by whichever tagger."""

from collections.abc import Iterable, Sequence
from typing import Protocol, TypeVar

from mig_dagster.annotations.annotator import Annotations, Annotator, Batch, Row
from mig_dagster.annotations.cache import FragmentCache
from mig_dagster.annotations.engine import Imported, annotate
from mig_dagster.annotations.tagging.imported_tags import INSTAG_IMPORT, imported_tags

OnProgress = TypeVar("OnProgress", contravariant=True)

_ROWS_PER_CALL = 100_000  # taggers sort by length what they get at once, and flush by the clock: much is good


class Tagger(Protocol[OnProgress]):
    """Who gives tags.

    `OnProgress` is what it takes to report how far it has come: models count tokens, others rows.
    """

    @property
    def annotator(self) -> Annotator:
        """Who speaks; known without loading a model."""

    def tag(self, rows: Sequence[Row], cache: FragmentCache | None = None, progress: OnProgress | None = None) -> Batch:
        """Return column "tags": a list of str per row, None where flagged.

        Args:
            rows: distinct.
            cache: what it knows is not computed again, what is computed is kept there as it comes.
            progress: told now and then.
        """


def tag_rows(
    rows: Iterable[Row],
    tagger: Tagger[OnProgress],
    cache: FragmentCache | None = None,
    progress: OnProgress | None = None,
) -> Annotations:
    """Tag each distinct row: imported tags where it carries them, else the tagger's.

    Args:
        rows: may repeat a `row_id`; the first counts.
        tagger: who is asked about rows that carry no tags.
        cache: of whatever the tagger computes.
        progress: told how far the tagger has come.

    Returns:
        value "tags": list of str, None where flagged.

    Raises:
        ModelError: the tagger's model cannot be had.
        CacheError: a fragment of the cache is corrupt.
    """
    return annotate(
        rows,
        tagger.annotator,
        lambda chunk: tagger.tag(chunk, cache, progress),
        None,
        columns={"tags": []},
        imported=Imported(INSTAG_IMPORT, imported_tags),
        chunk_rows=_ROWS_PER_CALL,
    )

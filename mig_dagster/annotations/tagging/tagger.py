"""Tags: what a row's instruction asks for and is about, by whichever tagger."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from mig_dagster.annotations.annotator import Annotations, Annotator, Batch, Row
from mig_dagster.annotations.cache import FragmentCache
from mig_dagster.annotations.engine import annotate
from mig_dagster.annotations.imports import TAG_IMPORTS, imported_first
from mig_dagster.annotations.scoring import OnTokens

_ROWS_PER_CALL = 100_000  # taggers sort by length what they get at once, and flush by the clock: much is good


class Tagger(Protocol):
    """Who gives tags."""

    @property
    def annotator(self) -> Annotator:
        """Who speaks; known without loading a model."""

    def tag(self, rows: Sequence[Row], cache: FragmentCache | None = None, progress: OnTokens | None = None) -> Batch:
        """Return column "tags": a list of str per row, None where flagged.

        Args:
            rows: distinct.
            cache: what it knows is not computed again, what is computed is kept there as it comes.
            progress: told now and then.
        """


def tag_rows(
    rows: Iterable[Row],
    tagger: Tagger,
    cache: FragmentCache | None = None,
    progress: OnTokens | None = None,
) -> Annotations:
    """Tag each distinct row: by the tags that came with it or with another copy of it, else by the tagger.

    Args:
        rows: may repeat a `row_id`; the first counts.
        tagger: who is asked about rows that carry no tags.
        cache: of whatever the tagger computes, and of imported tags.
        progress: told how far the tagger has come.

    Returns:
        value "tags": list of str, None where flagged; `counts` of turns, where the tagger reads each alone.

    Raises:
        ModelError: the tagger's model cannot be had.
        CacheError: a fragment of the cache is corrupt.
    """

    def ask(rest: Sequence[Row]) -> Annotations:
        # Without a cache of its own: taggers keep what they ask, and rows are put together from that.
        return annotate(
            rest,
            tagger.annotator,
            lambda chunk: tagger.tag(chunk, cache, progress),
            None,
            columns={"tags": []},
            chunk_rows=_ROWS_PER_CALL,
        )

    return imported_first(rows, TAG_IMPORTS, ask, cache)

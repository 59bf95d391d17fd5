"""Scores that know nothing of quality: the baselines of MIG's ablation, in which constant < number of tags < DEITA."""

from collections.abc import Callable, Sequence

import numpy as np

from mig_dagster.annotations.annotator import Annotations, Annotator, Row
from mig_dagster.annotations.cache import FragmentCache
from mig_dagster.annotations.quality.turns import computed
from mig_dagster.annotations.scoring import OnTokens

TagRows = Callable[[Sequence[Row]], Annotations]
"""Returns the tags of distinct rows, as `tag_rows` does."""


class ConstantScorer:
    """Gives every row 1.0, so that MIG chooses by labels alone."""

    name = "constant"

    def annotator(self, aggregation: str) -> Annotator:
        """Return who scores; the aggregation changes nothing."""
        return Annotator("constant", "constant", "1")

    def score(
        self, rows: Sequence[Row], aggregation: str, cache: FragmentCache | None, progress: OnTokens | None
    ) -> Annotations:
        """Return 1.0 for every row."""
        n = len(rows)
        return computed(rows, self.annotator(aggregation), np.ones(n), [None] * n, {})


class TagCountScorer:
    """Gives every row the number of its distinct tags.

    Two rows whose tags come from two taggers are on two scales: each score names the tagger.

    Args:
        tag: gives the tags, `partial(tag_rows, tagger=..., cache=...)` for one; what the cache knows costs nothing.
        tagger: who is asked for tags that did not come with the rows.
    """

    name = "tag_count"

    def __init__(self, tag: TagRows, tagger: Annotator) -> None:
        self._tag, self._tagger = tag, tagger

    def annotator(self, aggregation: str) -> Annotator:
        """Return who scores rows that bring no tags; the aggregation changes nothing."""
        return _counter(self._tagger)

    def score(
        self, rows: Sequence[Row], aggregation: str, cache: FragmentCache | None, progress: OnTokens | None
    ) -> Annotations:
        """Return the number of tags of every row; rows without tags have the flag of their tags."""
        tags = self._tag(rows)
        counts = [np.nan if found is None else float(len(set(found))) for found in tags.values["tags"]]
        counters = {fingerprint: _counter(tagger) for fingerprint, tagger in tags.used.items()}
        return Annotations(
            tags.row_ids,
            {"score": np.array(counts)},
            [counters[fingerprint].fingerprint for fingerprint in tags.annotators],
            ["computed"] * len(counts),
            tags.flags,
            {counter.fingerprint: counter for counter in counters.values()},
        )


def _counter(tagger: Annotator) -> Annotator:
    return Annotator("tag_count", tagger.model, tagger.revision, parameters={"tagger": tagger.fingerprint})

"""A scorer that scores nothing: only values that came with rows count."""

from collections.abc import Sequence

import numpy as np

from mig_dagster.annotations.annotator import Annotations, Annotator, Row
from mig_dagster.annotations.cache import FragmentCache
from mig_dagster.annotations.imports import not_scored
from mig_dagster.annotations.scoring import OnTokens


class ImportedScorer:
    """Flags every row that brings no score of the named scorer as `not_scored`.

    Args:
        name: "deita" or "iqs", whose scores come with published pools; or "imported:<column>".
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def annotator(self, aggregation: str) -> Annotator:
        """Return who is asked in vain."""
        return Annotator(self.name, "imported", parameters={"aggregation": aggregation})

    def score(
        self, rows: Sequence[Row], aggregation: str, cache: FragmentCache | None, progress: OnTokens | None
    ) -> Annotations:
        """Return no score for any row."""
        return not_scored(self.annotator(aggregation), {"score": np.empty(0)})(rows)

"""What the figures of a report are made from: a pool in one order, and the subsets of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import csr_array

from mig_dagster.conversation import Conversation
from mig_dagster.selection.base import Rows, Vector

ReadTexts = Callable[[pl.DataFrame], list[Conversation]]
"""Reads the conversations of rows named by `source`, `origin`, `row_id`, in that order; for some rows, not a pool."""


@dataclass(frozen=True, eq=False)
class ReportPool:
    """A pool, every part in the order of `rows`; what it lacks is None or left out.

    Attributes:
        rows: (n,) `row_id`, `source`, `origin`, `n_turns`, `n_chars`.
        scores: (n,) by name: `score` (quality), `ifd_loss`, `ifd_ppl` and each indicator; NaN where a row has none.
        scale: what `score` is, as "lexical, turn_mean"; "" where there is none.
        labels: the m labels by index.
        tags: (n, m) float64 ones: which row carries which label.
        label_graph: W (m, m), thresholded weights with the diagonal.
        embeddings: (e, d) float32, unit norm, of the e rows that have one.
        place: (n,) of each row in `embeddings`, -1 where it has none.
        tokens: (n,) tokens of all that a row says.
        tokenizer: whose they are: model and revision; "" where it is not known.
        duplicates: `mig_dagster.pool.schema.DUPLICATES`: rows that the pool left out, and which stand for them.
        texts: reads conversations.
    """

    rows: pl.DataFrame
    texts: ReadTexts
    scores: Mapping[str, Vector] = field(default_factory=dict)
    scale: str = ""
    labels: Sequence[str] = ()
    tags: csr_array | None = None
    label_graph: csr_array | None = None
    embeddings: NDArray[np.float32] | None = None
    place: Rows | None = None
    tokens: NDArray[np.int64] | None = None
    tokenizer: str = ""
    duplicates: pl.DataFrame | None = None

    @property
    def n(self) -> int:
        """Rows of the pool."""
        return self.rows.height


@dataclass(frozen=True, eq=False)
class ReportSubset:
    """A choice from the pool.

    Attributes:
        name: unique among those of the report.
        method: that chose it.
        rows: (k,) pool indices by rank.
        gains: (k,) as the method gave them.
        info: as `choose_subset` gives it: budget, options, nested, pool_rows, ...
    """

    name: str
    method: str
    rows: Rows
    gains: Vector
    info: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class ReportInputs:
    """Everything that the figures may read.

    Attributes:
        pool: the pool.
        subsets: the choices, the one that the report is about first; at least one.
    """

    pool: ReportPool
    subsets: Sequence[ReportSubset]

    @property
    def chosen(self) -> ReportSubset:
        """The subset that the report is about."""
        return self.subsets[0]

    def is_chosen(self) -> NDArray[np.bool_]:
        """Return (n,) which rows the report's subset holds."""
        flags = np.zeros(self.pool.n, np.bool_)
        flags[self.chosen.rows] = True
        return flags

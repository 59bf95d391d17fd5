"""Several indicators of each row, as columns of one signal."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

import numpy as np

from mig_dagster.annotations.annotator import Annotations, Annotator, Batch, Column, Row
from mig_dagster.annotations.cache import FragmentCache
from mig_dagster.annotations.engine import annotate, distinct_rows
from mig_dagster.annotations.scoring import OnTokens


class Indicator(Protocol):
    """A number of a row that does not depend on other rows."""

    @property
    def name(self) -> str:
        """The column, in lower case."""

    @property
    def annotator(self) -> Annotator:
        """Who gives it."""

    def measure(self, rows: Sequence[Row], cache: FragmentCache | None, progress: OnTokens | None) -> Batch:
        """Return the column `name`, float64 (n,), of distinct rows, NaN where flagged; counts are named after it."""


def indicator_rows(
    rows: Iterable[Row],
    indicators: Sequence[Indicator],
    cache: FragmentCache | None = None,
    progress: OnTokens | None = None,
) -> Annotations:
    """Measure each distinct row.

    Args:
        rows: may repeat a `row_id`; the first counts.
        indicators: each gives a column of its name.
        cache: of what each indicator computes.
        progress: called after each batch of an indicator's model.

    Returns:
        float64 (n,) for each indicator, `partial`: NaN where one has no value, the others of the row stand. The flag of
        a row is that of the first indicator without a value, in the order given.

    Raises:
        ValueError: no indicator, or two of one name.
        ModelError: a model cannot be had.
        CacheError: a fragment of the cache is corrupt.
    """
    _check_names([indicator.name for indicator in indicators])
    distinct = distinct_rows(rows)
    values: dict[str, Column] = {}
    flags: list[str | None] = [None] * len(distinct)
    counts: Counter[str] = Counter()
    for indicator in indicators:
        measured = indicator.measure(distinct, cache, progress)
        values[indicator.name] = measured.columns[indicator.name]
        flags = [flag or new for flag, new in zip(flags, measured.flags, strict=True)]
        counts.update(measured.counts)
    annotator = indicators_annotator(indicators)
    return Annotations(
        [row.row_id for row in distinct],
        values,
        [annotator.fingerprint] * len(distinct),
        ["computed"] * len(distinct),
        flags,
        {annotator.fingerprint: annotator} if distinct else {},
        partial=True,
        counts=dict(counts),
    )


def indicators_annotator(indicators: Sequence[Indicator]) -> Annotator:
    """Return who several indicators are together: all that each depends on, by its name."""
    parameters = {indicator.name: indicator.annotator.as_dict() for indicator in indicators}
    return Annotator("indicators", ", ".join(parameters), parameters=parameters)


def measure_by_rule(
    name: str,
    annotator: Annotator,
    rule: Callable[[Sequence[Row]], list[float]],
    rows: Sequence[Row],
    cache: FragmentCache | None,
) -> Batch:
    """Return what a rule says of distinct rows, from the cache where it knows them.

    Args:
        name: the column.
        annotator: who the rule is.
        rule: gives a number for each row, NaN where its text is empty.
        rows: distinct.
        cache: of values by row.
    """

    def compute(chunk: Sequence[Row]) -> Batch:
        found = np.array(rule(chunk), np.float64)
        return Batch({name: found}, ["empty_text" if np.isnan(value) else None for value in found])

    made = annotate(rows, annotator, compute, cache, columns={name: np.empty(0)})
    return Batch(made.values, made.flags)


def _check_names(names: Sequence[str]) -> None:
    if not names:
        raise ValueError("indicators must hold at least one, got none")
    repeated = [name for name, times in Counter(names).items() if times > 1]
    if repeated:
        raise ValueError(f"indicators must have different names, got {repeated[0]!r} twice: leave one out")

"""Numbers of several groups counted in the same bins, so that the page draws some dozens of steps for any pool."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mig_dagster.selection.base import Vector

BINS = 40
"""Bins between the two that hold what lies outside."""

RANGE = (0.5, 99.5)
"""Percentiles of the pool between which the bins lie."""


@dataclass(frozen=True, eq=False)
class Bins:
    """Where numbers are counted.

    Attributes:
        edges: (b + 1,) ascending; a number at an inner edge counts above it.
        log: the bins are as wide as each other on a logarithmic scale.
        below: the first bin holds everything below its right edge.
        above: the last bin holds everything from its left edge on.
    """

    edges: Vector
    log: bool = False
    below: bool = False
    above: bool = False

    def count(self, values: Vector) -> NDArray[np.int64]:
        """Return (b,) how many of some finite numbers lie in each bin."""
        # Without the outermost edges, what lies beyond falls into the outermost bins.
        return np.bincount(np.searchsorted(self.edges[1:-1], values, side="right"), minlength=len(self.edges) - 1)


def common_bins(values: Vector, *, log: bool = False) -> Bins:
    """Return bins over all but the outermost percent of the numbers, and one at either end for what lies outside.

    A bin at the end is left out where nothing lies outside. Whole numbers of a small range have a bin each.

    Args:
        values: (n,) finite, at least one; above 0 where `log`.
        log: bins of equal width on a logarithmic scale.
    """
    low, high = (float(number) for number in np.percentile(values, RANGE, method="nearest"))
    if not log and high - low < BINS and np.array_equal(values, np.round(values)):
        edges = np.arange(low - 0.5, high + 1)
    else:
        edges = _spread(low, high, log)
    below, above = bool(values.min() < edges[0]), bool(values.max() > edges[-1])
    step = edges[1] / edges[0] if log else edges[1] - edges[0]
    first = [edges[0] / step if log else edges[0] - step] if below else []
    last = [edges[-1] * step if log else edges[-1] + step] if above else []
    return Bins(np.concatenate([first, edges, last]), log, below, above)


def _spread(low: float, high: float, log: bool) -> Vector:
    """Return the edges of equal bins from low to high, or around a single number."""
    apart = high - low > 1e-9 * max(abs(low), abs(high))  # else edges would fall together
    if log:
        return np.geomspace(low, high, BINS + 1) if apart else np.geomspace(low / 2, low * 2, BINS + 1)
    around = max(abs(low), 1.0) / 2
    return np.linspace(low, high, BINS + 1) if apart else np.linspace(low - around, low + around, BINS + 1)

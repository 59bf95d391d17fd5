"""One pass over the whole pool: which rows can still gain most, given what the labels are worth now."""

import math
from typing import Protocol

import numpy as np
from scipy.sparse import csr_array

from mig_dagster.selection.base import Rows, Vector

Key = tuple[float, int]
"""(-gain, row): the smallest key is the row to take, of equal gains the lowest row."""


NONE_LEFT_OUT: Key = (math.inf, 0)


class PoolScan(Protocol):
    """An upper limit on every row's gain, and the rows whose limits are highest."""

    def highest(self, worth: Vector, count: int) -> tuple[Rows, Vector, Key]:
        """Return the `count` rows of smallest key, their limits, and the key that no row left out comes before.

        Args:
            worth: (m,) what a row with weight 1 gains for carrying a label, first order.
            count: how many rows; fewer come back when fewer are left.
        """

    def limit(self, rows: Rows, limits: Vector | float) -> None:
        """Set the limits of `rows`; a row with a limit below 0 is out."""


class NumpyScan:
    """The pool in CSR; a pass is one sparse matrix-vector product.

    Args:
        tags: (n, m) float64 ones, canonical.
        weights: (n,) what a row gives each of its labels.
        limits: (n,) limits known from the start; infinity where there is none. Taken over, and changed.
        slack: at least 1, what a first-order gain is multiplied with to become a limit.
    """

    def __init__(self, tags: csr_array, weights: Vector, limits: Vector, slack: float) -> None:
        self.tags, self.weights, self.limits, self.slack = tags, weights, limits, slack

    def highest(self, worth: Vector, count: int) -> tuple[Rows, Vector, Key]:
        """Return the `count` rows of smallest key, their limits, and the key that no row left out comes before."""
        gains = self.tags @ worth  # each row adds its labels in ascending order, as the greedy loop does
        gains *= self.weights
        gains *= self.slack
        np.minimum(gains, self.limits, out=gains)
        if count >= len(gains):
            rows = np.flatnonzero(gains >= 0)
            return rows, gains[rows], NONE_LEFT_OUT
        threshold = np.partition(gains, -count)[-count]
        above = np.flatnonzero(gains > threshold)
        level = np.flatnonzero(gains == threshold)[: count - len(above)]
        rows = np.concatenate([above, level])
        limits = gains[rows]
        return rows[limits >= 0], limits[limits >= 0], (-float(threshold), int(level[-1]))

    def limit(self, rows: Rows, limits: Vector | float) -> None:
        """Set the limits of `rows`; a row with a limit below 0 is out."""
        self.limits[rows] = limits

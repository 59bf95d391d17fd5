"""The passes over the pool in torch: on a GPU they stay in its memory, a pool of 1e8 rows costs milliseconds.

The steps between two passes touch a few labels each and stay on the host (`lazy_greedy`): on a GPU every one of them
would cost more than it does here. Limits are the same float64 numbers as numpy's, added in the same order, so the rows
are the same to the last tie, on any device.
"""

import numpy as np
import torch
from scipy.sparse import csr_array

from mig_dagster.selection.base import Rows, Vector
from mig_dagster.selection.devices import check_device
from mig_dagster.selection.pool_scan import NONE_LEFT_OUT, Key


class TorchScan:
    """The pool as jagged diagonals: the first label of every row, the second label of every row that has two, ...

    Args:
        tags: (n, m) ones, canonical.
        weights: (n,) what a row gives each of its labels.
        limits: (n,) limits known from the start; infinity where there is none.
        slack: at least 1, what a first-order gain is multiplied with to become a limit.
        device: "cpu", "cuda" or "cuda:<number>".

    Raises:
        ValueError: if there is no such device.
    """

    def __init__(self, tags: csr_array, weights: Vector, limits: Vector, slack: float, device: str) -> None:
        self.device = check_device(device)
        self.slack = slack
        counts = np.diff(tags.indptr)
        order = np.argsort(-counts, kind="stable")  # rows with most labels first: each diagonal is a prefix
        self.order = self._put(order)
        self.weights = self._put(weights[order])
        self.limits = self._put(limits)
        longest = int(counts.max(initial=0))
        lengths = np.searchsorted(-counts[order], -np.arange(longest))
        starts = tags.indptr[order]
        self.diagonals = [self._put(tags.indices[starts[:length] + at]) for at, length in enumerate(lengths)]

    def highest(self, worth: Vector, count: int) -> tuple[Rows, Vector, Key]:
        """Return the `count` rows of smallest key, their limits, and the key that no row left out comes before."""
        each = self._put(worth)
        ordered = torch.zeros_like(self.weights)
        for labels in self.diagonals:
            ordered[: len(labels)] += torch.index_select(each, 0, labels)
        ordered *= self.weights
        ordered *= self.slack
        gains = torch.empty_like(ordered)
        gains[self.order] = ordered
        gains = torch.minimum(gains, self.limits)
        if count >= len(gains):
            rows = torch.nonzero(gains >= 0).flatten()
            return rows.cpu().numpy(), gains[rows].cpu().numpy(), NONE_LEFT_OUT
        threshold = torch.topk(gains, count).values[-1]
        above = torch.nonzero(gains > threshold).flatten()
        level = torch.nonzero(gains == threshold).flatten()[: count - len(above)]
        rows = torch.cat([above, level])
        rows = rows[gains[rows] >= 0]
        return rows.cpu().numpy(), gains[rows].cpu().numpy(), (-float(threshold), int(level[-1]))

    def limit(self, rows: Rows, limits: Vector | float) -> None:
        """Set the limits of `rows`; a row with a limit below 0 is out."""
        self.limits[self._put(rows)] = self._put(np.broadcast_to(np.asarray(limits, np.float64), rows.shape))

    def _put(self, array: np.ndarray) -> torch.Tensor:
        return torch.tensor(array, device=self.device)

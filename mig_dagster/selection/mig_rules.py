"""The two gain rules of MIG, on plain lists: a step touches a few labels, too few for array operations to pay."""

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from mig_dagster.selection.base import Rows, Vector
from mig_dagster.selection.concave import Phi

TINY = 1e-290  # gains below this are taken for 0: the rounding of subnormal numbers is not relative

Shares = tuple[list[int], list[float]]
"""Labels, and how much each is told."""


def information(tags: csr_array, weights: Vector, propagation: csr_array) -> csr_array:
    """Return v P (n, m): what each row tells every label, v being `weights` where `tags` is 1."""
    shares = csr_array(tags @ propagation)
    shares.sort_indices()
    shares.data *= np.repeat(weights, np.diff(shares.indptr))
    return shares


class Knowledge:
    """What the rows taken so far have told each label, and what telling it more is worth.

    A worth is summed anew in one fixed order, never updated by differences, and slopes are never let rise; rounding is
    monotone, so computed first-order gains never rise either, to the last bit.

    Args:
        propagation: P (m, m), see `propagation`.
        phi: the concave function.
    """

    def __init__(self, propagation: csr_array, phi: Phi) -> None:
        m = propagation.shape[0]
        self.propagation, self.phi = propagation, phi
        self.known = [0.0] * m
        self.slopes = [phi.slope(0.0)] * m
        self.worth = [0.0] * m
        self.island: list[int] = connected_components(propagation, directed=False)[1].tolist()
        self.step = 0  # rows taken so far
        self.changed = [0] * m  # by island: the step that last told it something
        self.renewed = [-1] * m  # by label: the step its worth is from
        self._receivers = [_shares(propagation, label) for label in range(m)]

    def tell(self, shares: Shares) -> None:
        """Add a row's shares to what is known."""
        known, slopes, slope = self.known, self.slopes, self.phi.slope
        changed, island = self.changed, self.island
        self.step = step = self.step + 1
        for label, share in zip(*shares, strict=True):
            known[label] += share
            now = slope(known[label])
            if now < slopes[label]:
                slopes[label] = now
            changed[island[label]] = step

    def renew(self, label: int) -> None:
        """Bring the worth of a label up to date."""
        slopes = self.slopes
        total = 0.0
        for receiver, share in zip(*self._receivers[label], strict=True):
            total += share * slopes[receiver]  # Eq. 10, as the chain rule gives it
        self.worth[label] = total
        self.renewed[label] = self.step

    def worths(self) -> Vector:
        """Return (m,) what a row of weight 1 gains for carrying each label, first order."""
        for label, island in enumerate(self.island):
            if self.renewed[label] < self.changed[island]:
                self.renew(label)
        return np.array(self.worth, np.float64)


class Gradient:
    """The reference's rule: the gain of a row is <v P, phi'(x)>, with the slope before the row is taken.

    Args:
        tags: (n, m) float64 ones, canonical.
        weights: (n,) what a row gives each of its labels.
        knowledge: the state to start from.
    """

    slack = 1.0

    def __init__(self, tags: csr_array, weights: Vector, knowledge: Knowledge) -> None:
        self.tags, self.weights, self.knowledge = tags, weights, knowledge
        self._hot: dict[int, tuple[float, list[int], int]] = {}
        self._shares = tags[:0]

    def worth(self) -> Vector:
        """Return (m,) what a row of weight 1 gains for carrying each label, first order, now."""
        return self.knowledge.worths()

    def attach(self, rows: Rows, limits: Vector) -> Vector:
        """Make `rows` ready for `gain`; their limits are their gains already."""
        part, weights = self.tags[rows], self.weights[rows]
        self._shares = information(part, weights, self.knowledge.propagation)
        starts, labels = part.indptr.tolist(), part.indices.tolist()
        places = enumerate(zip(rows.tolist(), weights.tolist(), strict=True))
        self._hot = {row: (weight, labels[starts[at] : starts[at + 1]], at) for at, (row, weight) in places}
        return limits

    def gain(self, row: int) -> float:
        """Return the row's first-order gain, now."""
        knowledge = self.knowledge
        worth, renewed, changed, island = knowledge.worth, knowledge.renewed, knowledge.changed, knowledge.island
        weight, labels, _ = self._hot[row]
        total = 0.0
        for label in labels:
            if renewed[label] < changed[island[label]]:
                knowledge.renew(label)
            total += worth[label]
        return weight * total  # Eq. 11

    def take(self, row: int) -> None:
        """Take a row: what is known grows."""
        self.knowledge.tell(_shares(self._shares, self._hot[row][2]))

    def repeat(self, row: int, twin: int) -> None:
        """Make `twin`, a row of the same labels and weight, ready for `gain` too."""
        self._hot[twin] = self._hot[row]


class Exact:
    """The paper's rule: the gain of a row is E(S + row) - E(S); first-order gains are limits on it (phi is concave).

    Args:
        tags: (n, m) float64 ones, canonical.
        weights: (n,) what a row gives each of its labels.
        knowledge: the state to start from.
    """

    slack = 1 + 1e-11  # more than the rounding of a sum over some thousand labels

    def __init__(self, tags: csr_array, weights: Vector, knowledge: Knowledge) -> None:
        self.tags, self.weights, self.knowledge = tags, weights, knowledge
        self._at: dict[int, int] = {}
        self._hot: dict[int, Shares] = {}
        self._shares = tags[:0]

    def worth(self) -> Vector:
        """Return (m,) what a row of weight 1 gains for carrying each label, first order, now."""
        return self.knowledge.worths()

    def attach(self, rows: Rows, limits: Vector) -> Vector:
        """Make `rows` ready for `gain`, and score them all at once: a pass leaves many limits far too high."""
        shares = information(self.tags[rows], self.weights[rows], self.knowledge.propagation)
        self._shares, self._hot = shares, {}
        self._at = dict(zip(rows.tolist(), range(len(rows)), strict=True))
        known = np.array(self.knowledge.known, np.float64)[shares.indices]
        owners = np.repeat(np.arange(len(rows)), np.diff(shares.indptr))
        gains = np.bincount(owners, self.knowledge.phi.gains(known, shares.data), minlength=len(rows))
        lower: Vector = np.minimum(limits, gains * self.slack)
        return lower

    def gain(self, row: int) -> float:
        """Return the row's true gain, now."""
        shares = self._hot.get(row)
        if shares is None:
            shares = self._hot[row] = _shares(self._shares, self._at[row])
        total = self.knowledge.phi.gain(self.knowledge.known, *shares)  # Eq. 9
        return total if total > TINY else 0.0

    def take(self, row: int) -> None:
        """Take a row: what is known grows."""
        self.knowledge.tell(_shares(self._shares, self._at[row]))

    def repeat(self, row: int, twin: int) -> None:
        """Make `twin`, a row of the same labels and weight, ready for `gain` too."""
        self._at[twin] = self._at[row]


def _shares(rows: csr_array, at: int) -> Shares:
    part = slice(rows.indptr[at], rows.indptr[at + 1])
    return rows.indices[part].tolist(), rows.data[part].tolist()

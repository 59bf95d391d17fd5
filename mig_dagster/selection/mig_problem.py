"""MIG's inputs, checked and in the form the algorithm works on; and MIG's objective for any choice of rows."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse import csr_array

from mig_dagster.selection.arguments import check_matrix, check_number, check_rows, check_scores
from mig_dagster.selection.base import Rows, Vector
from mig_dagster.selection.concave import Exp, Phi, Pow
from mig_dagster.selection.propagation import propagation
from mig_dagster.selection.tag_matrix import check_tags

PhiType = Literal["pow", "exp"]

SMALLEST_FLOOR = 1e-300  # phi'(0) overflows not far below
STEEP = {"pow": ("phi_a", "raise"), "exp": ("phi_alpha", "lower")}
"""What makes a phi steep at 0, and how to make it less so."""


@dataclass(frozen=True, eq=False)
class Problem:
    """What MIG maximises over.

    Attributes:
        tags: (n, m) ones in canonical form; with `weights`, the paper's raw information vectors v.
        weights: (n,) what a row gives each of its labels: its score, or the score over its number of labels.
        propagation: P (m, m), see `propagation`.
        phi: the concave function.
    """

    tags: csr_array
    weights: Vector
    propagation: csr_array
    phi: Phi

    def value(self, rows: Rows) -> float:
        """Return E(rows) = sum over labels of phi(x) - phi(0), x being what the rows tell the label together."""
        weights = np.zeros_like(self.weights)
        weights[rows] = self.weights[rows]
        with np.errstate(over="ignore"):
            told = (weights @ self.tags) @ self.propagation
            return float(self.phi.gains(np.zeros_like(told), told).sum())


def problem(
    *,
    tags: Any,
    quality_scores: ArrayLike,
    label_graph: Any,
    phi_type: PhiType,
    phi_alpha: float,
    phi_a: float,
    phi_b: float,
    prop_weight: float,
    norm: bool,
) -> Problem:
    """Return MIG's inputs checked; the arguments are those of `mig`.

    Raises:
        ValueError: naming the argument, its value and what to do.
    """
    phi = _phi(phi_type, phi_alpha, phi_a, phi_b)
    rows, counts = check_tags(tags)
    remedy = "add a constant to all scores, or leave such rows out of the pool"
    scores = check_scores(quality_scores, rows.shape[0], remedy=remedy)
    graph = csr_array(check_matrix(label_graph, "label_graph"), dtype=np.float64)
    if graph.shape != (rows.shape[1], rows.shape[1]):
        raise ValueError(f"label_graph must be labels by labels as tags has {rows.shape[1]}, got shape {graph.shape}")
    shares = propagation(graph, prop_weight)
    bare = np.flatnonzero((np.bincount(rows.indices, minlength=rows.shape[1]) > 0) & (graph.diagonal() <= 0))
    if len(bare):
        raise ValueError(
            f"label_graph must keep its diagonal, got weight 0 between label {bare[0]} and itself ({len(bare)} such "
            "labels in the pool), so its column cannot be normalised; set the diagonal to 1"
        )
    checked = Problem(rows, scores / np.maximum(counts, 1) if norm else scores, shares, phi)
    _check_sums(checked, scores, phi_type, {"phi_a": phi_a, "phi_alpha": phi_alpha})
    return checked


def _check_sums(checked: Problem, scores: Vector, phi_type: PhiType, options: dict[str, float]) -> None:
    """Refuse scores, or a phi, with which a sum is infinite."""
    with np.errstate(over="ignore"):
        told = float(((checked.weights @ checked.tags) @ checked.propagation).sum())
    if not math.isfinite(told):
        raise ValueError(f"quality_scores are too large to add up, got {scores.max()}; divide them by a constant")
    first = checked.phi.slope(0.0) * told  # the first-order gains of all rows at the start, the highest of all
    if not (math.isfinite(first) and math.isfinite(checked.value(np.arange(len(scores))))):
        steep, change = STEEP[phi_type]
        raise ValueError(
            f"{steep}={options[steep]} makes gains of quality_scores up to {scores.max()} infinite; "
            f"{change} {steep} or divide quality_scores by a constant"
        )


def objective(
    rows: ArrayLike,
    *,
    tags: Any,
    quality_scores: ArrayLike,
    label_graph: Any,
    phi_type: PhiType = "pow",
    phi_alpha: float = 1.0,
    phi_a: float = 1e-6,
    phi_b: float = 0.8,
    prop_weight: float = 1.0,
    norm: bool = False,
) -> float:
    """Return MIG's objective for any set of rows, whoever chose them: E(S) = sum over labels of phi(x) - phi(0).

    Args:
        rows: (k,) distinct pool indices; their order does not matter.
        tags: see `mig`, like all that follow.
        quality_scores: (n,)
        label_graph: (m, m)
        phi_type: option
        phi_alpha: option
        phi_a: option
        phi_b: option
        prop_weight: option
        norm: option

    Raises:
        ValueError: if a row is repeated or not in the pool, or as `mig` does.
    """
    given = problem(
        tags=tags,
        quality_scores=quality_scores,
        label_graph=label_graph,
        phi_type=phi_type,
        phi_alpha=phi_alpha,
        phi_a=phi_a,
        phi_b=phi_b,
        prop_weight=prop_weight,
        norm=norm,
    )
    return given.value(_distinct(check_rows(rows, given.tags.shape[0])))


def _distinct(rows: Rows) -> Rows:
    if len(np.unique(rows)) < len(rows):
        raise ValueError(f"rows must be distinct, got {len(rows) - len(np.unique(rows))} repeated")
    return rows


def _phi(phi_type: str, alpha: float, floor: float, exponent: float) -> Phi:
    kinds: dict[str, Callable[[], Phi]] = {"pow": lambda: Pow(exponent, floor), "exp": lambda: Exp(alpha)}
    if phi_type not in kinds:
        raise ValueError(f"phi_type must be one of {sorted(kinds)}, got {phi_type!r}")
    exponent = check_number(exponent, "phi_b", above=0, most=1, remedy="phi is concave and increasing there")
    floor = check_number(floor, "phi_a", least=SMALLEST_FLOOR, remedy="phi' at 0 needs it")
    alpha = check_number(alpha, "phi_alpha", above=0)
    return kinds[phi_type]()

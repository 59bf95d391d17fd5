"""MIG: k times, take the row that adds most information to the label graph.

Paper       Chen et al. 2025, "MIG: Automatic Data Selection for Instruction Tuning by Maximizing Information Gain in
            Semantic Space", arXiv:2504.13835, section 3; defaults from its appendix A.1
Reference   xsample/MIG @ 7ad6af1, mig/sampler.py, MIGSampler (unlicensed: reimplemented from the formulas)
Departures  From the paper:
            - gain="gradient" ranks by A' phi'(A e) where Eq. 10 prints A phi'(A e): the chain rule, as the reference
              has it (test_golden_picks_of_the_reference);
            - phi is (x + 1e-6) ** 0.8 as in the reference, because phi'(0) of x ** 0.8 is infinite
              (test_step_gains_of_the_worked_example);
            - `norm` is the reference's, not in the paper (test_norm_divides_by_all_entries_even_repeated_ones).
            From the reference:
            - float64, not float32: the order can differ between rows whose gains agree to 1e-6
              (test_golden_picks_of_the_reference);
            - rows are scored lazily, a few thousand at a time; same rows
              (test_lazy_equals_scoring_every_row_in_the_same_arithmetic);
            - gain="exact" is new: the paper's own Eq. 9 (test_exact_equals_greedy_on_the_objective);
            - k = n works, k > n, negative or missing scores and broken graphs are errors (test_mig_arguments.py).

Paper    Here                   Shape
d        a row                              0..n-1
v_d      tags * weights         (n, m)  what a row says of its own labels; weights = scores, over |L_d| with `norm`
w        label_graph            (m, m)  W, weights of edges, diagonal included
A'       propagation            (m, m)  P: `tags_row @ P` is what a row tells every label
x        known                  (m,)    A sum of e: what the rows taken so far have told each label
phi      phi                            concave: the second row about a label is worth less
G        worth                  (m,)    P phi'(x): what naming a label is worth now
"""

import warnings
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse import csr_array

from mig_dagster.selection.arguments import check_k
from mig_dagster.selection.base import Selection, SelectionWarning, Vector, method
from mig_dagster.selection.lazy_greedy import lazy_greedy
from mig_dagster.selection.mig_problem import PhiType, Problem, problem
from mig_dagster.selection.mig_rules import Exact, Gradient, Knowledge
from mig_dagster.selection.pool_scan import NumpyScan, PoolScan
from mig_dagster.selection.twins import next_twins

RULES: dict[str, type[Gradient] | type[Exact]] = {"gradient": Gradient, "exact": Exact}


@method
def mig(
    k: int,
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
    gain: Literal["gradient", "exact"] = "gradient",
    device: str | None = None,
) -> Selection:
    """Choose rows that together tell the label graph most.

    Of rows with equal gain the lowest is taken; a row without labels gains 0 and comes last. The choice for k is the
    start of the choice for any larger k. Inputs are not changed.

    Args:
        k: how many rows, 0..n.
        tags: (n, m) sparse or dense, 1 where the row carries the label. Repeated entries count once.
        quality_scores: (n,) finite, at least 0.
        label_graph: W (m, m), sparse or dense, thresholded weights of at least 0 with the diagonal.
        phi_type: "pow": phi(x) = (x + phi_a) ** phi_b; "exp": phi(x) = 1 - exp(-phi_alpha * x).
        phi_alpha: of "exp", above 0.
        phi_a: of "pow", above 0: keeps phi'(0) finite.
        phi_b: of "pow", in (0, 1]; 1 ignores what is already known.
        prop_weight: weight of the edges against the diagonal, at least 0; 0 keeps information at the row's own labels.
        norm: divide a row's score among its labels, repeated entries included.
        gain: "gradient", the reference's first-order rule; "exact", the true increase of the objective, which has the
            (1 - 1/e) guarantee and does much better where k is below 2 m.
        device: None for numpy; "cpu", "cuda" or "cuda:0" to pass over the pool in torch. Same rows, same gains.

    Returns:
        (k,) rows in the order taken; the gains that ranked them (first-order ones under "gradient", which overstate
        what a row adds); and as `objective` the true E(S) = sum over labels of phi(x) - phi(0), under either rule.

    Raises:
        ValueError: naming the argument, its value and what to do. TypeError where `k` is no whole number, or an option
            or what an input holds is no real number.

    Warns:
        SelectionWarning: under "gradient" when 0 < k < 2 m, m being the labels that occur in the pool, and k < n.
    """
    if gain not in RULES:
        raise ValueError(f"gain must be one of {sorted(RULES)}, got {gain!r}")
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
    k = check_k(k, given.tags.shape[0])
    labels = int(np.count_nonzero(np.bincount(given.tags.indices)))
    if gain == "gradient" and 0 < k < min(2 * labels, given.tags.shape[0]):
        warnings.warn(
            f"k={k} is less than twice the {labels} labels of the pool: there the gradient rule was found to reach "
            'only about 75 to 90 % of the information that gain="exact" reaches; pass gain="exact"',
            SelectionWarning,
            stacklevel=2,
        )
    rule = RULES[gain](given.tags, given.weights, Knowledge(given.propagation, given.phi))
    limits = np.full(len(given.weights), np.inf) if gain == "gradient" else first_limits(given) * rule.slack
    twins = next_twins(given.tags, given.weights)
    rows, gains, near_ties = lazy_greedy(k, rule, scan_of(given.tags, given.weights, limits, rule.slack, device), twins)
    return Selection(rows, gains, objective=given.value(rows), near_ties=near_ties)


def first_limits(given: Problem) -> Vector:
    """Return limits on the true gains of all rows at the start, where first-order ones are some ten times too high.

    phi(x + y) - phi(0) is at most the sum for x and y alone, and phi(s) - phi(0) at most c s ** p, so score and labels
    separate: one number per label, one product for all rows.
    """
    scale, power = given.phi.ceiling()
    shares = given.propagation.copy()
    shares.data **= power
    limits: Vector = given.tags @ (shares @ np.ones(shares.shape[1]))
    return scale * limits * np.where(given.weights > 0, given.weights**power, 0.0)


def scan_of(tags: csr_array, weights: Vector, limits: Vector, slack: float, device: str | None) -> PoolScan:
    """Return what passes over a pool: in numpy, or in torch where a device is named; arguments as of `NumpyScan`."""
    if device is None:
        return NumpyScan(tags, weights, limits, slack)
    from mig_dagster.selection.mig_torch import TorchScan  # torch takes seconds to import, and few ask for it

    return TorchScan(tags, weights, limits, slack, device)

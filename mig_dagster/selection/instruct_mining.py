"""InstructMining: take the rows from which the model is expected to lose least.

Paper       Cao et al. 2023, "Instruction Mining: Instruction Data Selection for Tuning Large Language Models",
            arXiv:2307.06290. The rule of version 1 is its equation as published; that of version 2 and 3 was read in
            secondary sources only ([2nd]; two agree), among them the + sign of Und
Reference   none was published; a third-party reimplementation has v1 with the constant 1.0684, which changes no choice
Departures  From the paper:
            - n is `k`: the search for the subset size (BlendSearch over fine-tuning runs) is no part of this;
            - rule="fitted" takes coefficients of one's own: the published ones belong to one reward model, one
              tokenizer and one way to measure neighbours, so other models call for `fit_rule`
              (test_a_fitted_rule_is_its_own_coefficients);
            - ties go to the lowest row, the paper leaves them open (test_rows_of_equal_loss_come_in_pool_order).

Paper           Here                          Shape
I_i             indicators[name]    (n,)      of a row where it chooses, dataset means where a rule is fitted
beta_i, beta_0  coefficients        by name   RULES[rule].coefficients; beta_0 is "constant"
log L           expected_loss       (n,)      log of the loss on the evaluation set, per row; low is good
Knn_i           indicators["knn_6"] (n,)      `mig_dagster.selection.neighbours.knn_distances`, i = 6
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from mig_dagster.selection.arguments import check_k, check_numbers
from mig_dagster.selection.base import Selection, Vector, method
from mig_dagster.selection.indicator_names import CONSTANT, INDICATORS, by_name
from mig_dagster.selection.top_k import near_ranks, top_k


@dataclass(frozen=True)
class PublishedRule:
    """A rule with the numbers of its authors.

    Attributes:
        coefficients: indicator or "constant" -> coefficient.
        source: where each of the numbers was read.
    """

    coefficients: Mapping[str, float]
    source: str


RULES: dict[str, PublishedRule] = {
    "v1": PublishedRule(
        {CONSTANT: 1.0694, "rew": -0.1498, "len": 8.257e-5, "knn_6": -0.9350},
        "arXiv:2307.06290v1, the estimated rule; all four numbers",
    ),
    "v2": PublishedRule(
        {CONSTANT: 0.0274, "rew": -0.0078, "und": 0.4421, "nat": -0.3212, "coh": -0.1520},
        "arXiv:2307.06290v2 and v3 by secondary sources [2nd]: all five numbers and the + sign of Und are as found "
        "there, not checked against the paper",
    ),
}
"""The published rules, by version of the paper. A number that turns out otherwise becomes a new entry."""


@method
def instruct_mining(
    k: int,
    *,
    indicators: Mapping[str, ArrayLike],
    rule: Literal["v1", "v2", "fitted"] = "v1",
    coefficients: dict[str, float] | None = None,
) -> Selection:
    """Choose the rows with the smallest expected loss by a linear rule of a few indicators.

    Of rows with equal loss the lowest is taken. The choice for k is the start of the choice for any larger k. Inputs
    are not changed. Time is O(n) after the indicators.

    Args:
        k: how many rows, 0..n.
        indicators: name in any case -> (n,) finite. Canonical names: rew, len, knn_6, und, nat, coh, ppl, mtld; v1
            needs rew, len and knn_6, v2 rew, und, nat and coh. Those that the rule does not use are not looked at.
        rule: "v1" or "v2", as published; "fitted" takes `coefficients`.
        coefficients: of "fitted" only: indicator in any case -> number, and "constant", as `fit_rule` gives them.

    Returns:
        (k,) rows from the smallest expected loss up; the gain of a row is minus its expected loss.

    Raises:
        ValueError: naming the argument, its value and what to do, as `expected_loss`. TypeError where `k` is no whole
            number.
    """
    loss = expected_loss(indicators, rule=rule, coefficients=coefficients)
    rows = top_k(check_k(k, len(loss)), -loss)
    return Selection(rows, -loss[rows], near_ties=near_ranks(-loss, rows))


def expected_loss(
    indicators: Mapping[str, ArrayLike],
    *,
    rule: Literal["v1", "v2", "fitted"] = "v1",
    coefficients: dict[str, float] | None = None,
) -> Vector:
    """Return log L = beta_0 + sum of beta_i I_i for each row, float64 (n,). Arguments as `instruct_mining`.

    Raises:
        ValueError: unknown rule, coefficients with a published rule or none with "fitted", an indicator that the rule
            uses is missing, has another length than the others, or holds NaN or an infinity, or a loss is not finite.
    """
    weights, columns = linear_rule(indicators, rule, coefficients)
    constant = weights.pop(CONSTANT)
    loss = np.full(len(next(iter(columns.values()))), constant)
    with np.errstate(over="ignore", invalid="ignore"):
        for name, values in columns.items():
            loss += weights[name] * values
    wrong = np.flatnonzero(~np.isfinite(loss))
    if len(wrong):
        row = int(wrong[0])
        largest = max(columns, key=lambda name: abs(weights[name]) * abs(float(columns[name][row])))
        raise ValueError(
            f"the expected loss must be finite, got {loss[row]} at row {row} ({len(wrong)} such rows), most of it from "
            f"indicators[{largest!r}], {columns[largest][row]} there, times its coefficient {weights[largest]}; give "
            "the indicator in a larger unit, or leave such rows out of the pool"
        )
    return loss


def linear_rule(
    indicators: Mapping[str, ArrayLike], rule: str, coefficients: dict[str, float] | None
) -> tuple[dict[str, float], dict[str, Vector]]:
    """Return the coefficients of a rule, "constant" among them, and the indicators it uses; by canonical name.

    Raises:
        ValueError: as `expected_loss`, whose arguments these are, but for a loss that is not finite.
    """
    weights = _coefficients(rule, coefficients)
    used = {name: weight for name, weight in weights.items() if name != CONSTANT}
    return weights, _columns(by_name(indicators, "indicators"), used, rule)


def _coefficients(rule: str, given: dict[str, float] | None) -> dict[str, float]:
    """Return the rule's coefficients by canonical name, "constant" among them and at least one indicator."""
    if rule in RULES:
        if given is not None:
            raise ValueError(
                f'coefficients must be None with rule={rule!r}, which has its own, got {given}; pass rule="fitted"'
            )
        return dict(RULES[rule].coefficients)
    if rule != "fitted":
        raise ValueError(f"rule must be one of {[*RULES, 'fitted']}, got {rule!r}")
    if given is None:
        raise ValueError('coefficients must be given with rule="fitted": pass fit_rule(...).coefficients')
    named = by_name(given, "coefficients")
    if CONSTANT not in named or len(named) == 1:
        raise ValueError(
            f'coefficients must hold "constant" and at least one indicator, got {sorted(named)}; '
            '"constant": 0.0 will do where only the order of rows matters'
        )
    values = check_numbers(list(named.values()), len(named), "coefficients")
    return dict(zip(named, values.tolist(), strict=True))


def _columns(named: Mapping[str, ArrayLike], weights: Mapping[str, float], rule: str) -> dict[str, Vector]:
    """Return the indicators that the rule uses, all of one length."""
    missing = [name for name in weights if name not in named]
    if missing:
        wanted = "; ".join(f"{name} is {INDICATORS.get(name, 'an indicator of your own')}" for name in missing)
        raise ValueError(
            f"indicators must hold {', '.join(weights)} for rule={rule!r}, {', '.join(missing)} missing, got "
            f"{', '.join(sorted(named)) or 'none'}: {wanted}"
        )
    columns = {name: check_numbers(named[name], None, f"indicators[{name!r}]") for name in weights}
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"indicators must have one number for each row, got {lengths} of them; align them by row")
    return columns

"""Fit InstructMining's rule: least squares of log losses over the indicators of the datasets that models were tuned on.

One experiment is one dataset: a model fine-tuned on it, the log of its loss on the evaluation set, and the mean of each
indicator over its rows (the paper: about 1,000 rows sampled from mixed sources, 3 epochs). `instruct_mining` with
rule="fitted" takes the coefficients.
"""

import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtr

from mig_dagster.selection.arguments import check_numbers
from mig_dagster.selection.base import SelectionWarning, Vector
from mig_dagster.selection.indicator_names import CONSTANT, by_name

LARGEST_CONDITION = 30.0
"""Above it collinearity harms the estimates: Belsley, Kuh and Welsch, Regression Diagnostics, 1980, section 3.2."""
COLLINEAR = 1e-10  # singular value over the largest: below, the indicators determine each other
EXACT = 1e-13  # residuals over the terms they are left of: below, they are rounding
PART = 0.1  # of the largest weight in a combination that vanishes: indicators from here on are named


@dataclass(frozen=True, eq=False)
class FittedRule:
    """A rule and how far to trust it. Mappings are by name in lower case, "constant" first.

    Attributes:
        coefficients: what `instruct_mining` takes.
        standard_errors: of the coefficients; 0 of an exact fit, NaN where there are no more experiments than
            coefficients, which leaves nothing to judge by.
        p_values: two-sided, of a coefficient as far from 0 where it is 0 in truth; Student's t with
            experiments - coefficients degrees of freedom; NaN as above.
        r_squared: share of the variance of the log losses that the rule explains, in [0, 1]; NaN where these are all
            equal, which leaves nothing to explain.
        condition_number: of the indicators and the constant, each scaled to length 1, so it does not depend on units;
            1 is best, above 30 coefficients are not to be trusted one by one.
        residuals: (experiments,) log loss less what the rule says.
    """

    coefficients: dict[str, float]
    standard_errors: dict[str, float]
    p_values: dict[str, float]
    r_squared: float
    condition_number: float
    residuals: Vector


def fit_rule(indicator_means: Mapping[str, ArrayLike], log_losses: ArrayLike) -> FittedRule:
    """Fit log L = beta_0 + sum of beta_i I_i by ordinary least squares over experiments.

    Args:
        indicator_means: indicator in any case -> (experiments,) its mean over each experiment's dataset, finite.
        log_losses: (experiments,) log of the evaluation loss after tuning on it, finite.

    Raises:
        ValueError: fewer experiments than coefficients, indicators that determine each other, which are named, or one
            so small that its coefficient is infinite.

    Warns:
        SelectionWarning: the condition number is above 30: indicators go together so closely that the rule says little
            about each of them.
    """
    losses = check_numbers(log_losses, None, "log_losses")
    names, design = _design(indicator_means, len(losses))
    units, loss_unit = _powers_of_two(design), _powers_of_two(losses)
    design, losses = np.ldexp(design, -units), np.ldexp(losses, -loss_unit)  # exact, and no square leaves float64
    scale = np.linalg.norm(design, axis=0)
    scale[scale == 0] = 1.0
    scaled = design / scale  # columns of length 1: units neither hide collinearity nor feign it
    _, spread, directions = np.linalg.svd(scaled, full_matrices=False)
    condition = _condition(names, spread, directions)
    terms = np.linalg.lstsq(scaled, losses, rcond=None)[0]
    residuals = losses - scaled @ terms
    rounding = EXACT * (np.linalg.norm(losses) + np.abs(terms).sum())
    if np.linalg.norm(residuals) <= rounding:
        residuals = np.zeros_like(residuals)
    errors = _standard_errors(residuals, spread, directions)
    p_values = _p_values(np.where(np.abs(terms) <= rounding, 0.0, terms), errors, len(losses) - len(names))
    with np.errstate(over="ignore"):
        coefficients, errors = (np.ldexp(each / scale, loss_unit - units) for each in (terms, errors))
    _check_coefficients(names, coefficients)
    return FittedRule(
        coefficients=_named(names, coefficients),
        standard_errors=_named(names, errors),
        p_values=_named(names, p_values),
        r_squared=_r_squared(losses, residuals),
        condition_number=condition,
        residuals=np.ldexp(residuals, loss_unit),
    )


def _powers_of_two(values: Vector) -> NDArray[np.int32]:
    """Return the exponent of 2 just above the largest magnitude of every column, 0 of a column of zeros."""
    exponents: NDArray[np.int32] = np.frexp(np.abs(values).max(axis=0))[1]
    return exponents


def _check_coefficients(names: list[str], coefficients: Vector) -> None:
    wrong = np.flatnonzero(~np.isfinite(coefficients))
    if len(wrong):
        raise ValueError(
            f"indicator_means[{names[wrong[0]]!r}] must be large enough for a finite coefficient, got "
            f"{coefficients[wrong[0]]}; give the indicator in a smaller unit"
        )


def _r_squared(losses: Vector, residuals: Vector) -> float:
    if losses.min() == losses.max():
        return math.nan
    unexplained = float(residuals @ residuals)
    return max(0.0, 1.0 - unexplained / float(np.sum((losses - losses.mean()) ** 2))) if unexplained else 1.0


def _named(names: list[str], values: Vector) -> dict[str, float]:
    return dict(zip(names, values.tolist(), strict=True))


def _design(indicator_means: Mapping[str, ArrayLike], experiments: int) -> tuple[list[str], Vector]:
    """Return the names, "constant" first, and the matrix (experiments, coefficients)."""
    named = by_name(indicator_means, "indicator_means")
    if CONSTANT in named:
        raise ValueError('indicator_means must not hold "constant": it is fitted in any case; leave it out')
    if not named:
        raise ValueError("indicator_means must hold at least one indicator, got none")
    columns = [check_numbers(means, experiments, f"indicator_means[{name!r}]") for name, means in named.items()]
    names = [CONSTANT, *named]
    if experiments < len(names):
        raise ValueError(
            f"log_losses must come from at least {len(names)} experiments, one for each of {', '.join(names)}, got "
            f"{experiments}; run more experiments or fit fewer indicators"
        )
    return names, np.column_stack([np.ones(experiments), *columns])


def _condition(names: list[str], spread: Vector, directions: Vector) -> float:
    """Return the condition number, having refused or warned of indicators that go together."""
    together = np.abs(directions[-1])  # what the combination with the least spread is made of
    which = ", ".join(name for name, part in zip(names, together, strict=True) if part >= PART * together.max())
    if spread[-1] <= COLLINEAR * spread[0]:
        raise ValueError(
            f"indicator_means must not determine each other, but {which} do: their means are in one linear relation in "
            "all experiments; leave one of them out, or add experiments in which they differ"
        )
    condition = float(spread[0] / spread[-1])
    if condition > LARGEST_CONDITION:
        warnings.warn(
            f"the condition number is {condition:.0f}, above {LARGEST_CONDITION:.0f}: {which} go together so closely "
            "that their coefficients cannot be told apart; leave one out, or add experiments in which they differ",
            SelectionWarning,
            stacklevel=3,
        )
    return condition


def _standard_errors(residuals: Vector, spread: Vector, directions: Vector) -> Vector:
    """Return the root of the diagonal of s^2 (X'X)^-1, X = U diag(spread) directions; NaN without spare experiments."""
    spare = len(residuals) - len(spread)
    variance = residuals @ residuals / spare if spare else np.nan
    errors: Vector = np.sqrt(variance * np.sum((directions / spread[:, None]) ** 2, axis=0))
    return errors


def _p_values(terms: Vector, errors: Vector, spare: int) -> Vector:
    """Return the two-sided p-values; of an exact fit 0, or 1 where the coefficient is 0."""
    if not spare:
        return np.full(len(terms), np.nan)
    exact = np.where(terms == 0, 0.0, np.inf)
    sizes = np.divide(np.abs(terms), errors, out=exact, where=errors > 0)
    p_values: Vector = 2 * stdtr(spare, -sizes)  # the t distribution up to there; scipy.stats takes long to import
    return p_values

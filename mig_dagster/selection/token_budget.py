"""Selection under a budget in tokens, for every method: what each method takes until the tokens are spent.

- `mig` takes the row of the largest gain per token, see `token_budget_mig`.
- A nested method takes rows in the order that it has anyway, up to the first that the budget does not pay for: the
  longest start of its order that fits. A smaller budget gives a start of that again.
- `car`, whose choice for k rows is no start of that for more, takes the largest k found by bisection whose rows fit:
  the rows for k + 1 do not. Its clusters are made once. As the tokens of its rows need not grow with k, a still larger
  k may fit too.

A row costs its tokens, and at least one: a row that trains nothing is not for nothing.
"""

import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from mig_dagster.selection.arguments import check_array
from mig_dagster.selection.base import METHODS, Method, Rows, Selection, SelectionWarning
from mig_dagster.selection.cluster_choice import choose_from_clusters
from mig_dagster.selection.token_budget_mig import DEFAULTS, mig_within

Choose = Callable[[int], Selection]


def defaults_within(method: str) -> Mapping[str, Any]:
    """Return the options of a method that have another default under a budget in tokens."""
    return DEFAULTS if method == "mig" else {}


def choose_within(
    method: str,
    budget: int,
    *,
    costs: ArrayLike,
    arguments: Mapping[str, Any],
    settings: Mapping[str, Any],
    filled: Mapping[str, Any],
    engine: Method | None = None,
) -> Selection:
    """Choose rows whose tokens together are at most a budget.

    Args:
        method: a name in `METHODS`.
        budget: tokens.
        costs: (n,) tokens of each row, whole numbers of at least 0; 0 counts as 1.
        arguments: the method's inputs.
        settings: its options; those left out keep their defaults, save `defaults_within`.
        filled: `device` and `on_progress`, where the method takes them.
        engine: chooses in the place of a method other than `mig`, from the same arguments; None for the method itself.

    Returns:
        The rows; `nested` where the rows that fit a smaller budget are always the first of these.

    Raises:
        ValueError: the budget is below what the cheapest row costs, or below the row that the method takes first; or as
            the method does.

    Warns:
        SelectionWarning: where the budget pays for all rows; or as the method does.
    """
    each = _check_costs(costs)
    if not len(each):
        return METHODS[method](0, **arguments, **settings, **filled)
    if budget < each.min():
        raise ValueError(
            f"the budget of {budget} tokens is below the {each.min()} of the shortest row: give {each.min()} tokens or "
            "more, or a budget in rows"
        )
    if budget >= each.sum():
        warnings.warn(
            f"the budget asks for {budget} tokens and the {len(each)} rows that can be chosen have {each.sum()}: there "
            "are no more to choose from",
            SelectionWarning,
            stacklevel=2,
        )
    if method == "mig":
        return mig_within(budget, costs=each, arguments=arguments, settings=settings, **filled)
    choose = partial(engine or METHODS[method], **arguments, **settings, **filled)
    found, fit = _grown(budget, each, choose)
    if found.nested:
        return _start(method, budget, each, found, fit, choose)
    assert found.clusters is not None, f"{method} is not nested and has no clusters: say how it keeps to tokens"
    numbers: dict[str, Any] = {name: settings.get(name) for name in ("n1", "n2")}
    scores, labels = arguments["quality_scores"], found.clusters
    again = partial(choose_from_clusters, quality_scores=scores, clusters=labels, **numbers)
    return _bisected(method, budget, each, again)


def _check_costs(costs: ArrayLike) -> Rows:
    given = check_array(costs, "costs")
    if given.ndim != 1 or not np.issubdtype(given.dtype, np.integer) or given.min(initial=0) < 0:
        raise ValueError(f"costs must be whole numbers of at least 0, one for each row, got {given!r:.100}")
    return np.maximum(given.astype(np.int64), 1)


def _grown(budget: int, costs: Rows, choose: Choose) -> tuple[Selection, int]:
    """Choose more and more rows, twice as many each time, until they pass the budget or there are no more.

    A choice that is not nested is made once: it says nothing of those for more rows.

    Returns:
        The last choice, and how many of its first rows fit.
    """
    k = min(len(costs), max(1, int(np.ceil(budget / costs.mean()))))
    while True:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            found = choose(k)
        fit = int(np.searchsorted(np.cumsum(costs[found.rows]), budget, side="right"))
        if fit < len(found.rows) or k == len(costs) or found.shortfall or not found.nested:
            for warning in caught:  # of the choice that counts only
                warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
            return found, fit
        k = min(len(costs), 2 * k)


def _start(method: str, budget: int, costs: Rows, found: Selection, fit: int, choose: Choose) -> Selection:
    """Return the first `fit` rows of a nested choice as the method itself gives them."""
    if fit == len(found.rows):
        return found
    if not fit:
        raise ValueError(_first_too_dear(method, budget, int(costs[found.rows[0]])))
    if found.objective is not None:
        return choose(fit)
    return replace(
        found,
        rows=found.rows[:fit],
        gains=found.gains[:fit],
        shortfall=None,
        near_ties=found.near_ties[found.near_ties <= fit],
    )


def _bisected(method: str, budget: int, costs: Rows, choose: Choose) -> Selection:
    """Return a choice of k rows that fits where that of k + 1 does not."""
    fits, beyond = 0, len(costs) + 1
    while beyond - fits > 1:
        k = (fits + beyond) // 2
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SelectionWarning)
            cost = int(costs[choose(k).rows].sum())
        fits, beyond = (k, beyond) if cost <= budget else (fits, k)
    if not fits:
        raise ValueError(_first_too_dear(method, budget, int(costs[choose(1).rows[0]])))
    return choose(fits)


def _first_too_dear(method: str, budget: int, cost: int) -> str:
    return (
        f"the budget of {budget} tokens is below the {cost} of the row that {method} takes first: give {cost} tokens "
        "or more, or take another method"
    )

"""What a method chooses for a budget, in rows or in tokens, and how much of the budget that takes."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mig_dagster.selection import METHODS, Selection, SelectionWarning, reads
from mig_dagster.selection.base import Method
from mig_dagster.selection.token_budget import choose_within, defaults_within
from mig_dagster.stages.align import Aligned
from mig_dagster.stages.budget import TokenBudget, rows_of, tokens_of

TOKEN_COUNTS = "token_counts"


@dataclass(frozen=True)
class Budgeted:
    """A choice and its budget.

    Attributes:
        selection: the choice.
        k: rows that were asked for; under a budget in tokens those that it buys.
        tokens: JSON-ready, under a budget in tokens: `asked`; `counted`, the column that is added up; `used` and
            `pool`, sums of both columns. None under a budget in rows.
    """

    selection: Selection
    k: int
    tokens: Mapping[str, Any] | None = None


def inputs_within(method: str, budget: str) -> tuple[str, ...]:
    """Return what a method reads, and under a budget in tokens `token_counts`."""
    return (*reads(METHODS[method]), *(() if tokens_of(budget) is None else (TOKEN_COUNTS,)))


def other_defaults(method: str, budget: str) -> dict[str, Any]:
    """Return the options of a method that have another default under this budget."""
    return {} if tokens_of(budget) is None else dict(defaults_within(method))


def choose_for_budget(
    method: str,
    budget: str,
    aligned: Aligned,
    settings: Mapping[str, Any],
    filled: Mapping[str, Any],
    engine: Method | None = None,
) -> Budgeted:
    """Run a method.

    Args:
        method: a name in `METHODS`.
        budget: rows, a share of the pool, or tokens.
        aligned: what `inputs_within` lists; token counts are taken out of it.
        settings: options of the method that are set.
        filled: what it takes beside them.
        engine: chooses in the method's place.

    Raises:
        ValueError: the budget is none, or buys no row; or as the method does.

    Warns:
        SelectionWarning: the budget asks for more than there is; or as the method does.
    """
    tokens = tokens_of(budget)
    if tokens is not None:
        return _by_tokens(method, tokens, aligned, settings, filled, engine)
    n = aligned.rows.height
    k = _clamped(rows_of(budget, n + aligned.excluded.height), n)
    return Budgeted((engine or METHODS[method])(k, **aligned.arguments, **settings, **filled), k)


def _by_tokens(
    method: str,
    budget: TokenBudget,
    aligned: Aligned,
    settings: Mapping[str, Any],
    filled: Mapping[str, Any],
    engine: Method | None,
) -> Budgeted:
    counts = aligned.arguments.pop(TOKEN_COUNTS)
    selection = choose_within(
        method,
        budget.tokens,
        costs=counts[budget.counted],
        arguments=aligned.arguments,
        settings=settings,
        filled=filled,
        engine=engine,
    )
    used = {name: int(column[selection.rows].sum()) for name, column in counts.items()}
    pool = {name: int(column.sum()) for name, column in counts.items()}
    spent = {"asked": budget.tokens, "counted": budget.counted, "used": used, "pool": pool}
    return Budgeted(selection, len(selection.rows), spent)


def _clamped(k: int, n: int) -> int:
    if k > n:
        warnings.warn(
            f"the budget asks for {k} rows and {n} can be chosen: all {n} are", SelectionWarning, stacklevel=3
        )
    return min(k, n)

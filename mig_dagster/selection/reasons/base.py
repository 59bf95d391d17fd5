"""What a reason is: one sentence and the numbers behind it; and what there is to reason from."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from mig_dagster.selection.base import Rows, Vector


@dataclass(frozen=True)
class Reason:
    """Why a row was chosen, or why not.

    Attributes:
        text: one sentence.
        details: the numbers behind it, JSON-ready; rows are named by their ids.
    """

    text: str
    details: Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Tokens:
    """A budget in tokens.

    Attributes:
        costs: (n,) what each row costs, at least 1.
        budget: tokens to spend.
    """

    costs: Rows
    budget: int

    def left(self, rows: Rows) -> Rows:
        """Return (k + 1,) what is left before each of some rows is taken, and after the last."""
        spent: Rows = np.concatenate([[0], np.cumsum(self.costs[rows])])
        return self.budget - spent


@dataclass(frozen=True, eq=False)
class Choice:
    """What a method chose, and from what.

    Attributes:
        rows: (k,) pool indices in the order chosen.
        gains: (k,) as the method gave them.
        arguments: the method's inputs by name, of the n rows of the pool.
        options: the method's options, every one of them.
        ids: (n,) the row ids.
        labels: (m,) names of the labels; empty where the method reads none.
        clusters: (n,) as the method gave them; None where it gives none.
        tokens: the budget, where it is one in tokens.
    """

    rows: Rows
    gains: Vector
    arguments: Mapping[str, Any]
    options: Mapping[str, Any]
    ids: Sequence[str]
    labels: Sequence[str] = ()
    clusters: Rows | None = None
    tokens: Tokens | None = None

    @cached_property
    def ranks(self) -> Rows:
        """(n,) the rank of every row, from 1; 0 of rows not chosen."""
        ranks = np.zeros(len(self.ids), np.int64)
        ranks[self.rows] = np.arange(1, len(self.rows) + 1)
        return ranks

    def row(self, row: int) -> dict[str, Any]:
        """Return how details name a row: `row_id`, and `rank` where it was chosen."""
        rank = int(self.ranks[row])
        return {"row_id": self.ids[row]} | ({"rank": rank} if rank else {})


@dataclass(frozen=True)
class Explainer:
    """How one method gives its reasons.

    Attributes:
        chosen: the reason of every chosen row, in the order chosen; in no more time than sorting the pool.
        row: the reason of any row of the pool, chosen or not; may look at the whole pool again.
    """

    chosen: Callable[[Choice], list[Reason]]
    row: Callable[[Choice, int], Reason]

    @classmethod
    def of(cls, explain: Callable[[Choice, Rows], list[Reason]]) -> "Explainer":
        """Return an explainer that has one way for rows chosen and others."""
        return cls(lambda choice: explain(choice, choice.rows), lambda choice, row: explain(choice, np.array([row]))[0])


def places(order: Rows) -> Rows:
    """Return (n,) the place of every row in a ranking of all rows, from 1."""
    found = np.empty(len(order), np.int64)
    found[order] = np.arange(1, len(order) + 1)
    return found


def counted(number: int, what: str) -> str:
    """Return a number with its noun: `1 row`, `2,000 rows`."""
    return f"{number:,} {what}" + "s" * (number != 1)

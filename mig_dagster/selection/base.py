"""What a selection method is: arrays in, `Selection` out; and the table of all of them."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar, get_type_hints

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
Rows = NDArray[np.int64]
OnProgress = Callable[[int, int], None]
"""Called now and then with (rows chosen so far, rows to choose)."""

NEAR = 1e-9
"""Two gains that differ by no more of the larger one, and are not equal bit for bit, are a near-tie."""


def _no_ranks() -> Rows:
    return np.empty(0, np.int64)


@dataclass(frozen=True, eq=False)
class Selection:
    """The rows a method chose, in the order it chose them.

    Attributes:
        rows: (k,) pool indices, distinct; where `nested`, any prefix is the answer to a smaller budget. Fewer
            than k where `shortfall` says so; more only from `zip` with strict_reference=True: its last batch is whole.
        gains: as many: what each row added when it was taken, in the method's own measure.
        shortfall: why there are fewer rows than asked for; None when there are not.
        objective: the value of the method's objective for the whole choice; None where the method has none.
        clusters: (n,) the cluster of every row of the pool, from a method that clusters; None from all others.
        nested: the choice for k is the start of the choice for any larger k.
        near_ties: ranks, from 1 and ascending, at which another row that could be taken came within `NEAR` of the one
            taken, where the method computes gains in floating point and so looks for them; rows whose gains are equal
            bit for bit are decided by the method's rule and are no near-ties. Empty from methods that compare stored
            scores as they are (ifd, longest, car, deita), whole numbers (instag, qdit, zip) or hashes (random,
            balanced_random): those come out alike on every machine.
    """

    rows: Rows
    gains: Vector
    shortfall: str | None = None
    objective: float | None = None
    clusters: Rows | None = None
    nested: bool = True
    near_ties: Rows = field(default_factory=_no_ranks)


class SelectionWarning(UserWarning):
    """The choice is what was asked for, but another setting is likely to serve better."""


Method = Callable[..., Selection]
_M = TypeVar("_M", bound=Method)

METHODS: dict[str, Method] = {}
"""Every selection method by name. Importing `mig_dagster.selection` fills it."""

FILLED_BY_THE_CALLER = frozenset({"device", "on_progress"})
"""Parameters that say where to compute and whom to tell, never what is chosen: they are no options."""


def method(function: _M) -> _M:
    """Register a selection method under its function name.

    Raises:
        ValueError: if another method already has that name.
    """
    name = function.__name__
    if name in METHODS:
        raise ValueError(f"two selection methods are named {name!r}: rename one of them")
    METHODS[name] = function
    return function


def reads(function: Method) -> tuple[str, ...]:
    """Return the inputs of a method, named after assets: its keyword-only parameters without a default."""
    return tuple(p.name for p in _keywords(function) if p.default is p.empty)


def options(function: Method) -> dict[str, tuple[Any, Any]]:
    """Return the options of a method: name -> (type, default), as `pydantic.create_model` takes them.

    Options are keyword-only parameters with a default. Those of `FILLED_BY_THE_CALLER` are left out.
    """
    types = get_type_hints(function)
    given = [p for p in _keywords(function) if p.default is not p.empty and p.name not in FILLED_BY_THE_CALLER]
    return {p.name: (types[p.name], p.default) for p in given}


def _keywords(function: Method) -> list[inspect.Parameter]:
    return [p for p in inspect.signature(function).parameters.values() if p.kind is p.KEYWORD_ONLY]

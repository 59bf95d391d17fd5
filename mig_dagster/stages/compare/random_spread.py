"""What chance gives: the measures of random subsets, over several seeds."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from mig_dagster.selection import METHODS
from mig_dagster.selection.base import Rows
from mig_dagster.stages.compare.measures import MEASURES
from mig_dagster.stages.label_space import Schema

SEEDS = (42, 43, 44, 45, 46)
"""Of the random draws that stand beside every comparison; 42 is the seed of MIG's own baseline."""

RANDOM_SPREAD_SCHEMA: Schema = {
    "rows": pl.Int64,  # size of the random subsets: one of the sizes compared
    "measure": pl.String,  # the column of `rows` of that name
    "mean": pl.Float64,  # over the seeds; null, like the rest, where the pool lacks what the measure is made from
    "sd": pl.Float64,  # sample standard deviation over the seeds
    "min": pl.Float64,  # over the seeds
    "max": pl.Float64,  # over the seeds
    "seeds": pl.Int64,  # how many draws had a value
}


def draws(row_ids: Sequence[str], sizes: Sequence[int]) -> dict[int, list[Rows]]:
    """Return, for each size, the pool indices of one random subset a seed.

    A random choice is the start of every larger one of the same seed, so each seed draws once.
    """
    largest = max(sizes, default=0)
    orders = [METHODS["random"](largest, row_ids=row_ids, seed=seed).rows for seed in SEEDS] if sizes else []
    return {size: [order[:size] for order in orders] for size in sizes}


def spread(drawn: Mapping[int, Sequence[Rows]], measure: Callable[[Rows], Mapping[str, Any]]) -> pl.DataFrame:
    """Return mean and spread of every measure, in the columns of `RANDOM_SPREAD_SCHEMA`."""
    lines = []
    for size, seeds in drawn.items():
        measured = [measure(rows) for rows in seeds]
        for name in MEASURES:
            values = np.array([found[name] for found in measured if found[name] is not None], np.float64)
            lines.append((size, name, *_statistics(values), len(values)))
    return pl.DataFrame(lines, schema=RANDOM_SPREAD_SCHEMA, orient="row")


def _statistics(values: np.ndarray[Any, np.dtype[np.float64]]) -> tuple[float | None, ...]:
    if len(values) == 0:
        return (None, None, None, None)
    deviation = float(values.std(ddof=1)) if len(values) > 1 else None
    return (float(values.mean()), deviation, float(values.min()), float(values.max()))

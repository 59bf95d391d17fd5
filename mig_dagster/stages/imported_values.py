"""Values that came with rows against those computed beside them: where they differ much, something is mistaken."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl


@dataclass(frozen=True)
class Origins:
    """Two groups of values of one column.

    Attributes:
        imported: how many came with rows.
        computed: how many were computed.
        medians: of either; None where it has no value.
        distance: the Kolmogorov-Smirnov statistic, the largest difference of their distribution functions, in [0, 1];
            None where one of them has no value.
    """

    imported: int
    computed: int
    medians: tuple[float | None, float | None]
    distance: float | None


def origins(rows: pl.LazyFrame, value: pl.Expr) -> Origins:
    """Return how imported and computed values lie to each other.

    Args:
        rows: of a signal, with `provenance`.
        value: a number of each row; nulls are left out.
    """
    there = rows.select("provenance", value=value.cast(pl.Float64)).drop_nulls().collect()
    groups = [there.filter(provenance=name)["value"].to_numpy() for name in ("imported", "computed")]
    medians = [float(np.median(group)) if len(group) else None for group in groups]
    distance = kolmogorov_smirnov(*groups) if all(map(len, groups)) else None
    return Origins(len(groups[0]), len(groups[1]), (medians[0], medians[1]), distance)


def kolmogorov_smirnov(first: npt.NDArray[np.float64], second: npt.NDArray[np.float64]) -> float:
    """Return the largest difference between the distribution functions of two samples, neither of them empty."""
    at = np.concatenate([first, second])
    below = [np.searchsorted(np.sort(sample), at, side="right") / len(sample) for sample in (first, second)]
    return float(np.abs(below[0] - below[1]).max())

"""One method over one pool: budget, alignment, choice, and what a person wants to see of it."""

import inspect
import warnings
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from mig_dagster.selection import METHODS, Selection, SelectionWarning, options, reads
from mig_dagster.stages.align import Aligned, PoolFrames, align, labels_of
from mig_dagster.stages.budget import rows_of
from mig_dagster.stages.label_space import Schema

MAX_NULL_SHARE = 0.01
CURVE_POINTS = 100

SUBSET_SCHEMA: Schema = {
    "rank": pl.Int64,
    "row_id": pl.String,
    "source": pl.String,
    "origin": pl.String,
    "gain": pl.Float64,
    "score": pl.Float64,
    "labels": pl.List(pl.String),
}


@dataclass(frozen=True)
class Subset:
    """What a method chose.

    Attributes:
        rows: `SUBSET_SCHEMA`, in the order of choice.
        excluded: rows that could not take part: `row_id`, `source`, `reason`.
        info: JSON-ready: method, budget, options, counts, objective, shortfall, warnings, source_mix, pool_mix,
            gain_curve, labels.
    """

    rows: pl.DataFrame
    excluded: pl.DataFrame
    info: dict[str, Any]

    def tables(self) -> dict[str, pl.DataFrame]:
        """Return the frames as tables of one asset."""
        return {"rows": self.rows, "excluded": self.excluded}


def choose_subset(
    method: str,
    frames: PoolFrames,
    *,
    budget: str,
    settings: Mapping[str, Any] | None = None,
    device: str | None = None,
    max_null_share: float = MAX_NULL_SHARE,
) -> Subset:
    """Run a selection method.

    Args:
        method: a name in `METHODS`.
        frames: pool and signals.
        budget: rows or a share of the pool, as `budget.rows_of` takes it; more than there are rows is clamped with a
            warning.
        settings: the method's options; those left out keep their defaults.
        device: for methods that compute on one; None for numpy.
        max_null_share: largest share of the pool, in [0, 1], that may lack a signal the method needs.

    Raises:
        ValueError: unknown method or option, a wrong budget, or too many rows without a signal.
    """
    given = dict(settings or {})
    known = method_options(method, given)
    chosen_by = METHODS[method]
    aligned = align(frames, reads(chosen_by))
    n = aligned.rows.height + aligned.excluded.height
    _check_nulls(aligned.excluded, n, max_null_share)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        k = _clamped(rows_of(budget, n), aligned.rows.height)
        placed = {"device": device} if "device" in inspect.signature(chosen_by).parameters else {}
        selection = chosen_by(k, **aligned.arguments, **given, **placed)
    notes = [str(warning.message) for warning in caught if issubclass(warning.category, SelectionWarning)]
    for warning in caught:
        if not issubclass(warning.category, SelectionWarning):
            warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
    resolved = {name: given.get(name, default) for name, (_, default) in known.items()}
    info = {"method": method, "budget": budget, "options": resolved, "warnings": notes}
    rows = _rows(aligned, selection)
    return Subset(rows, aligned.excluded, info | _statistics(aligned, selection, rows, k))


def method_options(method: str, asked: Collection[str] = ()) -> dict[str, tuple[Any, Any]]:
    """Return type and default of each option of a method.

    Args:
        method: a name in `METHODS`.
        asked: names of options that somebody sets.

    Raises:
        ValueError: there is no such method, or it has no option that is asked for.
    """
    if method not in METHODS:
        raise ValueError(f"unknown method {method!r}: expected one of {', '.join(sorted(METHODS))}")
    known = options(METHODS[method])
    if unknown := sorted(set(asked) - set(known)):
        raise ValueError(f"method {method} has no option {unknown[0]!r}: it has {', '.join(known)}")
    return known


def _check_nulls(excluded: pl.DataFrame, n: int, max_null_share: float) -> None:
    if n and excluded.height / n > max_null_share:
        counts = excluded["reason"].value_counts().sort("count", "reason", descending=[True, False])
        reasons = ", ".join(f"{reason} {rows}" for reason, rows in counts.iter_rows())
        raise ValueError(
            f"{excluded.height} of {n} rows lack a signal ({reasons}): more than max_null_share={max_null_share}; "
            "materialise the signal again, or raise max_null_share"
        )


def _clamped(k: int, n: int) -> int:
    if k > n:
        warnings.warn(
            f"the budget asks for {k} rows and {n} can be chosen: all {n} are", SelectionWarning, stacklevel=3
        )
    return min(k, n)


def _rows(aligned: Aligned, selection: Selection) -> pl.DataFrame:
    """Return the rows chosen, in order; `score` and `labels` are null where the method reads none."""
    chosen = aligned.rows[selection.rows]
    tags = aligned.arguments.get("tags")
    labels = labels_of(tags, aligned.labels, selection.rows) if tags is not None else [None] * chosen.height
    return pl.DataFrame(
        {
            "rank": np.arange(1, chosen.height + 1),
            "row_id": chosen["row_id"],
            "source": chosen["source"],
            "origin": chosen["origin"],
            "gain": selection.gains,
            "score": chosen["score"] if "score" in chosen.columns else [None] * chosen.height,
            "labels": labels,
        },
        schema=SUBSET_SCHEMA,
    )


def _statistics(aligned: Aligned, selection: Selection, rows: pl.DataFrame, k: int) -> dict[str, Any]:
    used = _labels_covered(aligned, selection)
    return {
        "pool_rows": aligned.rows.height + aligned.excluded.height,
        "excluded": aligned.excluded.height,
        "k": k,
        "rows": rows.height,
        "objective": selection.objective,
        "shortfall": selection.shortfall,
        "source_mix": _mix(rows["source"]),
        "pool_mix": _mix(aligned.rows["source"]),
        "labels": {"in_graph": len(aligned.labels), "covered": used},
        "gain_curve": _curve(selection.gains),
    }


def _labels_covered(aligned: Aligned, selection: Selection) -> int:
    """Return how many labels at least one chosen row carries."""
    tags = aligned.arguments.get("tags")
    return 0 if tags is None else len(np.unique(tags[selection.rows].indices))


def _mix(sources: pl.Series) -> dict[str, int]:
    return dict(sources.value_counts().sort("source").iter_rows())


def _curve(gains: np.ndarray[Any, np.dtype[np.float64]]) -> list[tuple[int, float]]:
    """Return (rank, gain so far) at `CURVE_POINTS` ranks at most, the last one included."""
    if not len(gains):
        return []
    ranks = np.unique(np.linspace(1, len(gains), min(CURVE_POINTS, len(gains))).round().astype(int))
    total = np.cumsum(gains)
    return [(int(rank), float(total[rank - 1])) for rank in ranks]

"""One method over one pool: budget, alignment, choice, and what a person wants to see of it."""

import inspect
import time
import warnings
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from mig_dagster.selection import METHODS, Selection, SelectionWarning, options
from mig_dagster.selection.base import Method, OnProgress
from mig_dagster.stages.align import Aligned, PoolFrames, align
from mig_dagster.stages.budgeted import choose_for_budget, inputs_within, other_defaults
from mig_dagster.stages.environment import environment
from mig_dagster.stages.explain.reasons import choice_of, reason_tables
from mig_dagster.stages.label_space import Schema
from mig_dagster.stages.tag_matrix import labels_of

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
            gain_curve, nested, near_ties (ranks), environment, tokens (`budgeted.Budgeted.tokens`), labels (in_graph
            and covered; both null for a method that reads no tags).
        seconds: wall time of the method itself; not in `info`, which is part of the stored version.
        clusters: `row_id`, `cluster` of every row that took part, from a method that clusters; None from all others.
        reasons: why each row was chosen: the tables that `reason_tables` gives.
    """

    rows: pl.DataFrame
    excluded: pl.DataFrame
    info: dict[str, Any]
    seconds: float = 0.0
    clusters: pl.DataFrame | None = None
    reasons: Mapping[str, pl.DataFrame] = field(default_factory=dict)

    def tables(self) -> dict[str, pl.DataFrame]:
        """Return the frames as tables of one asset: clusters and reasons only where there are any."""
        clusters = {} if self.clusters is None else {"clusters": self.clusters}
        return {"rows": self.rows, "excluded": self.excluded, **clusters, **self.reasons}


def choose_subset(
    method: str,
    frames: PoolFrames,
    *,
    budget: str,
    settings: Mapping[str, Any] | None = None,
    device: str | None = None,
    max_null_share: float = MAX_NULL_SHARE,
    notes: Sequence[str] = (),
    on_progress: OnProgress | None = None,
    engine: Method | None = None,
) -> Subset:
    """Run a selection method.

    Args:
        method: a name in `METHODS`.
        frames: pool and signals.
        budget: rows or a share of the pool, as `budget.rows_of` takes it, or tokens, as `budget.tokens_of` does; more
            than there are is clamped with a warning.
        settings: the method's options; those left out keep their defaults.
        device: for methods that compute on one; None for numpy.
        max_null_share: largest share of the pool, in [0, 1], that may lack a signal the method needs.
        notes: what is to be warned of with the subset besides, such as a mix of annotators that was accepted.
        on_progress: told by methods that take long how many rows they have chosen.
        engine: what chooses in the method's place, from the same arguments; None for the method itself.

    Raises:
        ValueError: unknown method or option, a wrong budget or share, or too many rows without a signal.
    """
    check_null_share(max_null_share)
    given = dict(settings or {})
    known = method_options(method, given)
    resolved = {name: default for name, (_, default) in known.items()} | other_defaults(method, budget) | given
    aligned = align(frames, inputs_within(method, budget), resolved)
    n = aligned.rows.height + aligned.excluded.height
    _check_nulls(aligned.excluded, n, max_null_share)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        filled = _filled(method, device=device, on_progress=on_progress)
        started = time.perf_counter()
        budgeted = choose_for_budget(method, budget, aligned, given, filled, engine)
        seconds = time.perf_counter() - started
    selection = budgeted.selection
    notes = [*notes, *(str(warning.message) for warning in caught if issubclass(warning.category, SelectionWarning))]
    for warning in caught:
        if not issubclass(warning.category, SelectionWarning):
            warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
    info: dict[str, Any] = {"method": method, "budget": budget, "options": resolved, "warnings": notes}
    info |= {"environment": environment(method, device), "tokens": budgeted.tokens}
    rows = _rows(aligned, selection)
    info |= _statistics(aligned, selection, rows, budgeted.k)
    reasons = reason_tables(method, choice_of(aligned, selection, resolved))
    return Subset(rows, aligned.excluded, info, seconds, _clusters(aligned, selection), reasons)


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


def check_null_share(max_null_share: float) -> None:
    """Refuse a share of rows that is none.

    Raises:
        ValueError: it is not in [0, 1].
    """
    if not 0 <= max_null_share <= 1:  # NaN is in no range
        raise ValueError(
            f"max_null_share must be a number in 0..1, got {max_null_share}: it is the share of the pool that may "
            "lack a signal; set it in the Launchpad or in --config"
        )


def _filled(method: str, **offered: Any) -> dict[str, Any]:
    """Return what a method takes of the parameters that are no options."""
    taken = inspect.signature(METHODS[method]).parameters
    return {name: value for name, value in offered.items() if name in taken}


def _clusters(aligned: Aligned, selection: Selection) -> pl.DataFrame | None:
    if selection.clusters is None:
        return None
    return aligned.rows.select("row_id", cluster=pl.Series(selection.clusters, dtype=pl.Int64))


def _check_nulls(excluded: pl.DataFrame, n: int, max_null_share: float) -> None:
    if n and excluded.height / n > max_null_share:
        counts = excluded["reason"].value_counts().sort("count", "reason", descending=[True, False])
        reasons = ", ".join(f"{reason} {rows}" for reason, rows in counts.iter_rows())
        raise ValueError(
            f"{excluded.height} of {n} rows lack a signal ({reasons}): more than max_null_share={max_null_share}; "
            "annotate again, or raise max_null_share (Launchpad, or --config)"
        )


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
    return {
        "pool_rows": aligned.rows.height + aligned.excluded.height,
        "excluded": aligned.excluded.height,
        "k": k,
        "rows": rows.height,
        "objective": selection.objective,
        "shortfall": selection.shortfall,
        "nested": selection.nested,
        "near_ties": selection.near_ties.tolist(),
        "source_mix": _mix(rows["source"]),
        "pool_mix": _mix(aligned.rows["source"]),
        "labels": _labels_covered(aligned, selection),
        "gain_curve": _curve(selection.gains),
    }


def _labels_covered(aligned: Aligned, selection: Selection) -> dict[str, int | None]:
    """Return how many labels there are and how many at least one chosen row carries; null where no tags were read."""
    tags = aligned.arguments.get("tags")
    if tags is None:
        return {"in_graph": None, "covered": None}
    return {"in_graph": len(aligned.labels), "covered": len(np.unique(tags[selection.rows].indices))}


def _mix(sources: pl.Series) -> dict[str, int]:
    return dict(sources.value_counts().sort("source").iter_rows())


def _curve(gains: np.ndarray[Any, np.dtype[np.float64]]) -> list[tuple[int, float]]:
    """Return (rank, gain so far) at `CURVE_POINTS` ranks at most, the last one included."""
    if not len(gains):
        return []
    ranks = np.unique(np.linspace(1, len(gains), min(CURVE_POINTS, len(gains))).round().astype(int))
    total = np.cumsum(gains)
    return [(int(rank), float(total[rank - 1])) for rank in ranks]

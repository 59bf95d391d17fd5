"""Subsets of one pool side by side: each under the measures of several methods, and beside chance."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mig_dagster.annotations.token_counts import all_text
from mig_dagster.report.inputs import ReportPool
from mig_dagster.selection.base import Rows
from mig_dagster.stages.align import PoolFrames
from mig_dagster.stages.compare.measures import PoolMeasures
from mig_dagster.stages.compare.random_spread import RANDOM_SPREAD_SCHEMA, draws, spread
from mig_dagster.stages.compare.tables import OVERLAP_SCHEMA, SOURCE_MIX_SCHEMA, overlap, source_mix
from mig_dagster.stages.label_space import Schema
from mig_dagster.stages.report.pool import report_pool
from mig_dagster.stages.subset import choose_subset
from mig_dagster.stages.token_signal import tokens_by_row
from mig_dagster.stages.wide_inputs import CountTokens, numbers_of

BASELINES = ("balanced_random", "longest")
"""Methods that a comparison always holds, beside random draws: what every choice has to beat."""

ROWS_SCHEMA: Schema = {
    "name": pl.String,  # of the subset; the primary key
    "method": pl.String,  # that chose it
    "seed": pl.Int64,  # of a method that draws; null for all others
    "rows": pl.Int64,  # chosen; null where the method failed, like every measure
    "tokens": pl.Int64,  # by `tokenizer`: of `token_counts` where the pool has them, else of all that the rows say
    "mean_score": pl.Float64,  # mean quality score of the rows that have one
    "labels_covered": pl.Int64,  # labels that at least one chosen row carries
    "labels_in_pool": pl.Int64,  # labels that at least one row of the pool carries
    "information": pl.Float64,  # MIG's objective under its defaults, over the pool's tags, scores and label graph
    "facility_location": pl.Float64,  # sum over the pool's rows of the largest cosine with a chosen row, at least 0
    "facility_location_share": pl.Float64,  # the same divided by the number of those rows: 1 where all are chosen
    "nearest_distance": pl.Float64,  # mean Euclidean distance of unit vectors to the nearest other chosen row, 0..2
    "seconds": pl.Float64,  # wall time of the method itself, without annotation; null where it was not measured
    "shortfall": pl.String,  # why there are fewer rows than asked for; null where there are not
    "options": pl.String,  # of the method, JSON
    "tokenizer": pl.String,  # that counted the tokens: model and revision
    "error": pl.String,  # why there is no subset; null where there is one
}

COMPARISON_SCHEMAS: Mapping[str, Schema] = {
    "rows": ROWS_SCHEMA,
    "source_mix": SOURCE_MIX_SCHEMA,
    "overlap": OVERLAP_SCHEMA,
    "random_spread": RANDOM_SPREAD_SCHEMA,
}
"""The tables of a comparison."""


@dataclass(frozen=True)
class Compared:
    """A subset to compare.

    Attributes:
        name: unique among those compared.
        method: that chose it.
        rows: the columns of `subset.SUBSET_SCHEMA`.
        seed: of a method that draws.
        seconds: wall time of the method.
        shortfall: why there are fewer rows than asked for.
        options: of the method.
        info: all that `choose_subset` says of it; {} where nobody knows.
    """

    name: str
    method: str
    rows: pl.DataFrame
    seed: int | None = None
    seconds: float | None = None
    shortfall: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    info: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, name: str, rows: pl.DataFrame, info: Mapping[str, Any], seconds: float | None = None) -> "Compared":
        """Return a subset as `choose_subset` made it, or as it was stored with its `info`."""
        options = info["options"]
        return cls(name, info["method"], rows, options.get("seed"), seconds, info["shortfall"], options, info)


def compare_subsets(
    frames: PoolFrames,
    subsets: Sequence[Compared],
    *,
    count_tokens: CountTokens,
    tokenizer: str | None = None,
    pool: ReportPool | None = None,
    failures: Mapping[str, str] | None = None,
    device: str | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> dict[str, pl.DataFrame]:
    """Measure subsets of one pool, beside random draws of their sizes and the `BASELINES`.

    Baselines that are not among the subsets are chosen here, as many rows as the largest subset has; one that fails has
    a line with its error.

    Args:
        frames: the pool with whatever signals there are; what a measure is made from and is not there makes it null.
        subsets: what to compare, names all different.
        count_tokens: used on the rows of some subset only, and on none where `pool` has its tokens, or the frames have
            `token_counts`.
        tokenizer: who counted `token_counts`, as `token_signal.counted_by` says it.
        pool: `report_pool` of the same frames, where somebody made it already.
        failures: why methods failed, by method: each has a line with its error, and no baseline of them is tried again.
        device: where similarities are computed; None is the CPU.
        on_progress: told how many subsets and draws of how many are measured.

    Returns:
        The tables of `COMPARISON_SCHEMAS`; `rows` and all others in the order of the subsets, what failed last.

    Raises:
        ValueError: two subsets have one name, or one holds a row that is not in the pool.
    """
    compared, failed = _with_baselines(frames, subsets, failures or {})
    pool = pool or report_pool(frames)
    places = {subset.name: places_of(pool.rows, subset) for subset in compared}
    drawn = draws(pool.rows["row_id"].to_list(), sorted({len(rows) for rows in places.values()} - {0}))
    everything = [*places.values(), *(rows for seeds in drawn.values() for rows in seeds)]
    if pool.tokens is None:
        pool = replace(pool, tokens=_tokens(frames, pool.rows, everything, count_tokens))
    measured = PoolMeasures(pool, device)
    steps = _Steps(len(everything), on_progress)
    lines = [_line(subset, steps.done(measured.of(places[subset.name])), measured) for subset in compared]
    return {
        "rows": pl.concat([_rows(lines, tokenizer or count_tokens.name), _failed(failed)]),
        "source_mix": source_mix(places, pool),
        "overlap": overlap(places),
        "random_spread": spread(drawn, lambda rows: steps.done(measured.of(rows))),
    }


@dataclass
class _Steps:
    """Counts what is measured."""

    total: int
    tell: Callable[[int, int], None] | None
    finished: int = 0

    def done(self, result: Any) -> Any:
        self.finished += 1
        if self.tell is not None:
            self.tell(self.finished, self.total)
        return result


def _with_baselines(
    frames: PoolFrames, subsets: Sequence[Compared], failures: Mapping[str, str]
) -> tuple[list[Compared], dict[str, str]]:
    """Return the subsets and the baselines that are not among them, and why what failed did."""
    names = [subset.name for subset in subsets]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"two subsets are named {repeated[0]!r}: names tell subsets apart, rename one of them")
    largest = max((subset.rows.height for subset in subsets), default=0)
    compared, failed = list(subsets), dict(failures)
    for name in BASELINES:
        if name in failed or name in {subset.method for subset in subsets}:
            continue
        try:
            made = choose_subset(name, frames, budget=str(largest))
        # A comparison holds every choice that works; why one does not is a line of its own.
        except Exception as problem:
            failed[name] = f"{type(problem).__name__}: {problem}"
        else:
            compared.append(Compared.of(name, made.rows, made.info, made.seconds))
    return compared, failed


def _rows(lines: Sequence[Mapping[str, Any]], tokenizer: str) -> pl.DataFrame:
    return pl.DataFrame(lines, schema=ROWS_SCHEMA).with_columns(tokenizer=pl.lit(tokenizer))


def _failed(failures: Mapping[str, str]) -> pl.DataFrame:
    lines = [{"name": name, "method": name, "error": error} for name, error in failures.items()]
    return pl.DataFrame(lines, schema=ROWS_SCHEMA)


def places_of(pool: pl.DataFrame, subset: Compared) -> Rows:
    """Return the pool indices of a subset's rows, in the order of choice.

    Args:
        pool: (n,) `row_id`.
        subset: any of it.

    Raises:
        ValueError: a row of it is not in the pool.
    """
    index = pool.select("row_id").with_row_index("place")
    found = subset.rows.select("row_id").join(index, on="row_id", how="left", maintain_order="left")
    if lost := found.filter(pl.col("place").is_null())["row_id"].to_list():
        raise ValueError(
            f"subset {subset.name} holds {len(lost)} rows that are not in the pool, as {lost[0]}: the pool changed "
            "since it was chosen; choose it again"
        )
    return found["place"].cast(pl.Int64).to_numpy()


def _tokens(
    frames: PoolFrames, pool: pl.DataFrame, chosen: Sequence[Rows], count_tokens: CountTokens
) -> NDArray[np.int64] | None:
    """Return the tokens of every row that has a count; without such a signal, of those in some subset, 0 of others."""
    if frames.token_counts is not None:
        return tokens_by_row(pool, frames.token_counts)
    if frames.raw_pool is None:
        return None
    wanted = np.unique(np.concatenate([np.empty(0, np.int64), *chosen]))
    tokens = np.zeros(pool.height, np.int64)
    tokens[wanted] = numbers_of(pool[wanted], frames.raw_pool, all_text, count_tokens)
    return tokens


def _line(subset: Compared, measures: Mapping[str, Any], measured: PoolMeasures) -> dict[str, Any]:
    return {
        "name": subset.name,
        "method": subset.method,
        "seed": subset.seed,
        "rows": subset.rows.height,
        "labels_in_pool": measured.labels_in_pool,
        "seconds": subset.seconds,
        "shortfall": subset.shortfall,
        "options": json.dumps(subset.options, sort_keys=True, ensure_ascii=False),
        **measures,
    }

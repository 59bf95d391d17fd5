"""Checks that every signal has in common: all rows there, values in range, not all the same, few without, few cut."""

import math
from collections.abc import Mapping, Sequence

import polars as pl

from assets.checks import Result, holds, warns
from mig_dagster.annotations.flags import FLAGS
from mig_dagster.storage import Manifest

MAX_FLAGGED_SHARE = 0.05
MAX_TRUNCATED_SHARE = 0.05
CONSTANT_FROM = 20
"""Rows from which on a single value is no chance."""

TOLERANCE = 1e-3
"""How far beyond a limit a value may lie, relative to the limit: models compute in 16 bits."""

Limits = tuple[float, float]
ANY: Limits = (-math.inf, math.inf)


def coverage(manifest: Manifest, raw_pool: pl.LazyFrame) -> Result:
    """Check that every distinct row of the source has a line."""
    distinct = raw_pool.select(pl.col("row_id").n_unique()).collect(engine="streaming").item()
    found = f"{manifest.rows} lines of {distinct} distinct rows"
    return holds("coverage", manifest.rows == distinct, found, partition=manifest.partition)


def nulls(name: str, manifest: Manifest, rows: pl.LazyFrame, values: Sequence[str], *, blocks: bool) -> Result:
    """Check the share of rows that lack a value, by flag."""
    lacking = pl.any_horizontal(*(pl.col(value).is_null() for value in values))
    missing = rows.select(lacking.sum()).collect(engine="streaming").item()
    share = missing / manifest.rows if manifest.rows else 0.0
    flags = [f"{flag} {_of(count, manifest.rows)}: {FLAGS[flag]}" for flag, count in manifest.info["flags"].items()]
    passed = share <= MAX_FLAGGED_SHARE
    found = f"{_of(missing, manifest.rows)} of {manifest.rows} rows lack a value ({'; '.join(flags) or 'no flag'})"
    if not passed:
        found += (
            f", more than {MAX_FLAGGED_SHARE:.0%}: choose an option of {manifest.asset} that gives these rows a value, "
            "or mend the rows"
        )
    if blocks:
        return holds(name, passed, found, partition=manifest.partition)
    return warns(name, passed, found, partition=manifest.partition)


def in_range(name: str, manifest: Manifest, rows: pl.LazyFrame, limits: Mapping[str, Limits]) -> Result:
    """Check that the values there are finite and within their limits, by column."""
    found, wrong = [], 0
    for column, (low, high) in limits.items():
        values = rows.select(pl.col(column).cast(pl.Float64)).drop_nulls().collect()[column]
        low, high = low - TOLERANCE * _size(low), high + TOLERANCE * _size(high)
        outside = values.filter(~(values.is_finite() & (values >= low) & (values <= high))).len()
        wrong += outside
        between = f", expected {low:.6g} to {high:.6g}" if outside else ""
        found.append(f"{column}: {outside} of {values.len()} outside, {values.min()!r} to {values.max()!r}{between}")
    return holds(name, not wrong, "; ".join(found), partition=manifest.partition)


def at_most(name: str, manifest: Manifest, rows: pl.LazyFrame, less: str, more: str) -> Result:
    """Check that no row has more of one column than of another."""
    wrong = rows.select((pl.col(less) > pl.col(more)).sum()).collect(engine="streaming").item()
    return holds(name, not wrong, f"{wrong} rows have more {less} than {more}", partition=manifest.partition)


def not_constant(manifest: Manifest, rows: pl.LazyFrame, values: Sequence[str], *, blocks: bool) -> Result:
    """Check that no column has one value for all rows."""
    counts = [pl.col(value).drop_nulls().n_unique().alias(f"{value} distinct") for value in values]
    there = [pl.col(value).count().alias(f"{value} rows") for value in values]
    (found,) = rows.select(*counts, *there).collect().to_dicts()
    constant = [v for v in values if found[f"{v} distinct"] == 1 and found[f"{v} rows"] >= CONSTANT_FROM]
    told = ", ".join(f"{v}: {found[f'{v} distinct']} distinct values of {found[f'{v} rows']}" for v in values)
    if constant:
        told += f"; {', '.join(constant)} says nothing of a row: look at what the annotator read and gave"
    if blocks:
        return holds("not_constant", not constant, told, partition=manifest.partition)
    return warns("not_constant", not constant, told, partition=manifest.partition)


def truncated(manifest: Manifest, rows: pl.LazyFrame) -> Result:
    """Say how many rows or turns were read in part only: by flag, by a column, by the annotator's counts."""
    info = manifest.info
    parts = {"rows without a value for it": (info["flags"].get("truncated", 0), manifest.rows)}
    if "truncated" in rows.collect_schema():
        cut = rows.select(pl.col("truncated").sum()).collect(engine="streaming").item() or 0
        parts["rows cut"] = (int(cut), manifest.rows)
    if "truncated_turns" in info["counts"]:
        parts["turns cut"] = (info["counts"]["truncated_turns"], info["counts"]["turns"])
    passed = all(count <= MAX_TRUNCATED_SHARE * of for count, of in parts.values())
    found = ", ".join(f"{name}: {_of(count, of)} of {of}" for name, (count, of) in parts.items())
    if not passed:
        found += f"; more than {MAX_TRUNCATED_SHARE:.0%}: raise max_tokens as far as the model allows"
    return warns("truncated", passed, found, partition=manifest.partition)


def _size(limit: float) -> float:
    return abs(limit) if math.isfinite(limit) else 0.0


def _of(count: int, rows: int) -> str:
    return f"{count} ({count / rows if rows else 0.0:.2%})"

"""What share each source has of the pool and of the subset, in rows and in tokens."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from mig_dagster.report.charts.share_bars import share_bars
from mig_dagster.report.figure import Chart, Figure, Listing
from mig_dagster.report.inputs import ReportInputs, ReportPool, ReportSubset

DRAWN = 25
"""Sources that are drawn one by one."""

ABOUT = (
    "Each source's share of the pool and of the subset, the largest source of the pool first. All rows are counted. "
    "The ratio is the share of the subset over that of the pool: above 1 the method took more of the source than "
    "chance would have."
)


def source_mix(given: ReportInputs) -> Figure:
    """Draw the sources' shares before and after the choice, and list them for every subset of the report."""
    pool = given.pool
    mixes = {subset.name: _mix(pool, subset) for subset in given.subsets}
    units = ["rows"] if pool.tokens is None else ["rows", "tokens"]
    mix = mixes[given.chosen.name]
    about = [ABOUT]
    if mix.height > DRAWN:
        about.append(f"Drawn are the {DRAWN} largest of {mix.height} sources, the others as one.")
    if pool.tokens is None:
        about.append("Tokens were not counted for this pool.")
    elif pool.tokenizer:
        about.append(f"Tokens are those of {pool.tokenizer}.")
    table = pl.concat([each.with_columns(subset=pl.lit(name)) for name, each in mixes.items()])
    return Figure(
        "source_mix",
        "Sources",
        " ".join(about),
        [*(_chart(mix, unit) for unit in units), *(_listing(each, mixes[each.name], units) for each in given.subsets)],
        {"source_mix": table.select("subset", pl.exclude("subset"))},
        missing="" if pool.n else "the pool has no row",
    )


def _mix(pool: ReportPool, subset: ReportSubset) -> pl.DataFrame:
    """Return a line for each source of the pool: rows and tokens of the pool and of a subset, shares and ratios."""
    taken = np.zeros(pool.n, np.bool_)
    taken[subset.rows] = True
    tokens = np.zeros(pool.n, np.int64) if pool.tokens is None else pool.tokens
    counted = pl.DataFrame({"source": pool.rows["source"], "taken": taken, "tokens": tokens})
    counts = counted.group_by("source").agg(
        pool_rows=pl.len().cast(pl.Int64),
        chosen_rows=pl.col("taken").sum().cast(pl.Int64),
        pool_tokens=pl.col("tokens").sum(),
        chosen_tokens=pl.col("tokens").filter("taken").sum(),
    )
    mix = _shared(counts.sort(["pool_rows", "source"], descending=[True, False]))
    return mix if pool.tokens is not None else mix.drop(column for column in mix.columns if "tokens" in column)


def _shared(counts: pl.DataFrame) -> pl.DataFrame:
    """Add shares, 0 of nothing, and ratios, null where the pool has none."""
    columns = ["pool_rows", "chosen_rows", "pool_tokens", "chosen_tokens"]
    shares = {f"{name}_share": (pl.col(name) / pl.col(name).sum()).fill_nan(0.0) for name in columns}
    ratios = {
        f"{unit}_ratio": pl.when(pl.col(f"pool_{unit}") > 0).then(
            pl.col(f"chosen_{unit}_share") / pl.col(f"pool_{unit}_share")
        )
        for unit in ("rows", "tokens")
    }
    return counts.with_columns(**shares).with_columns(**ratios)


def _with_others(mix: pl.DataFrame, most: int, unit: str) -> pl.DataFrame:
    """Return source, counts and shares of one unit: `most` sources, and all others as one line."""
    columns = [f"{group}_{unit}{kind}" for group in ("pool", "chosen") for kind in ("", "_share")]
    named = mix.select("source", *columns)
    if mix.height <= most:
        return named
    others = named[most:].select(
        pl.lit(f"other ({mix.height - most:,} sources)").alias("source"), pl.col(columns).sum()
    )
    return pl.concat([named[:most], others])


def _chart(mix: pl.DataFrame, unit: str) -> Chart:
    shown = _with_others(mix, DRAWN, unit)
    pairs = pl.concat(
        shown.select(
            "source",
            group=pl.lit(group),
            share=pl.col(f"{group}_{unit}_share"),
            count=pl.col(f"{group}_{unit}"),
            place=pl.int_range(pl.len()),
        )
        for group in ("pool", "chosen")
    ).sort("place", maintain_order=True)
    largest = shown.row(0, named=True) if shown.height else {}
    told = "{source} has {pool:.1%} of the pool's {unit} and {chosen:.1%} of the subset's.".format(
        source=largest.get("source", "no source"),
        pool=largest.get(f"pool_{unit}_share", 0.0),
        chosen=largest.get(f"chosen_{unit}_share", 0.0),
        unit=unit,
    )
    bars = pairs.drop("place").rename({"count": unit})
    return share_bars(f"Share of {unit}", bars, "source", unit, f"Shares of {mix.height} sources in {unit}: {told}")


def _listing(subset: ReportSubset, mix: pl.DataFrame, units: Sequence[str]) -> Listing:
    columns = {"source": pl.col("source")}
    for unit in units:
        columns |= {
            f"ratio, {unit}": pl.col(f"{unit}_ratio").round(3),
            f"% of pool, {unit}": (100 * pl.col(f"pool_{unit}_share")).round(2),
            f"% of subset, {unit}": (100 * pl.col(f"chosen_{unit}_share")).round(2),
            f"{unit} in pool": pl.col(f"pool_{unit}"),
            f"{unit} chosen": pl.col(f"chosen_{unit}"),
        }
    lines = mix.select(**columns)
    return Listing(f"Sources of {subset.name}", lines.columns, lines.rows())

"""How each score and length is spread over the pool, the chosen rows and the rejected ones."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from mig_dagster.report.charts.histogram import BINS, Bins, common_bins
from mig_dagster.report.charts.step_chart import number, step_chart
from mig_dagster.report.figure import Chart, Figure, Listing
from mig_dagster.report.groups import groups
from mig_dagster.report.inputs import ReportInputs, ReportPool
from mig_dagster.selection.base import Rows, Vector
from mig_dagster.selection.indicator_names import INDICATORS

_OR_ELSE = {"rew": "a reward model's logit, or the lexical score of a pool without a reward model"}
"""What an indicator may be besides what it is named for."""

PERCENTILES = {"5th percentile": 5, "median": 50, "95th percentile": 95}

ABOUT = (
    "Of each score: the share of the rows in each bin, for the pool, the rows chosen and the rejected ones (in the "
    "pool and not chosen). All rows of the pool are counted, in the same bins for the three groups: up to {bins} "
    "between the 0.5th and the 99.5th percentile of the pool, and one at either end for what lies outside. Lengths are "
    "on a logarithmic scale. Where the line of the chosen rows is above the filled area, the subset holds more of such "
    "rows than the pool."
)


@dataclass(frozen=True, eq=False)
class _Measured:
    """Something measured of every row: a heading, its values (n,) with NaN where a row has none, and its scale."""

    title: str
    values: Vector
    log: bool = False


def score_histograms(given: ReportInputs) -> Figure:
    """Draw the scores and lengths of the pool, of the chosen rows and of the rejected ones."""
    measured = _measured(given.pool)
    members = groups(given)
    charts: list[Chart] = []
    tables: list[pl.DataFrame] = []
    for name, each in measured.items():
        finite = each.values[np.isfinite(each.values)]
        if len(finite):
            bins = common_bins(finite, log=each.log)
            counts = {group: bins.count(_finite(each.values[rows])) for group, rows in members.items()}
            tables.append(_table(name, bins, counts))
            charts.append(_chart(each, bins, counts, members))
    summary = _summary(measured, members)
    listing = Listing("Summary", summary.columns, summary.rows())
    return Figure(
        "score_histograms",
        "Scores and lengths",
        ABOUT.format(bins=BINS) + _indicators(given.pool),
        [*charts, listing] if charts else [],
        {"score_histograms": pl.concat(tables), "score_histograms_summary": summary} if tables else {},
        missing="" if charts else "no row of the pool has a score or a length",
    )


def _indicators(pool: ReportPool) -> str:
    """Return what the indicators among the scores are, as a sentence; "" where there are none."""
    words = {name: said.split(":")[0] for name, said in INDICATORS.items()} | _OR_ELSE
    known = {name: words[name.lower()] for name in pool.scores if name.lower() in words}
    return f" {'; '.join(f'{name} is {what}' for name, what in known.items())}." if known else ""


def _measured(pool: ReportPool) -> dict[str, _Measured]:
    """Return everything that is measured of rows, by the name that it has in the tables."""
    titles = {
        "score": f"Quality score ({pool.scale})" if pool.scale else "Quality score",
        "ifd_loss": "IFD, ratio of losses",
        "ifd_ppl": "IFD, ratio of perplexities",
    }
    scores = {name: _Measured(titles.get(name, name), values) for name, values in pool.scores.items()}
    lengths = {"characters": pool.rows["n_chars"].to_numpy(), "tokens": pool.tokens}
    # A row without a character or token has no place on a logarithmic scale: it counts as one of length 1.
    return scores | {
        name: _Measured(f"Length in {name}", np.maximum(values, 1).astype(np.float64), log=True)
        for name, values in lengths.items()
        if values is not None
    }


def _finite(values: Vector) -> Vector:
    return values[np.isfinite(values)]


def _chart(each: _Measured, bins: Bins, counts: Mapping[str, Rows], members: Mapping[str, Rows]) -> Chart:
    shares = {group: count / max(count.sum(), 1) for group, count in counts.items()}
    medians = {group: _finite(each.values[rows]) for group, rows in members.items()}
    told = ", ".join(
        f"{group} {number(float(np.median(values)))}" if len(values) else f"{group} no row"
        for group, values in medians.items()
    )
    return step_chart(each.title, bins, shares, f"Histogram of {each.title}; medians: {told}.")


def _table(name: str, bins: Bins, counts: Mapping[str, Rows]) -> pl.DataFrame:
    """Return a line for each group and bin; `from` and `to` are null where the bin has no end there."""
    left, right = bins.edges[:-1].tolist(), bins.edges[1:].tolist()
    left[0], right[-1] = None if bins.below else left[0], None if bins.above else right[-1]
    frames = [
        pl.DataFrame(
            {"score": name, "group": group, "from": left, "to": right, "rows": count},
            schema={"score": pl.String, "group": pl.String, "from": pl.Float64, "to": pl.Float64, "rows": pl.Int64},
        )
        for group, count in counts.items()
    ]
    return pl.concat(frames).with_columns(share=pl.col("rows") / pl.col("rows").sum().over("group"))


def _summary(measured: Mapping[str, _Measured], members: Mapping[str, Rows]) -> pl.DataFrame:
    """Return mean and percentiles of each score in each group, null where no row of the group has one."""
    lines = []
    for each in measured.values():
        for group, rows in members.items():
            values = _finite(each.values[rows])
            none = len(rows) - len(values)
            mean = float(values.mean()) if len(values) else None
            spread = np.percentile(values, list(PERCENTILES.values())).tolist() if len(values) else [None] * 3
            lines.append((each.title, group, len(rows), none, mean, *spread))
    columns = {"score": pl.String, "group": pl.String, "rows": pl.Int64, "without a value": pl.Int64}
    return pl.DataFrame(lines, columns | dict.fromkeys(["mean", *PERCENTILES], pl.Float64), orient="row")

"""What deduplication removed: how much of each source, whose rows stand for whose, and pairs to read."""

from typing import Any

import numpy as np
import polars as pl

from mig_dagster.conversation import Conversation
from mig_dagster.report.charts.colours import EXACT, NORMALISED
from mig_dagster.report.charts.share_bars import categories
from mig_dagster.report.figure import Chart, Figure, Listing, Part, Reading, Readings
from mig_dagster.report.inputs import ReportInputs, ReportPool
from mig_dagster.report.reading.excerpts import visible
from mig_dagster.report.reading.side_by_side import differences, first_difference, side_by_side

DRAWN = 25
"""Sources that are drawn: those that lost most rows."""

PAIRS = 12
"""Pairs to read."""

SEED = 0
BAR_HEIGHT = 22
KINDS = ("exact", "normalised")
"""Of duplicates, as the pool tells them apart."""

ABOUT = (
    "Of rows that say the same, the pool keeps one. Exact duplicates are equal; normalised ones differ only in letter "
    "case, white space or Unicode form. All {read:,} rows that were read are counted: {exact:,} exact and "
    "{normalised:,} normalised duplicates were left out, and {left:,} are in the pool. Of the pairs, {pairs} are "
    "shown, normalised ones first, picked by chance (seed {seed}); the Parquet file holds all."
)


def duplicates(given: ReportInputs) -> Figure:
    """Show what is not in the pool because another row stands for it."""
    pool, removed = given.pool, given.pool.duplicates
    if removed is None:
        return Figure("duplicates", TITLE, "", missing="what deduplication removed is not stored with this pool")
    funnel = _funnel(pool, removed)
    total = {name: int(funnel[name].sum()) for name in ("read", *KINDS, "left")}
    tables = {"duplicates": removed, "duplicates_by_source": funnel}
    if not removed.height:
        about = f"All {total['left']:,} rows that were read are in the pool."
        return Figure("duplicates", TITLE, about, tables=tables, missing="no two rows that were read say the same")
    shown = _sample(removed)
    pairs = _stand_ins(removed)
    parts: list[Part] = [
        _chart(funnel),
        Listing("What is left of each source", funnel.columns, _with_total(funnel).rows()),
        Listing("Whose rows stand for whose", pairs.columns, pairs.rows()),
        _readings(pool, shown),
    ]
    about = ABOUT.format(**total, pairs=f"{shown.height:,} of {removed.height:,}", seed=SEED)
    return Figure("duplicates", TITLE, about, parts, tables | {"duplicates_stand_ins": pairs})


TITLE = "Duplicates left out"


def _funnel(pool: ReportPool, removed: pl.DataFrame) -> pl.DataFrame:
    """Return a line for each source: rows read, duplicates of each kind, rows left, % removed; most removed first."""
    left = pool.rows.select("source", kind=pl.lit("left"))
    counts = (
        pl.concat([left, removed.select("source", "kind")])
        .group_by("source")
        .agg(
            read=pl.len().cast(pl.Int64),
            **{kind: (pl.col("kind") == kind).sum().cast(pl.Int64) for kind in (*KINDS, "left")},
        )
    )
    share = (100 * (1 - pl.col("left") / pl.col("read"))).round(2)
    removed_rows = pl.col("read") - pl.col("left")
    return counts.with_columns(share.alias("% removed")).sort(removed_rows, "source", descending=[True, False])


def _with_total(funnel: pl.DataFrame) -> pl.DataFrame:
    if funnel.height < 2:
        return funnel
    sums = funnel.select(pl.lit("all sources").alias("source"), pl.col("read", *KINDS, "left").sum())
    share = (100 * (1 - pl.col("left") / pl.col("read"))).round(2)
    return pl.concat([sums.with_columns(share.alias("% removed")), funnel])


def _stand_ins(removed: pl.DataFrame) -> pl.DataFrame:
    """Return a line for each pair of sources: how many rows of the one a row of the other stands for."""
    counts = removed.group_by("source", "kept_source").agg(
        rows=pl.len().cast(pl.Int64),
        **{kind: (pl.col("kind") == kind).sum().cast(pl.Int64) for kind in KINDS},
    )
    ordered = counts.sort(["rows", "source", "kept_source"], descending=[True, False, False])
    return ordered.rename({"source": "rows of", "kept_source": "stood for by"})


def _chart(funnel: pl.DataFrame) -> Chart:
    """Draw the share that each source lost."""
    shown = funnel.filter(pl.col("left") < pl.col("read"))
    more = f": the {DRAWN} that lost most rows of {shown.height} that lost any" if shown.height > DRAWN else ""
    drawn = shown[:DRAWN].unpivot(KINDS, index=["source", "read"], variable_name="kind", value_name="rows")
    table = drawn.with_columns(share=pl.col("rows") / pl.col("read"))
    order = shown["source"][:DRAWN].to_list()
    most = shown.row(0, named=True)
    alt = f"Share of each source that was left out; {most['source']} lost most rows, {most['% removed']} %."
    axis = {"format": "~%", "tickCount": 5, "grid": True}
    spec = {
        "title": f"Share of each source's rows that was left out{more}",
        "data": {"name": "removed"},
        "mark": "bar",
        "encoding": {
            "y": categories("source", order),
            "x": {"field": "share", "type": "quantitative", "title": None, "axis": axis},
            "color": _kind_colour(),
            "order": {"field": "kind"},
            "tooltip": [
                {"field": "source", "type": "nominal"},
                {"field": "kind", "type": "nominal"},
                {"field": "rows", "type": "quantitative", "format": ","},
                {"field": "read", "type": "quantitative", "format": ",", "title": "rows read"},
                {"field": "share", "type": "quantitative", "format": ".2%"},
            ],
        },
    }
    return Chart(spec, {"removed": table}, alt, BAR_HEIGHT * len(order))


def _kind_colour() -> dict[str, Any]:
    scale = {"domain": list(KINDS), "range": [EXACT, NORMALISED]}
    return {"field": "kind", "type": "nominal", "scale": scale, "legend": {"title": None, "symbolType": "square"}}


def _sample(removed: pl.DataFrame) -> pl.DataFrame:
    """Return up to `PAIRS` pairs, normalised ones as far as there are any."""
    order = pl.Series(np.random.default_rng(SEED).permutation(removed.height))
    exact_last = pl.col("kind") == "exact"
    return removed[order].sort(exact_last, maintain_order=True)[:PAIRS]


def _readings(pool: ReportPool, shown: pl.DataFrame) -> Readings:
    removed = shown.select("source", "origin", "row_id")
    kept = shown.select(pl.col(f"kept_{name}").alias(name) for name in removed.columns)
    said = pool.texts(pl.concat([removed, kept]))
    pairs = zip(shown.iter_rows(named=True), said[: shown.height], said[shown.height :], strict=True)
    items = [_reading(line, left_out, stays) for line, left_out, stays in pairs]
    return Readings("Pairs to read, the removed text before the kept one", items)


def _reading(line: dict[str, str], removed: Conversation, kept: Conversation) -> Reading:
    facts = {
        "kind": line["kind"],
        "removed": f"{line['source']} / {line['origin']}",
        "removed row_id": line["row_id"],
        "kept": f"{line['kept_source']} / {line['kept_origin']}",
        "kept row_id": line["kept_row_id"],
        "they differ in": ", ".join(differences(removed, kept)) or "nothing",
        "first difference": first_difference(removed, kept),
    }
    heading = f"{line['source']}: {line['kind']} duplicate of a row of {line['kept_source']}"
    told = {name: visible(fact) for name, fact in facts.items() if fact}
    return Reading(visible(heading), side_by_side(removed, kept), told)

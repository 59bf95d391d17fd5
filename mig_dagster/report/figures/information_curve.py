"""How much information the rows of each subset bring, against how many of them are taken."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from mig_dagster.report.charts.colours import METHODS, POOL
from mig_dagster.report.figure import Chart, Figure
from mig_dagster.report.information import default_problem, prefix_values
from mig_dagster.report.inputs import ReportInputs, ReportPool, ReportSubset
from mig_dagster.selection.base import Vector
from mig_dagster.selection.mig_problem import Problem

NAME = "information_curve"
TITLE = "Information against budget"
BUDGETS = 60
"""At most so many budgets on the way to a subset's size are evaluated, the last nine tenths' end besides."""
_CURVE = {"subset": pl.String, "method": pl.String, "rows": pl.Int64, "information": pl.Float64, "share": pl.Float64}
_ABOUT = (
    "MIG's objective E(S) under its defaults, over the tags, scores and label graph of the whole pool, for the first "
    "rows of each subset by rank; a subset whose beginning is not the choice for a smaller budget is one point. "
)


def information_curve(given: ReportInputs) -> Figure:
    """Return E(S) of every subset's beginnings, with the knee and the budget of the report's own marked.

    The knee is the point of the report's subset's curve that lies farthest above the chord from no row to its last one
    (Satopaa et al. 2011, "Finding a Kneedle in a Haystack", in its simplest form), both axes scaled to 0..1.
    """
    pool = given.pool
    if pool.tags is None or pool.label_graph is None or "score" not in pool.scores:
        return Figure(NAME, TITLE, _ABOUT.strip(), missing=_lacking(pool))
    yardstick = default_problem(pool.tags, pool.scores["score"], pool.label_graph)
    whole = yardstick.value(np.arange(pool.n))
    curve = pl.concat([_curve(yardstick, subset, whole) for subset in given.subsets])
    own = curve.filter(subset=given.chosen.name)
    knee = _knee(own["rows"].to_numpy(), own["information"].to_numpy())
    drawn = {"curve": curve, "marks": _marks(own, knee), "single": curve.filter(pl.len().over("subset") == 1)}
    chart = Chart(
        _spec(given.subsets, bool(drawn["single"].height)), drawn, f"{TITLE}: {_alt(curve, given.subsets)}", 340
    )
    about = _ABOUT + _said(given.chosen, own, knee)
    return Figure(NAME, TITLE, about, [chart], {NAME: curve})


def _lacking(pool: ReportPool) -> str:
    parts = {"tags": pool.tags, "scores": pool.scores.get("score"), "label graph": pool.label_graph}
    absent = ", no ".join(name for name, part in parts.items() if part is None)
    return f"the pool has no {absent}, and E(S) is made from tags, scores and the label graph"


def budgets(k: int) -> list[int]:
    """Return the numbers of rows at which a curve to `k` is evaluated: 0, at most `BUDGETS` more, nine tenths, k."""
    evenly = np.linspace(0, k, BUDGETS).round().astype(int).tolist()
    return sorted({*evenly, _nine_tenths(k)})


def _nine_tenths(k: int) -> int:
    return k - k // 10


def _curve(yardstick: Problem, subset: ReportSubset, whole: float) -> pl.DataFrame:
    """Return the points of a subset, `share` being that of the information of the whole pool."""
    k = len(subset.rows)
    ends = budgets(k) if subset.info.get("nested", True) else [k]
    values = prefix_values(yardstick, subset.rows, ends)
    columns = {"rows": ends, "information": values, "share": values / whole if whole else np.zeros(len(ends))}
    frame = pl.DataFrame(columns).with_columns(subset=pl.lit(subset.name), method=pl.lit(subset.method))
    return frame.select(pl.col(name).cast(kind) for name, kind in _CURVE.items())


def _knee(rows: Vector, information: Vector) -> int | None:
    """Return the place of the point farthest above the chord; None for fewer than three points or a straight line."""
    if len(rows) < 3 or not information[-1] > 0:
        return None
    above = information / information[-1] - rows / rows[-1]
    best = int(np.argmax(above))
    return best if above[best] > 1e-9 else None


def _marks(own: pl.DataFrame, knee: int | None) -> pl.DataFrame:
    last = own.tail(1).with_columns(mark=pl.lit("budget"))
    return last if knee is None else pl.concat([own[[knee]].with_columns(mark=pl.lit("knee")), last])


def _said(chosen: ReportSubset, own: pl.DataFrame, knee: int | None) -> str:
    k = len(chosen.rows)
    if not k:
        return f"{chosen.name} holds no row."
    if own.height == 1:
        return f"{chosen.name} has no smaller budgets in it, so it has neither a knee nor a last tenth."
    found = dict(own.select("rows", "information").iter_rows())
    if not found[k] > 0:
        return f"{chosen.name} tells the labels nothing."
    words = f"{chosen.name} holds {own['share'][-1]:.1%} of the information of the whole pool"
    if _nine_tenths(k) < k:
        late = 1 - found[_nine_tenths(k)] / found[k]
        words += f", and the last {(k - _nine_tenths(k)) / k:.0%} of its rows add {late:.1%} of what it holds"
    words += ". "
    if knee is None:
        return words + "Its curve has no knee."
    at, held = own["rows"][knee], own["information"][knee] / found[k]
    return words + (
        f"The knee, the point farthest above the straight line from nothing to the whole subset, is at {at:,} of {k:,} "
        f"rows with {held:.0%} of the information."
    )


def _alt(curve: pl.DataFrame, subsets: Sequence[ReportSubset]) -> str:
    last = curve.group_by("subset", maintain_order=True).last()
    return ", ".join(f"{name} {value:,.0f} with {rows:,} rows" for name, _, rows, value, _ in last.iter_rows())


def _spec(subsets: Sequence[ReportSubset], single: bool) -> dict[str, Any]:
    x = {"field": "rows", "type": "quantitative", "title": "rows taken", "axis": {"tickMinStep": 1}}
    y = {"field": "information", "type": "quantitative", "title": "information E(S)"}
    tooltip = [
        {"field": "subset"},
        {"field": "rows", "type": "quantitative", "format": ",", "title": "rows"},
        {"field": "information", "type": "quantitative", "format": ",.1f"},
        {"field": "share", "type": "quantitative", "format": ".1%", "title": "of the pool's"},
    ]
    names = [subset.name for subset in subsets]
    scale = {"domain": names, "range": [METHODS.get(subset.method, POOL) for subset in subsets]}
    colour = {"field": "subset", "type": "nominal", "scale": scale, "legend": {"title": None}}
    own = {"test": {"field": "subset", "equal": names[0]}, "value": 3.5}
    line = {
        "data": {"name": "curve"},
        "mark": {"type": "line", "interpolate": "linear"},
        "encoding": {"x": x, "y": y, "color": colour, "size": {"condition": own, "value": 1.5}},
    }
    # A line of one point is not seen.
    points = {
        "data": {"name": "single"},
        "mark": {"type": "point", "filled": True, "size": 60, "opacity": 1},
        "encoding": {"x": x, "y": y, "color": colour},
    }
    # What is pointed at: fingers are wider than lines.
    touched = {
        "data": {"name": "curve"},
        "mark": {"type": "point", "filled": True, "size": 240, "opacity": 0},
        "encoding": {"x": x, "y": y, "tooltip": tooltip},
    }
    rule = {
        "data": {"name": "marks"},
        "mark": {"type": "rule", "strokeDash": [4, 4], "opacity": 0.7},
        "encoding": {"x": x, "color": {"value": POOL}},
    }
    inside = "scale('x', datum.rows) > 60"  # left of a mark near the axis, its name would stand on the axis' numbers
    text = {
        "data": {"name": "marks"},
        "mark": {
            "type": "text",
            "baseline": "bottom",
            "dy": -4,
            "align": {"expr": f"{inside} ? 'right' : 'left'"},
            "dx": {"expr": f"{inside} ? -5 : 5"},
        },
        "encoding": {"x": x, "y": {"value": {"expr": "height"}}, "text": {"field": "mark"}},
    }
    return {"layer": [rule, line, *([points] if single else []), text, touched]}

"""Which subsets take the same rows: the overlap of every two at equal budget, and which are most alike."""

from itertools import combinations
from typing import Any

import numpy as np
import polars as pl

from mig_dagster.report.charts.colours import CHOSEN, METHODS, POOL
from mig_dagster.report.figure import Chart, Figure, Listing
from mig_dagster.report.inputs import ReportInputs, ReportSubset

NAME = "overlap"
TITLE = "Which methods choose the same rows"
_PAIRS = {
    "subset": pl.String,
    "other": pl.String,
    "rows": pl.Int64,
    "other_rows": pl.Int64,
    "shared": pl.Int64,
    "jaccard": pl.Float64,
}
_NAME_LIMIT = 180
"""Pixels of a name beside the tree: a longer one would leave no room for the tree itself."""
_LINES = {"merge": pl.Int64, "step": pl.Int64, "distance": pl.Float64, "position": pl.Float64}


def overlap(given: ReportInputs) -> Figure:
    """Return the Jaccard overlap of every two subsets at equal budget, as a matrix, a tree and a table.

    The tree joins the two most alike groups again and again: average linkage on 1 - Jaccard.
    """
    subsets = [subset for subset in given.subsets if len(subset.rows)]
    if len(subsets) < 2:
        return Figure(NAME, TITLE, "Rows that subsets share.", missing="there is no other subset to compare with")
    budget = min(len(subset.rows) for subset in subsets)
    pairs = overlap_pairs(subsets, budget)
    lines, names = _tree(pairs, [subset.name for subset in subsets])
    chart = _matrix(pairs, names)
    tree = _drawn_tree(lines, names, {subset.name: subset.method for subset in subsets})
    ordered = pairs.sort("jaccard", "subset", "other", descending=[True, False, False])
    columns = ["subset", "other", "rows", "rows of other", "shared", "Jaccard"]
    listing = Listing("Pairs, most alike first", columns, ordered.rows())
    return Figure(NAME, TITLE, _about(subsets, budget, given.pool.n), [chart, tree, listing], {"overlap_pairs": pairs})


def overlap_pairs(subsets: list[ReportSubset], budget: int) -> pl.DataFrame:
    """Return one line for every two subsets, each cut to its first `budget` rows where its beginning is a choice."""
    taken = {each.name: each.rows[:budget] if each.info.get("nested", True) else each.rows for each in subsets}
    lines = []
    for one, other in combinations(taken, 2):
        shared = len(np.intersect1d(taken[one], taken[other], assume_unique=True))
        sizes = len(taken[one]), len(taken[other])
        lines.append((one, other, *sizes, shared, shared / (sum(sizes) - shared)))
    return pl.DataFrame(lines, schema=_PAIRS, orient="row")


def _about(subsets: list[ReportSubset], budget: int, n: int) -> str:
    whole = [each.name for each in subsets if not each.info.get("nested", True) and len(each.rows) > budget]
    exact = f"; {', '.join(whole)} whole, as a smaller budget is another choice" if whole else ""
    chance = budget / (2 * n - budget)
    return (
        f"Jaccard overlap (rows in both over rows in either) of the first {budget:,} rows of each subset{exact}. "
        f"Two random choices of that many rows overlap by {chance:.3f}. The tree joins what is most alike first "
        "(average linkage on 1 - Jaccard): the farther to the right two subsets meet, the less they have in common."
    )


def _tree(pairs: pl.DataFrame, names: list[str]) -> tuple[pl.DataFrame, list[str]]:
    """Return the corners of the tree's lines, leaves at 0, 1, ..., and the names in the order of the leaves."""
    from scipy.cluster.hierarchy import dendrogram, linkage

    # Pairs come in the order of scipy's condensed distances: (0, 1), (0, 2), ..., (1, 2), ...
    drawn = dendrogram(linkage(1 - pairs["jaccard"].to_numpy(), "average"), no_plot=True)
    lines = [
        (merge, step, distance, (position - 5) / 10)  # scipy puts leaves at 5, 15, 25, ...
        for merge, (positions, distances) in enumerate(zip(drawn["icoord"], drawn["dcoord"], strict=True))
        for step, (position, distance) in enumerate(zip(positions, distances, strict=True))
    ]
    return pl.DataFrame(lines, schema=_LINES, orient="row"), [names[leaf] for leaf in drawn["leaves"] or ()]


def _matrix(pairs: pl.DataFrame, names: list[str]) -> Chart:
    turned = pairs.select(subset="other", other="subset", shared="shared", jaccard="jaccard")
    cells = pl.concat([pairs.select(turned.columns), turned])
    axis: dict[str, Any] = {"type": "nominal", "scale": {"domain": names}, "title": None}
    x = {"field": "other", **axis, "axis": {"labelAngle": -45, "labelLimit": 120, "labelOverlap": False}}
    y = {"field": "subset", **axis, "axis": {"labelLimit": 120}}
    most = max(float(pairs["jaccard"].max() or 0), 1e-9)  # type: ignore[arg-type]
    shade = {"domain": [0, most], "range": [0.04, 0.7]}
    tooltip = [
        {"field": "subset"},
        {"field": "other"},
        {"field": "shared", "type": "quantitative", "format": ",", "title": "rows in both"},
        {"field": "jaccard", "type": "quantitative", "format": ".4f", "title": "Jaccard"},
    ]
    rect = {
        "mark": {"type": "rect", "color": CHOSEN},
        "encoding": {
            "opacity": {"field": "jaccard", "type": "quantitative", "scale": shade, "legend": None},
            "tooltip": tooltip,
        },
    }
    text = {
        # Not where cells are narrower than what would stand in them: the shade and the table say it there.
        "mark": {"type": "text", "fontSize": 10, "opacity": {"expr": f"width < {26 * len(names)} ? 0 : 1"}},
        "encoding": {"text": {"field": "jaccard", "type": "quantitative", "format": ".2f"}},
    }
    spec = {"data": {"name": "cells"}, "encoding": {"x": x, "y": y}, "layer": [rect, text]}
    closest = pairs.sort("jaccard", descending=True).row(0, named=True)
    alt = f"Most alike: {closest['subset']} and {closest['other']}, Jaccard {closest['jaccard']:.2f}"
    return Chart(spec, {"cells": cells}, alt, 26 * len(names) + 70)


def _drawn_tree(lines: pl.DataFrame, names: list[str], methods: dict[str, str]) -> Chart:
    leaves = pl.DataFrame({"subset": names, "position": np.arange(len(names), dtype=np.float64)})
    scale = {"domain": [len(names) - 0.7, -0.7], "nice": False, "zero": False}
    y = {"field": "position", "type": "quantitative", "axis": None, "scale": scale}
    x: dict[str, Any] = {
        "field": "distance",
        "type": "quantitative",
        "title": "1 - Jaccard",
        "scale": {"domain": [0, 1]},
    }
    x["axis"] = {"tickCount": 5}
    path = {
        "data": {"name": "lines"},
        "mark": {"type": "line", "interpolate": "linear", "color": POOL, "strokeWidth": 1.5},
        "encoding": {"x": x, "y": y, "detail": {"field": "merge"}, "order": {"field": "step"}},
    }
    dots = {"domain": names, "range": [METHODS.get(methods[name], POOL) for name in names]}
    dot = {
        "data": {"name": "leaves"},
        "mark": {"type": "point", "filled": True, "size": 50, "opacity": 1},
        "encoding": {"x": {"datum": 0}, "y": y, "color": {"field": "subset", "scale": dots, "legend": None}},
    }
    text = {
        "data": {"name": "leaves"},
        "mark": {"type": "text", "align": "left", "baseline": "bottom", "dx": 8, "dy": -3, "limit": _NAME_LIMIT},
        "encoding": {"x": {"datum": 0}, "y": y, "text": {"field": "subset"}},
    }
    alt = f"Subsets, those beside each other most alike: {', '.join(names)}"
    return Chart({"layer": [path, dot, text]}, {"lines": lines, "leaves": leaves}, alt, 26 * len(names) + 50)

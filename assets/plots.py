"""Small pictures for the UI, as PNG inside Markdown: metadata lives in the event log, so each stays under 20 KB."""

import base64
from collections.abc import Sequence
from typing import Any

import dagster as dg
import numpy as np
import polars as pl
from numpy.typing import ArrayLike

from mig_dagster.report.charts.colours import CHOSEN
from mig_dagster.report.charts.pictures import chart_png
from mig_dagster.report.figure import Chart

_HEIGHT = 170  # pixels of the plot
_COLOURS = 64
_DARK = 0.6
"""Share of the darkest colour from which on black text cannot be read."""


def histogram(values: ArrayLike, *, what: str, bins: int = 40) -> dg.MarkdownMetadataValue:
    """Return how often which value occurs.

    Args:
        values: numbers; those that are not finite are left out.
        what: the axis label.
        bins: bars.
    """
    numbers = np.asarray(values, dtype=np.float64)
    counts, edges = np.histogram(numbers[np.isfinite(numbers)], bins=bins)
    bars = pl.DataFrame({"start": edges[:-1], "end": edges[1:], "rows": counts})
    spec = {
        "data": {"name": "bars"},
        "mark": {"type": "bar", "color": CHOSEN, "binSpacing": 0},
        "encoding": {
            "x": {**_number("start", what), "bin": {"binned": True}, "scale": {"zero": False, "nice": False}},
            "x2": {"field": "end"},
            "y": _number("rows", "rows"),
        },
    }
    return picture(Chart(spec, {"bars": bars}, f"histogram of {what}", _HEIGHT))


def curve(points: Sequence[tuple[int, float]], *, what: str, over: str = "rows taken") -> dg.MarkdownMetadataValue:
    """Return a line through (count, value) points; by default of counts of chosen rows."""
    line = pl.DataFrame(list(points), schema={"x": pl.Int64, "y": pl.Float64}, orient="row")
    spec = {
        "data": {"name": "line"},
        "mark": {"type": "line", "color": CHOSEN},
        "encoding": {"x": _number("x", over), "y": {**_number("y", what), "scale": {"zero": False}}},
    }
    return picture(Chart(spec, {"line": line}, f"{what} by {over}", _HEIGHT))


def heat_map(values: ArrayLike, names: Sequence[str], *, what: str) -> dg.MarkdownMetadataValue:
    """Return how strongly each of some things goes with each other one.

    Args:
        values: (m, m) shares, 0..1; NaN stays white.
        names: of the m things.
        what: the share says.
    """
    shares = np.asarray(values, dtype=np.float64).reshape(len(names), len(names))
    there = np.argwhere(np.isfinite(shares)).tolist()
    lines = [(names[row], names[column], float(shares[row, column])) for row, column in there]
    cells = pl.DataFrame(lines, schema={"row": pl.String, "column": pl.String, "share": pl.Float64}, orient="row")
    axis: dict[str, Any] = {"type": "nominal", "title": None, "scale": {"domain": list(names)}}
    shade = {"field": "share", "type": "quantitative", "scale": {"domain": [0, 1], "scheme": "blues"}, "legend": None}
    white = {"condition": {"test": f"datum.share > {_DARK}", "value": "white"}, "value": "black"}
    text = {"text": {"field": "share", "type": "quantitative", "format": ".0%"}, "color": white}
    spec = {
        "data": {"name": "cells"},
        "encoding": {"x": {"field": "column", **axis, "axis": {"labelAngle": -60}}, "y": {"field": "row", **axis}},
        "layer": [
            {"mark": "rect", "encoding": {"color": shade}},
            {"mark": {"type": "text", "fontSize": 9}, "encoding": text},
        ],
    }
    return picture(Chart(spec, {"cells": cells}, what, 24 * len(names)), width=34 * len(names) + 40)


def picture(chart: Chart, *, width: int = 340) -> dg.MarkdownMetadataValue:
    """Return a chart as a PNG inside Markdown.

    Args:
        chart: what to draw.
        width: of the plot, pixels.
    """
    png = base64.b64encode(chart_png(chart, width=width, scale=1, colours=_COLOURS)).decode()
    # The text in brackets is Markdown's: what could end it is left out.
    alt = chart.alt.translate(dict.fromkeys(map(ord, "[]()!<>\n"), " "))
    return dg.MetadataValue.md(f"![{alt}](data:image/png;base64,{png})")


def _number(name: str, title: str) -> dict[str, Any]:
    return {"field": name, "type": "quantitative", "title": title}

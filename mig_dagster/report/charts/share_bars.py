"""Shares of the pool and of the subset in categories, as pairs of bars."""

from collections.abc import Sequence
from typing import Any

import polars as pl

from mig_dagster.report.figure import Chart
from mig_dagster.report.groups import COMPARED, group_colour

PAIR_HEIGHT = 26
"""Pixels for the two bars of a category."""

LABEL_WIDTH = 170
"""Most pixels of a category's name; hovering shows the whole."""


def share_bars(title: str, table: pl.DataFrame, category: str, count: str, alt: str) -> Chart:
    """Return a chart of two bars a category.

    Args:
        title: above the chart.
        table: `category`, `group` (pool or chosen), `share` in [0, 1] and `count`, in the order to be drawn.
        category: its column of categories.
        count: its column of counts, shown when hovering.
        alt: what a person who does not see the chart has to know.
    """
    order = table[category].unique(maintain_order=True).to_list()
    hover = [
        {"field": category, "type": "nominal"},
        {"field": "group", "type": "nominal"},
        {"field": "share", "type": "quantitative", "format": ".2%"},
        {"field": count, "type": "quantitative", "format": ","},
    ]
    axis = {"format": "~%", "tickCount": 5, "grid": True}
    spec = {
        "title": title,
        "data": {"name": "shares"},
        "mark": {"type": "bar"},
        "encoding": {
            "y": categories(category, order),
            "yOffset": {"field": "group", "type": "nominal", "sort": list(COMPARED), "scale": {"paddingOuter": 0}},
            "x": {"field": "share", "type": "quantitative", "title": None, "axis": axis},
            "color": group_colour(COMPARED),
            "tooltip": hover,
        },
    }
    return Chart(spec, {"shares": table}, alt, PAIR_HEIGHT * len(order))


def categories(category: str, order: Sequence[str]) -> dict[str, Any]:
    """Return the Vega-Lite channel of named categories from top to bottom."""
    axis = {"labelLimit": LABEL_WIDTH, "ticks": False, "domain": False}
    # Named in the domain, names stay data; a list to sort by becomes part of an expression.
    scale = {"domain": list(order), "paddingInner": 0.3, "paddingOuter": 0.15}
    return {"field": category, "type": "nominal", "title": None, "axis": axis, "scale": scale}

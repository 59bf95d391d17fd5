"""How a number is spread over groups of rows, as steps: the pool filled, the other groups as lines above it."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from mig_dagster.report.charts.histogram import Bins
from mig_dagster.report.figure import Chart
from mig_dagster.report.groups import group_colour
from mig_dagster.selection.base import Vector

HEIGHT = 200


def step_chart(title: str, bins: Bins, shares: Mapping[str, Vector], alt: str) -> Chart:
    """Return a chart of shares in bins.

    Args:
        title: what the numbers are.
        bins: b of them.
        shares: by group, the pool first: (b,) what share of the group's rows lies in each bin, zeros for a group
            without rows.
        alt: what a person who does not see the chart has to know.
    """
    names = list(shares)
    spec = {
        "title": title,
        "layer": [
            {"data": {"name": "steps"}, "transform": [{"filter": "datum.group == 'pool'"}], **_area(bins, names)},
            {"data": {"name": "steps"}, "transform": [{"filter": "datum.group != 'pool'"}], **_lines(bins, names)},
            {"data": {"name": "bins"}, **_hover(bins, names)},
        ],
    }
    return Chart(spec, {"steps": _steps(bins, shares), "bins": _bins(bins, shares)}, alt, HEIGHT)


def number(value: float) -> str:
    """Return a number as people write it: whole where large, three digits where small."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _area(bins: Bins, names: Sequence[str]) -> dict[str, Any]:
    return {"mark": {"type": "area", "interpolate": "step-after", "opacity": 0.45}, "encoding": _encoding(bins, names)}


def _lines(bins: Bins, names: Sequence[str]) -> dict[str, Any]:
    dashes = {"condition": {"test": "datum.group == 'rejected'", "value": [4, 3]}, "value": [1, 0]}
    mark = {"type": "line", "interpolate": "step-after", "strokeWidth": 2}
    return {"mark": mark, "encoding": _encoding(bins, names) | {"strokeDash": dashes}}


def _encoding(bins: Bins, names: Sequence[str]) -> dict[str, Any]:
    share = {
        "field": "share",
        "type": "quantitative",
        "title": "share of rows",
        "axis": {"format": "%", "tickCount": 4},
    }
    return {"x": _x("left", bins), "y": share | {"stack": None}, "color": group_colour(names)}


def _hover(bins: Bins, names: Sequence[str]) -> dict[str, Any]:
    shown = [{"field": name, "type": "quantitative", "format": ".2%"} for name in names]
    return {
        "mark": {"type": "rect", "opacity": 0},
        "encoding": {
            "x": _x("left", bins),
            "x2": {"field": "right"},
            "tooltip": [{"field": "bin", "type": "nominal"}, *shown],
        },
    }


def _x(field: str, bins: Bins) -> dict[str, Any]:
    kind = {"type": "log"} if bins.log else {"type": "linear", "zero": False}
    scale = kind | {"domain": bins.edges[[0, -1]].tolist(), "nice": False}
    axis: dict[str, Any] = {"grid": False, "format": "~s" if bins.log else ",~r"}
    axis |= {"values": log_ticks(*bins.edges[[0, -1]])} if bins.log else {"tickCount": 6}
    return {"field": field, "type": "quantitative", "title": None, "scale": scale, "axis": axis}


def log_ticks(low: float, high: float) -> list[float]:
    """Return the powers of ten between two numbers above 0, and their doubles and fivefolds where they are few."""
    powers = 10.0 ** np.arange(np.floor(np.log10(low)), np.ceil(np.log10(high)) + 1)
    fine = np.sort(np.concatenate([powers, 2 * powers, 5 * powers]))
    ticks = powers if np.count_nonzero((powers >= low) & (powers <= high)) > 3 else fine
    return [float(tick) for tick in ticks if low <= tick <= high]


def _steps(bins: Bins, shares: Mapping[str, Vector]) -> pl.DataFrame:
    """Return where each step begins; the last step is drawn to the last edge."""
    closed = {name: np.append(values, values[-1]) for name, values in shares.items()}
    frames = [
        pl.DataFrame({"group": [name] * len(bins.edges), "left": bins.edges, "share": values})
        for name, values in closed.items()
    ]
    return pl.concat(frames)


def _bins(bins: Bins, shares: Mapping[str, Vector]) -> pl.DataFrame:
    left, right = bins.edges[:-1].tolist(), bins.edges[1:].tolist()
    names = [f"{number(low)} to {number(high)}" for low, high in zip(left, right, strict=True)]
    if bins.below:
        names[0] = f"below {number(right[0])}"
    if bins.above:
        names[-1] = f"{number(left[-1])} and above"
    return pl.DataFrame({"left": left, "right": right, "bin": names, **shares})

"""How many rows are at least so long: a line a group, and what lies beyond the lengths that trainers cut at."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from mig_dagster.report.charts.step_chart import log_ticks, number
from mig_dagster.report.figure import Chart, Listing
from mig_dagster.report.groups import COMPARED, group_colour
from mig_dagster.selection.base import Rows, Vector

POINTS = 120
"""Points of a line."""

LIMITS = (256, 512, 1024, 2048, 4096, 8192, 16384, 32768)
"""Lengths that trainers cut at."""

HEIGHT = 220


def longer_rows(lengths: Rows, members: Mapping[str, Rows]) -> pl.DataFrame:
    """Return `group`, `length`, `share`: which share of the group's rows is at least as long.

    Args:
        lengths: (n,) of the pool's rows, at least 0; 0 counts as 1, since the lines are drawn over a logarithmic scale.
        members: pool indices of each group.
    """
    known = np.maximum(lengths, 1)
    ends = (float(known.min()), float(known.max())) if len(known) else (1.0, 1.0)
    points = np.unique(np.geomspace(*ends, POINTS).round().astype(np.int64))
    frames = [
        pl.DataFrame({"group": [group] * len(points), "length": points, "share": _at_least(known[rows], points)})
        for group, rows in members.items()
    ]
    return pl.concat(frames)


def _at_least(lengths: Rows, points: Rows) -> Vector:
    below = np.searchsorted(np.sort(lengths), points, side="left")
    return 1 - below / len(lengths) if len(lengths) else np.zeros(len(points))


def length_chart(unit: str, table: pl.DataFrame) -> Chart:
    """Return a chart of what `longer_rows` gives, lengths being counted in `unit`."""
    half = table.filter(pl.col("share") >= 0.5).group_by("group").agg(pl.col("length").max())
    told = ", ".join(f"{group} {number(length)}" for group, length in sorted(half.iter_rows(), reverse=True))
    share = {"field": "share", "type": "quantitative", "title": "share of rows", "axis": {"format": "~%"}}
    shown = int(table["length"].n_unique() == 1)  # a line of one point is not seen
    spec = {
        "title": f"Rows at least so many {unit} long",
        "data": {"name": "longer"},
        "mark": {"type": "line", "strokeWidth": 2, "point": {"opacity": shown, "size": 90}},
        "encoding": {
            "x": _x(unit, table["length"].to_numpy()),
            "y": share,
            "color": group_colour(COMPARED),
            "tooltip": [
                {"field": "group", "type": "nominal"},
                {"field": "length", "type": "quantitative", "format": ",", "title": f"at least so many {unit}"},
                {"field": "share", "type": "quantitative", "format": ".2%", "title": "share of rows"},
            ],
        },
    }
    alt = f"Share of rows at least so many {unit} long; half of the rows reach about: {told or 'no row'}."
    return Chart(spec, {"longer": table}, alt, HEIGHT)


def _x(unit: str, lengths: Rows) -> dict[str, Any]:
    first, last = float(lengths.min()), float(lengths.max())
    domain = [first, last] if first < last else [first / 2, last * 2]
    axis = {"format": "~s", "values": log_ticks(*domain), "grid": False}
    scale = {"type": "log", "domain": domain, "nice": False}
    return {"field": "length", "type": "quantitative", "title": unit, "scale": scale, "axis": axis}


def cut_offs(unit: str, lengths: Rows, members: Mapping[str, Rows]) -> Listing:
    """Return how many rows of each group are longer than what trainers cut at, up to what no row is longer than.

    Args:
        unit: that lengths are counted in.
        lengths: (n,) of the pool's rows.
        members: pool indices of each group.
    """
    lines = []
    for limit in LIMITS:
        counts = [int(np.count_nonzero(lengths[members[group]] > limit)) for group in COMPARED]
        shares = [100 * n / max(len(members[group]), 1) for n, group in zip(counts, COMPARED, strict=True)]
        lines.append((limit, counts[0], round(shares[0], 3), counts[1], round(shares[1], 3)))
        if not counts[0]:
            break
    columns = (f"longer than, {unit}", "rows of the pool", "% of the pool", "rows chosen", "% of the subset")
    return Listing("Rows longer than a cut-off", columns, lines)

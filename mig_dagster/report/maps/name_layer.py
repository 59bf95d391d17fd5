"""The names on a map: chosen and placed for a wide page and for a narrow one, of which one is seen."""

from typing import Any

import numpy as np
import polars as pl

from mig_dagster.report.maps.names import placed_names
from mig_dagster.report.maps.tsne import Plane
from mig_dagster.selection.base import Vector

WIDTHS = {"names_wide": 880, "names_narrow": 340}
"""Widths that names are placed for, by table."""
SWITCH = 600
"""Width of the plot from which those for the wide one are seen."""
_COLUMNS = {"at": pl.Int64, "name": pl.String, "align": pl.String, "dx": pl.Float64, "dy": pl.Float64}


def name_tables(
    places: Plane, unit: Plane, radii: Vector, names: list[str], height: int, most: dict[str, int]
) -> dict[str, pl.DataFrame]:
    """Return the names that find room at each of `WIDTHS`, as `name_layers` draws them.

    Args:
        places: (m, 2) of the points, in the units of the chart's axes.
        unit: (m, 2) the same in the frame: x to the right and y down, both -1..1.
        radii: (m,) pixels at the larger width; areas shrink as the width does.
        names: of each point, those that matter most first.
        height: of the frame, pixels.
        most: names at most, by table.
    """
    tables = {}
    for table, width in WIDTHS.items():
        pixels = unit * np.array([width, height]) / 2
        smaller = radii * np.sqrt(width / WIDTHS["names_wide"])
        kept = placed_names(pixels, smaller, names, (width, height), most[table])
        frame = pl.DataFrame(kept, schema=_COLUMNS, orient="row")
        at = frame["at"].to_numpy()
        tables[table] = frame.drop("at").with_columns(
            pl.col("dx", "dy").round(2), x=pl.Series(places[at, 0]).round(4), y=pl.Series(places[at, 1]).round(4)
        )
    return tables


def name_layers(x: dict[str, Any], y: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the layers that draw `name_tables`, given the channels of a chart's axes."""
    return [
        {
            "data": {"name": table},
            "mark": {
                "type": "text",
                "align": {"expr": "datum.align"},
                "dx": {"expr": "datum.dx"},
                "dy": {"expr": "datum.dy"},
                "opacity": {"expr": f"{seen} ? 1 : 0"},
                "tooltip": False,
                "clip": True,  # a name that is wider than thought must not shift the plot
            },
            "encoding": {"x": {**x, "field": "x"}, "y": {**y, "field": "y"}, "text": {"field": "name"}},
        }
        for table, seen in (("names_narrow", f"width < {SWITCH}"), ("names_wide", f"width >= {SWITCH}"))
    ]

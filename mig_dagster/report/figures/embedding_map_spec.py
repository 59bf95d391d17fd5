"""How the map of the rows is drawn: points of the pool, chosen ones on top, and names of regions."""

from typing import Any

from mig_dagster.report.charts.colours import CHOSEN, POOL
from mig_dagster.report.maps.name_layer import name_layers

HEIGHT = 520
"""Of the plot, pixels."""
_X, _Y = (
    {
        "field": f"projection_{axis}",
        "type": "quantitative",
        "axis": None,
        "scale": {"domain": [-1.03, 1.03], "nice": False, "zero": False},
    }
    for axis in "xy"
)
_KIND = {
    "field": "kind",
    "type": "nominal",
    "scale": {"domain": ["chosen", "not chosen"], "range": [CHOSEN, POOL]},
    "legend": {"title": None, "symbolOpacity": 1},
}
_HOVER = [
    {"field": "text", "title": "row"},
    {"field": "source"},
    {"field": "rank", "format": ","},
    {"field": "score", "format": ".2f"},
    {"field": "labels"},
]


def embedding_map_spec() -> dict[str, Any]:
    """Return the picture of the tables `pool`, `chosen`, `names_wide` and `names_narrow`."""
    layers = [
        _points("pool", "not chosen", size=14, opacity=0.4),
        _points("chosen", "chosen", size=30, opacity=0.9),
        *name_layers(_X, _Y),
    ]
    return {"layer": layers}


def _points(table: str, kind: str, **mark: Any) -> dict[str, Any]:
    return {
        "data": {"name": table},
        "transform": [{"calculate": f"'{kind}'", "as": "kind"}],
        "mark": {"type": "circle", **mark},
        "encoding": {"x": _X, "y": _Y, "color": _KIND, "tooltip": _HOVER},
    }

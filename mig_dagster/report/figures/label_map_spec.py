"""How the map of the labels is drawn: edges, circles, rings and names."""

import math
from collections.abc import Sequence
from typing import Any

from mig_dagster.report.charts.colours import CHOSEN, POOL, REJECTED
from mig_dagster.report.maps.name_layer import WIDTHS, name_layers

FRAME = (WIDTHS["names_wide"], 560)
"""Width and height that places are made for, pixels."""


def label_map_spec(clip: float, weights: Sequence[float]) -> dict[str, Any]:
    """Return the picture of the tables `labels`, `edges`, `names_wide` and `names_narrow`.

    Args:
        clip: log2 of coverage at which the colours end.
        weights: of the edges drawn; a slider hides the lighter ones, where they differ.
    """
    layers = [
        _edges(),
        *_circles(clip),
        *name_layers(X, Y),
    ]
    least, most = min(weights, default=0.0), max(weights, default=0.0)
    low, high = math.floor(least * 100) / 100, math.ceil(most * 100) / 100
    slider = {"input": "range", "min": low, "max": high, "step": 0.01, "name": "Edges of weight from "}
    param = {"name": "weight_from", "value": low}
    return {"params": [{**param, "bind": slider} if least < most else param], "layer": layers}


def _axis(field: str, half: float, **scale: Any) -> dict[str, Any]:
    domain = {"domain": [-half, half], "nice": False, "zero": False, **scale}
    return {"field": field, "type": "quantitative", "axis": None, "scale": domain}


X = _axis("x", FRAME[0] / 2)
Y = _axis("y", FRAME[1] / 2, reverse=True)


def _edges() -> dict[str, Any]:
    seen = {"expr": "datum.weight >= weight_from ? 0.3 : 0"}
    return {
        "data": {"name": "edges"},
        "mark": {"type": "rule", "color": POOL, "strokeWidth": 0.8, "opacity": seen},
        "encoding": {
            "x": X,
            "y": Y,
            "x2": {"field": "x2"},
            "y2": {"field": "y2"},
            "tooltip": [{"field": "pair", "title": "linked"}, {"field": "weight", "type": "quantitative"}],
        },
    }


def _colour(clip: float) -> dict[str, Any]:
    words = "datum.value >= 0 ? pow(2, datum.value) + ' : 1' : '1 : ' + pow(2, -datum.value)"
    legend = {
        "title": "share of chosen rows ÷ share of pool rows",
        "titleLimit": 300,
        "values": [-clip, -1.0, 0.0, 1.0, clip],
        "labelExpr": words,
        "gradientLength": 220,
        "gradientThickness": 10,
        "gradientOpacity": 1,
        "orient": "top",
    }
    scale = {
        "domain": [-clip, 0, clip],
        "range": [REJECTED, POOL, CHOSEN],
        "interpolate": "rgb",
        "clamp": True,
    }
    return {"field": "colour", "type": "quantitative", "scale": scale, "legend": legend}


def _circles(clip: float) -> list[dict[str, Any]]:
    """Return the labels with chosen rows as discs, and those without as rings."""
    disc = {"type": "circle", "opacity": 0.7}
    ring = {"type": "point", "shape": "circle", "filled": False, "fill": "transparent", "strokeWidth": 1.3}
    return [
        _labels("datum.chosen_rows > 0", disc, {"color": _colour(clip)}),
        _labels("datum.chosen_rows == 0", {**ring, "stroke": REJECTED}, {}),
    ]


def _labels(which: str, mark: dict[str, Any], encoding: dict[str, Any]) -> dict[str, Any]:
    return {
        "data": {"name": "labels"},
        "transform": [{"filter": which}],
        "mark": {**mark, "size": {"expr": f"datum.area * min(1, width / {FRAME[0]})"}},
        "encoding": {
            "x": X,
            "y": Y,
            **encoding,
            "tooltip": [
                {"field": "label"},
                {"field": "pool_rows", "type": "quantitative", "format": ",", "title": "rows of the pool"},
                {"field": "chosen_rows", "type": "quantitative", "format": ",", "title": "chosen rows"},
                {"field": "information", "type": "quantitative", "format": ".2%", "title": "of the information"},
                {"field": "coverage", "type": "quantitative", "format": ".2f", "title": "coverage"},
                {"field": "neighbours"},
                {"field": "rows", "title": "chosen, as"},
            ],
        },
    }

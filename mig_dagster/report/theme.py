"""How charts look beside the page's text: Vega-Lite configurations for light and dark."""

from typing import Any

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"


def _theme(ink: str, faint: str, grid: str) -> dict[str, Any]:
    guide = {"labelColor": faint, "titleColor": ink, "labelFontSize": 11, "titleFontSize": 11, "titleFontWeight": 500}
    axis = {"domainColor": grid, "tickColor": grid, "gridColor": grid, "gridOpacity": 0.7, "tickSize": 4}
    return {
        "background": None,
        "font": FONT,
        "padding": {"left": 4, "right": 8, "top": 6, "bottom": 4},
        "view": {"stroke": None},
        "axis": {**guide, **axis, "labelPadding": 5, "titlePadding": 9, "labelOverlap": True},
        "axisX": {"grid": False},
        "header": guide,
        "title": {"color": ink, "subtitleColor": faint, "fontSize": 12, "fontWeight": 600, "anchor": "start"},
        "legend": {**guide, "orient": "top", "symbolType": "circle", "labelLimit": 220, "symbolSize": 70},
        "text": {"color": ink, "fontSize": 11},
        "rule": {"color": faint},
        "tick": {"color": ink},
    }


LIGHT = _theme("#1d2733", "#5b6774", "#dfe3e8")
DARK = _theme("#e6eaee", "#9aa5b1", "#36404b")

"""Charts as small PNGs, drawn without a browser: for places that show pictures and run no script."""

from collections.abc import Mapping
from io import BytesIO
from typing import Any

import polars as pl

from mig_dagster.report.charts.drawable import drawable
from mig_dagster.report.figure import Chart
from mig_dagster.report.theme import LIGHT

VEGA_LITE = "6.4"
WIDTH = 440
COLOURS = 160
"""Of the palette: a quarter of the bytes that a picture with full colours takes."""


def chart_png(chart: Chart, *, width: int = WIDTH, scale: float = 1.5, colours: int = COLOURS) -> bytes:
    """Return a chart as a PNG on white.

    The first call of a process starts a JavaScript engine, which takes about a second.

    Args:
        chart: what to draw.
        width: of the plot, pixels before scaling.
        scale: pixels of the picture per pixel of the plot.
        colours: of the palette, at most.
    """
    import vl_convert  # loads a JavaScript engine
    from PIL import Image

    # A legend above a plot does not wrap by itself.
    config = LIGHT | {"background": "white", "legend": LIGHT["legend"] | {"columns": max(1, width // 150)}}
    drawn = vl_convert.vegalite_to_png(
        whole_spec(chart, chart.data) | {"width": width},
        vl_version=VEGA_LITE,
        scale=scale,
        config=config,
        allowed_base_urls=[],
    )
    png = BytesIO()
    with Image.open(BytesIO(drawn)) as picture:
        picture.convert("RGB").quantize(colours).save(png, "png", optimize=True)
    return png.getvalue()


def whole_spec(chart: Chart, data: Mapping[str, pl.DataFrame]) -> dict[str, Any]:
    """Return a chart's specification with its data in it, as Vega-Lite takes it."""
    datasets = {name: drawable(frame.to_dicts()) for name, frame in data.items()}
    return {**drawable(chart.spec), "height": chart.height, "datasets": datasets}

from io import BytesIO

import polars as pl
import pytest
from PIL import Image

from mig_dagster.report.charts.pictures import chart_png
from mig_dagster.report.figure import Chart
from mig_dagster.report.figures.information_curve import information_curve
from mig_dagster.report.figures.overlap import overlap
from tests.report.small_report import small_inputs


@pytest.mark.parametrize("figure", [information_curve, overlap])
def test_a_chart_becomes_a_small_picture_that_is_not_blank(figure):
    for part in figure(small_inputs()).parts:
        if isinstance(part, Chart):
            png = chart_png(part)
            assert len(png) < 40_000
            with Image.open(BytesIO(png)) as picture:
                assert picture.width > 600
                assert len(picture.convert("RGB").getcolors(1000)) > 10


def test_the_colour_of_a_mark_is_kept():
    spec = {
        "data": {"name": "one"},
        "mark": {"type": "bar", "color": "#d9680f"},
        "encoding": {"x": {"field": "x", "type": "nominal"}, "y": {"field": "y", "type": "quantitative"}},
    }
    png = chart_png(Chart(spec, {"one": pl.DataFrame({"x": ["a"], "y": [1]})}, "a bar"))
    with Image.open(BytesIO(png)) as picture:
        colours = {colour for _, colour in picture.convert("RGB").getcolors(1000)}
    assert any(max(abs(a - b) for a, b in zip(colour, (0xD9, 0x68, 0x0F), strict=True)) < 6 for colour in colours)

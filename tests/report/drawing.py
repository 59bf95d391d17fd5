"""Draws a chart as the page does, and says what Vega-Lite warned of."""

import json

from mig_dagster.report.charts.pictures import VEGA_LITE, whole_spec
from mig_dagster.report.figure import Chart
from mig_dagster.report.theme import LIGHT


def drawn(chart: Chart, width: int = 680, config=LIGHT) -> bytes:
    """Return a PNG; raises where the spec is none, and prints what Vega-Lite warns of."""
    import vl_convert

    spec = json.dumps(whole_spec(chart, chart.data) | {"width": width})
    return vl_convert.vegalite_to_png(spec, vl_version=VEGA_LITE, config=config, show_warnings=True)


def assert_draws(chart: Chart, capfd) -> None:
    """Draw a chart; fail where it is no picture, or Vega warns."""
    assert not {"width", "height", "datasets", "config", "$schema"} & set(chart.spec)
    assert chart.alt
    capfd.readouterr()
    assert drawn(chart).startswith(b"\x89PNG")
    captured = capfd.readouterr()
    assert captured.err == ""
    assert captured.out == ""

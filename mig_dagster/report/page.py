"""The report as one HTML file: nothing in it comes from a network, and no text of a row is taken for anything but text.

Charts are drawn by Vega with its expression interpreter, so the page's policy allows no `eval`, no script but its own
two (by hash), and no request at all.
"""

import base64
import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl
from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup

import mig_dagster
from mig_dagster.report.charts.drawable import drawable
from mig_dagster.report.charts.pictures import VEGA_LITE
from mig_dagster.report.figure import Chart, Figure, Listing, Part, Value
from mig_dagster.report.reading.excerpts import visible
from mig_dagster.report.theme import DARK, LIGHT

LISTED = 400
"""Lines of a table that the page shows; the figure's Parquet has them all."""
DIGITS = 6
"""Significant digits of what charts draw."""
_TEMPLATES = Path(__file__).parent / "template"
_IN_SCRIPT = {ord(mark): f"\\u{ord(mark):04x}" for mark in "<>&\u2028\u2029"}


@dataclass(frozen=True)
class Head:
    """What stands above the figures; plain text.

    Attributes:
        title: the subset's name.
        lead: what it is, in a sentence.
        facts: name -> value, few: shown large.
        warnings: what to know before it is used.
        made_from: name -> value: versions, options and when.
    """

    title: str
    lead: str
    facts: Mapping[str, Value] = field(default_factory=dict)
    warnings: Sequence[str] = ()
    made_from: Mapping[str, str] = field(default_factory=dict)


def report_page(head: Head, figures: Sequence[Figure]) -> str:
    """Return the page.

    Args:
        head: what stands above the figures.
        figures: in the order of the page, names all different.
    """
    charts: list[Chart] = []
    sections = [{**vars(figure), "parts": [_part(part, charts) for part in figure.parts]} for figure in figures]
    data = _script_json({"charts": [_drawn(chart) for chart in charts], "light": LIGHT, "dark": DARK})
    library, script = _library(), _text("page.js")
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    environment.filters["written"] = written
    return environment.get_template("page.html").render(
        head=head,
        figures=sections,
        drawn=[_amounts(figure) for figure in figures if figure.tables],
        version=mig_dagster.__version__,
        policy=_policy(library, script),
        css=Markup(_text("page.css")),
        charts=Markup(data),
        library=Markup(library),
        script=Markup(script),
    )


def _shown(value: Any) -> Any:
    """Return what the template writes in the place of a value: text with nothing in it left invisible."""
    return visible(value) if type(value) is str else value


def written(value: float) -> str:
    """Return a number as people read it: thousands apart, four digits that say something; a dash for NaN."""
    if isinstance(value, int):
        return f"{value:,}"
    if math.isnan(value):
        return "\u2013"
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e15 else f"{value:.4g}"


def _part(part: Part, charts: list[Chart]) -> dict[str, Any]:
    """Return a part as the template takes it; a chart is added to `charts` and named by its place there."""
    if isinstance(part, Chart):
        charts.append(part)
        return {"kind": "chart", "alt": part.alt, "height": part.height, "place": len(charts) - 1}
    if isinstance(part, Listing):
        more = f"The first {LISTED:,} of {len(part.lines):,} lines." if len(part.lines) > LISTED else ""
        return {"kind": "listing", **vars(part), "lines": part.lines[:LISTED], "more": more}
    return {"kind": "readings", "heading": part.heading, "conversations": part.items}


def _amounts(figure: Figure) -> str:
    """Return how many lines of data a figure draws, beside those that its tables hold: what is a sample is seen."""
    drawn = sum(frame.height for part in figure.parts if isinstance(part, Chart) for frame in part.data.values())
    whole = ", ".join(f"{name} {frame.height:,}" for name, frame in figure.tables.items())
    return f"{figure.title}: draws {drawn:,} lines of data; its tables hold {whole}."


def _drawn(chart: Chart) -> dict[str, Any]:
    """Return a chart as the page's script takes it: its data by column, floats rounded to `DIGITS`."""
    data = {name: _columns(frame) for name, frame in chart.data.items()}
    return {"spec": drawable(chart.spec), "height": chart.height, "data": drawable(data)}


def _columns(frame: pl.DataFrame) -> dict[str, list[Any]]:
    floats = [pl.col(name).cast(pl.Float64) for name, kind in frame.schema.items() if kind.is_float()]
    # JSON knows no NaN and no infinity.
    rounded = [pl.when(column.is_finite()).then(column.round_sig_figs(DIGITS)) for column in floats]
    return frame.with_columns(rounded).to_dict(as_series=False)


def _script_json(document: Any) -> str:
    """Return JSON that can stand in a script element: nothing in it ends the element or opens a comment."""
    return json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":")).translate(_IN_SCRIPT)


@cache
def _library() -> str:
    """Return Vega, Vega-Lite and Vega-Embed as one script that defines `vegaEmbed`."""
    import vl_convert  # starts a JavaScript engine

    bundle: str = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;", vl_version=VEGA_LITE)
    return bundle.replace("</script", "<\\/script").replace("<!--", "<\\!--")


def _text(name: str) -> str:
    return (_TEMPLATES / name).read_text(encoding="utf-8")


def _policy(*scripts: str) -> str:
    hashes = " ".join(
        f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" for text in scripts
    )
    # Vega sets styles of its elements; there is nothing else to load, to send to, or to be embedded.
    only = "style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
    return f"default-src 'none'; script-src {hashes}; {only}"

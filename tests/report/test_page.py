import json
import re

import polars as pl
import pytest

from mig_dagster.report.figure import Chart, Figure, Listing, Reading, Readings
from mig_dagster.report.figures import FIGURES
from mig_dagster.report.page import LISTED, Head, report_page, written
from tests.report.small_report import SCRIPT, small_inputs

HEAD = Head(f"subset {SCRIPT}", SCRIPT, {SCRIPT: SCRIPT, "rows": 12345}, [SCRIPT], {"made": SCRIPT})
SPEC = {
    "data": {"name": "lines"},
    "title": SCRIPT,
    "mark": "rect",
    "encoding": {
        "y": {"field": "name", "type": "nominal"},
        "color": {"field": "x", "type": "quantitative", "title": SCRIPT},
        "tooltip": [{"field": "name", "title": SCRIPT}],
    },
}


def planted() -> Figure:
    """Return a figure with a script wherever text can stand."""
    data = pl.DataFrame({"x": [1.0, float("nan"), 1 / 3], "name": [SCRIPT, "\u2028<!--", "</script>"]})
    parts = [
        Chart(SPEC, {"lines": data}, f'alt" {SCRIPT}'),
        Listing(SCRIPT, ["a", SCRIPT], [(1, SCRIPT), (None, SCRIPT)]),
        Readings(SCRIPT, [Reading(SCRIPT, [(SCRIPT, SCRIPT)], {SCRIPT: SCRIPT})]),
    ]
    return Figure("planted", SCRIPT, SCRIPT, parts, {"planted": data})


def shown(page: str) -> str:
    """Return the page without its scripts: Vega's has elements of its own."""
    return re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL)


def charts_of(page: str) -> dict:
    return json.loads(re.search(r'<script type="application/json" id="charts">(.*?)</script>', page, re.DOTALL)[1])


def test_no_text_becomes_an_element():
    page = report_page(HEAD, [planted(), Figure("absent", SCRIPT, SCRIPT, missing=SCRIPT)])
    assert page.count("<script") == page.count("</script") == 3  # the data, the library, the page's own
    assert "<img" not in shown(page)
    assert 'onerror="document' not in shown(page)


def test_data_arrives_as_it_was_in_columns_and_what_is_no_number_is_null():
    (chart,) = charts_of(report_page(HEAD, [planted()]))["charts"]
    assert chart["data"] == {"lines": {"x": [1.0, None, 0.333333], "name": [SCRIPT, "⟨U+2028⟩<!--", "</script>"]}}
    assert chart["spec"]["title"] == SCRIPT


def test_every_figure_has_its_section_its_place_in_the_contents_and_its_files():
    figures = [figure(small_inputs()) for figure in FIGURES]
    page = report_page(HEAD, figures)
    for figure in figures:
        assert f'<section class="figure" id="{figure.name}"' in page
        assert f'<a href="#{figure.name}"' in page
        assert all(f'href="{name}.parquet"' in page for name in figure.tables)
    assert re.findall(r'<section class="figure" id="(\w+)"', page) == [figure.name for figure in figures]


def test_a_figure_that_could_not_be_made_says_why():
    page = report_page(HEAD, [Figure("map", "A map", "", missing="the pool has no embeddings")])
    assert "Not shown: the pool has no embeddings." in page


def test_a_long_table_is_cut_and_says_so():
    lines = [(place,) for place in range(LISTED + 5)]
    page = report_page(HEAD, [Figure("long", "Long", "", [Listing("Rows", ["n"], lines)])])
    assert f"The first {LISTED} of {LISTED + 5} lines" in page
    assert shown(page).count("<tr>") == LISTED + 1


def test_the_page_may_load_nothing_and_run_only_its_own_scripts():
    page = report_page(HEAD, [planted()])
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1].replace("&#39;", "'")
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe-eval" not in policy
    assert "unsafe-inline" not in policy.split("style-src")[0]
    assert not re.search(r'(src|href)="(https?:)?//', page)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (12345, "12,345"), (12345.6, "12,346"), (0.25, "0.25"), (1.23456, "1.235"), (0.00001234, "1.234e-05")],
)
def test_numbers_are_written_for_people(value, text):
    assert written(value) == text


def test_what_is_no_number_is_a_dash():
    assert written(float("nan")) == "\u2013"

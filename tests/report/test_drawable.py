"""Names that Vega, its expressions or an XML parser stumble over are drawn as they stand."""

import polars as pl
import pytest

from mig_dagster.report.charts.drawable import drawable
from mig_dagster.report.charts.pictures import chart_png
from mig_dagster.report.charts.share_bars import share_bars
from mig_dagster.report.page import Head, report_page

NAMES = ["a\u2028b", "nul\0byte", "\uffff", "constructor", "__proto__", "datum['x']", '"+alert(1)+"', "x\\", "l\nm"]


@pytest.mark.parametrize("name", NAMES)
def test_a_category_of_any_name_is_drawn(name):
    bars = pl.DataFrame(
        {"source": [name, name, "b", "b"], "group": ["pool", "chosen"] * 2, "share": [0.5] * 4, "rows": [1] * 4}
    )
    assert chart_png(share_bars("Sources", bars, "source", "rows", ""))[1:4] == b"PNG"


def test_texts_of_a_chart_are_written_out_and_names_of_members_stay():
    assert drawable({"title": "a\u202eb", "sort": ["toString", 1, None]}) == {
        "title": "a⟨U+202E⟩b",
        "sort": ["toString ", 1, None],
    }


def test_the_page_writes_out_what_is_invisible_wherever_it_stands():
    name = "a\u202eb\u2028c\U000e0041"
    page = report_page(Head(name, name, {name: name}, [name], {name: name}), [])
    assert page.count("a⟨U+202E⟩b⟨U+2028⟩c⟨U+E0041⟩") == 8  # the title twice
    assert name not in page

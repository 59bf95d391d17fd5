import base64

import numpy as np
import polars as pl

from assets import metadata as shown
from assets.plots import curve, heat_map, histogram


def png_bytes(picture) -> bytes:
    return base64.b64decode(picture.value.split("base64,")[1].rstrip(")"))


def test_pictures_are_small_pngs():
    """They are stored in the event log with every materialisation."""
    pictures = [
        histogram([1.0, 2.0, float("nan")], what="score"),
        curve([(1, 2.0), (5, 3.0)], what="gain so far"),
        heat_map(np.random.default_rng(0).random((13, 13)), [f"method {i}" for i in range(13)], what="rows shared"),
    ]
    for picture in pictures:
        data = png_bytes(picture)
        assert data.startswith(b"\x89PNG")
        assert len(data) < 20_000


def test_pictures_of_nothing_are_still_pictures():
    assert png_bytes(histogram([], what="score"))
    assert png_bytes(curve([], what="gain"))


def test_a_preview_is_a_table_that_no_text_can_break():
    frame = pl.DataFrame({"text": ["a|b\nc <img>", "x" * 500, None], "n": [1, 2, 3]})
    lines = shown.preview(frame).value.splitlines()
    assert lines[:3] == ["| text | n |", "| --- | --- |", "| a\\|b c &lt;img&gt; | 1 |"]
    assert lines[3].endswith("x… | 2 |")
    assert len(lines[3]) < 140
    assert lines[4] == "|  | 3 |"


def test_a_preview_shows_markdown_as_it_was_written():
    """A picture would be fetched by everybody who looks at the asset, from wherever a row says."""
    frame = pl.DataFrame({"text": ["![x](https://example.org/x.png) [y](javascript:z) `a` **b** ~~c~~ &lt;"]})
    assert shown.preview(frame).value.splitlines()[2] == (
        r"| \!\[x\](https://example.org/x.png) \[y\](javascript:z) \`a\` \*\*b\*\* \~\~c\~\~ &amp;lt; |"
    )


def test_the_mix_shows_sources_that_were_not_chosen():
    table = shown.source_mix({"a": 75, "b": 25}, {"a": 5}).value.splitlines()
    assert table[2:] == ["| a | 75 | 75.0% | 5 | 100.0% |", "| b | 25 | 25.0% | 0 | 0.0% |"]


def test_the_mix_of_nothing_divides_by_nothing():
    assert len(shown.source_mix({}, {}).value.splitlines()) == 2


def test_columns_are_shown_with_their_types():
    schema = shown.column_schema(pl.LazyFrame({"a": [1.5], "b": [["x"]]}))
    assert [(column.name, column.type) for column in schema.columns] == [("a", "Float64"), ("b", "List(String)")]


def test_counts_say_what_they_count():
    assert shown.counts("reason", {"empty": 1200}).value.splitlines()[0::2] == [
        "| reason | rows |",
        "| empty | 1,200 |",
    ]
    assert shown.counts("step", {}, of="tags").value.splitlines()[0] == "| step | tags |"

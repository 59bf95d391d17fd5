"""The report's folder: a page and every table, or nothing."""

import polars as pl
import pytest

from mig_dagster.report.figure import Figure
from mig_dagster.stages.report import files as report_files
from mig_dagster.stages.report.files import build_report, write_report
from tests.report.small_report import small_inputs


def figure(name, tables=(), missing=""):
    made = Figure(
        name, name.title(), "About.", tables={each: pl.DataFrame({"x": [1]}) for each in tables}, missing=missing
    )
    return lambda given: made


@pytest.fixture
def figures(monkeypatch):
    return lambda *made: monkeypatch.setattr(report_files, "FIGURES", made)


def test_the_page_comes_last_and_every_table_is_beside_it(tmp_path, figures):
    figures(figure("one", ["one", "one_more"]), figure("two", missing="it is not there"))
    steps = []
    made = write_report(tmp_path / "out", small_inputs(), {"pool": "v1"}, lambda done, of: steps.append((done, of)))
    assert list(made.bytes) == ["one.parquet", "one_more.parquet", "report.html"]
    assert sorted(each.name for each in tmp_path.rglob("*") if each.is_file()) == sorted(made.bytes)
    assert made.missing == {"Two": "it is not there"}
    assert steps == [(1, 2), (2, 2)]
    assert pl.read_parquet(tmp_path / "out" / "one.parquet")["x"].to_list() == [1]


def test_a_figure_that_fails_fails_the_report_and_leaves_the_one_before(tmp_path, figures):
    figures(figure("one", ["one"]))
    write_report(tmp_path / "out", small_inputs(), {})
    before = (tmp_path / "out" / "report.html").read_bytes()

    def fail(given):
        raise RuntimeError("cannot draw")

    figures(figure("one", ["one", "other"]), fail)
    with pytest.raises(RuntimeError, match="cannot draw"):
        write_report(tmp_path / "out", small_inputs(), {})
    assert (tmp_path / "out" / "report.html").read_bytes() == before
    assert sorted(each.name for each in (tmp_path / "out").iterdir()) == ["one.parquet", "report.html"]
    assert [each.name for each in tmp_path.iterdir()] == ["out"]


def test_two_tables_of_one_name_are_an_error(tmp_path, figures):
    figures(figure("one", ["table"]), figure("two", ["table"]))
    with pytest.raises(ValueError, match="figure two has a table 'table', and so has another"):
        build_report(tmp_path, small_inputs(), {})


def test_the_head_says_what_the_subset_is_and_what_it_was_made_from(tmp_path, figures):
    figures(figure("one"))
    given = small_inputs()
    info = dict(given.chosen.info) | {"warnings": ["mind the gap"], "shortfall": "ran out", "excluded": 7}
    object.__setattr__(given.chosen, "info", info)
    made_from = {"pool": "abc", "tags/chat": "t1", "tags/maths": "t2"}
    page = (write_report(tmp_path, given, made_from).folder / "report.html").read_text()
    for text in ("12 of 60 rows, chosen by mig", "mind the gap", "Fewer rows than asked for: ran out", "abc"):
        assert text in page
    assert "7 rows could not be chosen" in page
    assert "2 sources, " in page
    assert "1 other choice." in page

"""The report of subsets that were chosen before."""

import json

import pytest

from mig_dagster.stages.report.subsets import report_subsets, shared_inputs
from mig_dagster.stages.stored_subset import find_subset
from tests.stages.small_pool import Words

from .test_select_files import select

ASKED = ("write a python function", "translate this poem", "solve the equation x + 1 = 2")


@pytest.fixture
def chosen(tmp_path, tiny_model):
    """Return a function that chooses by a method from the first rows of a file and finds the subset again."""

    def run(method, rows=3):
        path = tmp_path / f"mine{rows}.jsonl"
        path.write_text("".join(json.dumps({"instruction": ask, "output": "done"}) + "\n" for ask in ASKED[:rows]))
        select(path, tmp_path / f"{method}{rows}", tiny_model, tmp_path / "home", method=method)
        return find_subset(str(tmp_path / f"{method}{rows}"), str(tmp_path / "home"))

    return run


def test_subsets_of_one_pool_make_a_page_about_the_first(chosen, tmp_path):
    steps = []
    made = report_subsets(
        [chosen("mig"), chosen("random")],
        tmp_path / "out",
        count_tokens=Words(),
        on_progress=lambda what, done, total: steps.append(what),
    )
    page = (tmp_path / "out" / "report.html").read_text()
    assert "<h1>mig3</h1>" in page
    assert "3 of 3 rows, chosen by mig. It stands beside 1 other choice." in page
    assert "random3" in page
    assert "Which methods choose the same rows" not in made.missing
    assert list(dict.fromkeys(steps)) == ["reading the pool", "counting tokens", "drawing figures"]


def test_a_method_that_reads_no_signal_gives_a_page_that_says_what_is_lacking(chosen, tmp_path):
    made = report_subsets(
        [chosen("random")], tmp_path / "out", count_tokens=Words(), on_progress=lambda what, done, total: None
    )
    assert "the pool has no tags" in made.missing["Information against budget"]


def test_subsets_of_several_pools_are_refused(chosen):
    with pytest.raises(ValueError, match=r"was chosen from another pool than .*random3: a report compares"):
        shared_inputs([chosen("random"), chosen("random", rows=2)])


def test_an_output_that_is_a_file_is_refused(chosen, tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ValueError, match="is a file; name a folder"):
        report_subsets([chosen("random")], tmp_path / "file", count_tokens=Words(), on_progress=print)

from dataclasses import replace

import numpy as np
import pytest

from mig_dagster.report.figure import Chart, Listing
from mig_dagster.report.figures.overlap import overlap
from mig_dagster.report.inputs import ReportInputs, ReportSubset
from tests.report.small_report import small_inputs


def with_rows(given: ReportInputs, **rows) -> ReportInputs:
    subsets = [ReportSubset(name, "mig", np.array(each), np.zeros(len(each))) for name, each in rows.items()]
    return replace(given, subsets=subsets)


def test_the_overlap_is_that_of_the_first_rows_of_equally_many():
    figure = overlap(with_rows(small_inputs(), a=[0, 1, 2, 3], b=[2, 1, 7, 8, 0, 3], c=[9, 8, 2, 1, 0]))
    assert figure.tables["overlap_pairs"].rows() == [
        ("a", "b", 4, 4, 2, 2 / 6),
        ("a", "c", 4, 4, 2, 2 / 6),
        ("b", "c", 4, 4, 3, 3 / 5),
    ]


def test_a_subset_whose_beginning_is_no_choice_counts_whole():
    given = with_rows(small_inputs(), a=[0, 1], b=[2, 1, 0])
    whole = replace(given.subsets[1], info={"nested": False})
    figure = overlap(replace(given, subsets=[given.subsets[0], whole]))
    assert figure.tables["overlap_pairs"].rows() == [("a", "b", 2, 3, 2, 2 / 3)]
    assert "b whole" in figure.about


def test_the_tree_puts_the_most_alike_beside_each_other():
    figure = overlap(with_rows(small_inputs(), a=[0, 1, 2, 3], far=[50, 51, 52, 53], b=[1, 2, 3, 4]))
    tree = figure.parts[1]
    assert isinstance(tree, Chart)
    names = tree.data["leaves"].sort("position")["subset"].to_list()
    assert abs(names.index("a") - names.index("b")) == 1
    assert tree.data["lines"]["distance"].unique().sort().to_list() == pytest.approx([0, 1 - 3 / 5, 1])
    assert set(tree.data["lines"].filter(distance=0)["position"]) == {0, 1, 2}


def test_the_matrix_holds_every_ordered_pair_and_the_table_the_most_alike_first():
    matrix, _, listing = overlap(with_rows(small_inputs(), a=[0, 1, 2], b=[2, 1, 9], c=[5, 6, 0])).parts
    assert isinstance(matrix, Chart)
    assert isinstance(listing, Listing)
    assert matrix.data["cells"].height == 6
    assert [line[:2] for line in listing.lines] == [("a", "b"), ("a", "c"), ("b", "c")]


def test_one_subset_alone_overlaps_with_nothing():
    given = small_inputs()
    assert overlap(replace(given, subsets=given.subsets[:1])).missing
    assert overlap(with_rows(given, a=[1, 2], b=[])).missing


def test_what_chance_gives_is_said():
    assert "overlap by 0.111" in overlap(small_inputs(60)).about  # 12 of 60 twice: 12 / (120 - 12)

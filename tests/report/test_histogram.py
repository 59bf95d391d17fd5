"""Bins hold every number once, and what lies outside in the bins at the ends."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mig_dagster.report.charts.histogram import BINS, common_bins

NUMBERS = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=300).map(np.array)


def naive(edges, values):
    """Return counts by looking at every number and every bin."""
    last = len(edges) - 2
    inside = [
        [value for value in values if (b == 0 or edges[b] <= value) and (b == last or value < edges[b + 1])]
        for b in range(last + 1)
    ]
    return [len(each) for each in inside]


@given(NUMBERS)
def test_every_number_is_counted_once_and_where_it_belongs(values):
    bins = common_bins(values)
    assert np.all(np.diff(bins.edges) > 0)
    assert len(bins.edges) - 1 <= BINS + 2
    assert bins.count(values).tolist() == naive(bins.edges, values.tolist())


@given(NUMBERS)
def test_logarithmic_bins_are_as_wide_as_each_other(values):
    positive = np.abs(values) + 1
    bins = common_bins(positive, log=True)
    np.testing.assert_allclose(np.diff(np.log(bins.edges)), np.log(bins.edges[1] / bins.edges[0]), rtol=1e-6)
    assert bins.count(positive).sum() == len(positive)


def test_outliers_are_counted_at_the_ends_and_do_not_stretch_the_bins():
    values = np.concatenate([np.linspace(0, 1, 2000), [-1e9, 1e9]])
    bins = common_bins(values)
    assert bins.below
    assert bins.above
    assert -0.1 < bins.edges[0] < bins.edges[-1] < 1.1
    assert bins.count(values).sum() == len(values)


def test_whole_numbers_of_a_small_range_have_a_bin_each():
    bins = common_bins(np.array([1, 2, 2, 5.0]))
    assert bins.edges.tolist() == [0.5, 1.5, 2.5, 3.5, 4.5, 5.5]
    assert bins.count(np.array([1, 2, 2, 5.0])).tolist() == [1, 2, 0, 0, 1]
    assert (bins.below, bins.above) == (False, False)


def test_numbers_that_hardly_differ_are_one_number():
    values = np.array([1e6, np.nextafter(1e6, 2e6)])
    assert np.all(np.diff(common_bins(values).edges) > 0)
    assert np.all(np.diff(common_bins(values, log=True).edges) > 0)


@pytest.mark.parametrize("value", [0.3, -4e5, 7.0])
def test_a_single_number_has_bins_around_it(value):
    bins = common_bins(np.full(5, value))
    assert bins.edges[0] < value < bins.edges[-1]
    assert bins.count(np.full(3, value)).sum() == 3

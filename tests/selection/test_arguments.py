from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from scipy.sparse import coo_array, csr_array

from mig_dagster.selection.arguments import (
    check_array,
    check_embeddings,
    check_matrix,
    check_number,
    check_numbers,
    check_rows,
    check_scores,
    check_whole,
)

MOST = {"least": 0, "most": 1}


@pytest.mark.parametrize("value", [3, np.int8(3), np.uint64(3)])
def test_whole_numbers_become_ints(value):
    assert type(check_whole(value, "i", 3, 3)) is int
    assert check_whole(value, "i") == 3


@pytest.mark.parametrize("value", [3.0, np.float64(3), True, np.True_, "3", None, np.array(3), [3]])
def test_what_is_no_whole_number_is_refused(value):
    with pytest.raises(TypeError, match=r"i must be an int, got .*; pass a whole number"):
        check_whole(value, "i", 1)


def test_whole_numbers_out_of_range_are_refused():
    with pytest.raises(ValueError, match="i must be at least 1, got 0; raise it to 1 or more"):
        check_whole(0, "i", 1)
    with pytest.raises(ValueError, match="i must be at most 9, got 10; lower it to 9 or less"):
        check_whole(10, "i", 1, 9)


@pytest.mark.parametrize("value", [0, 1, 0.5, np.float32(0.5), np.float16(1), np.int64(1)])
def test_numbers_in_range_become_floats(value):
    found = check_number(value, "share", **MOST)
    assert (type(found), found) == (float, value)


@pytest.mark.parametrize("value", ["0.5", None, True, np.True_, 0.5j, np.array(0.5), [0.5]])
def test_what_is_no_number_is_refused(value):
    with pytest.raises(TypeError, match=r"share must be a number, got .*; pass an int or a float"):
        check_number(value, "share", **MOST)


@pytest.mark.parametrize("value", [-1e-300, 1.0000001, np.nan, np.inf, -np.inf, 10**400, -(10**400)])
def test_numbers_out_of_range_are_refused(value):
    with pytest.raises(ValueError, match=r"share must be finite, at least 0 and at most 1, got .{1,60}; pass a number"):
        check_number(value, "share", **MOST)


@pytest.mark.parametrize("value", [np.nan, np.inf, 10**400, np.longdouble("1e4000")])
def test_a_number_without_a_range_must_be_finite(value):
    assert check_number(-5, "bias") == -5.0
    with pytest.raises(ValueError, match=r"bias must be finite, got .*; rescale"):
        check_number(value, "bias", remedy="rescale")


def test_the_bound_above_is_not_in_the_range():
    assert check_number(5e-324, "rate", above=0) > 0
    with pytest.raises(ValueError, match="rate must be finite and above 0, got 0; pass"):
        check_number(0, "rate", above=0)


@pytest.mark.parametrize("given", [[1, 2.5], (1, 2.5), [Decimal(1), Fraction(5, 2)], np.array([1, 2.5], object)])
def test_numbers_of_every_kind_are_the_same_numbers(given):
    assert check_numbers(given, 2, "scores").tolist() == [1.0, 2.5]


@pytest.mark.parametrize(
    ("given", "got"),
    [
        (["0.5", "1"], "<U3"),
        ([0.5, "1"], "<U32"),
        ([b"1"], r"\|S1"),
        (np.array([1, "2"], object), "'2'"),
        ([1j], "complex128"),
        (np.array([1, 1j], object), "1j"),
        ([{}], "{}"),
        (np.array(["2020-01-01"], "M8[D]"), r"datetime64\[D\]"),
    ],
)
def test_text_dates_and_complex_numbers_are_no_scores(given, got):
    with pytest.raises(TypeError, match=f"scores must hold real numbers, got {got}; convert them first"):
        check_numbers(given, None, "scores")


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("given", "got"),
    [
        ([1, None], "nan at row 1"),
        ([10**400, 0], "inf at row 0"),
        ([0, -(10**400)], "-inf at row 1"),
        (np.array(["1e4000"], np.longdouble), "inf at row 0"),
    ],
)
def test_what_float64_cannot_hold_is_not_finite(given, got):
    with pytest.raises(ValueError, match=f"scores must be finite, got {got} .1 such rows.; leave rows without"):
        check_numbers(given, None, "scores")


def test_lists_of_different_lengths_are_refused_by_name():
    with pytest.raises(ValueError, match="row_embeddings must be an array, got lists of different lengths; make each"):
        check_embeddings([[1, 2], [1]])


@pytest.mark.parametrize("check", [check_array, check_matrix, lambda given, name: check_numbers(given, None, name)])
def test_a_mask_is_not_lost_silently(check):
    with pytest.raises(TypeError, match="x must not be a masked array, its mask would be lost; leave masked rows out"):
        check(np.ma.masked_array([1.0, 2.0], [False, True]), "x")


def test_rows_of_a_masked_array_are_refused():
    with pytest.raises(TypeError, match="rows must not be a masked array"):
        check_rows(np.ma.masked_array([0, 1], [False, True]), 3)


@pytest.mark.parametrize("make", [csr_array, coo_array])
def test_sparse_matrices_stay_as_they_are_unless_complex(make):
    matrix = make(np.eye(2))
    assert check_matrix(matrix, "graph") is matrix
    with pytest.raises(TypeError, match="graph must hold real numbers, got complex64; convert them first"):
        check_matrix(make(np.eye(2, dtype=np.complex64)), "graph")


@pytest.mark.parametrize(
    ("kind", "result"),
    [(np.float16, np.float32), (np.int64, np.float32), (np.longdouble, np.float32), (np.float64, np.float64)],
)
def test_embeddings_of_other_kinds_become_float32(kind, result):
    found = check_embeddings(np.eye(2, dtype=kind), 2)
    assert (found.dtype, found.tolist()) == (result, [[1, 0], [0, 1]])


@pytest.mark.parametrize("none", [[], (), np.empty(0), np.empty((0, 3))])
def test_no_embeddings_are_no_rows(none):
    assert check_embeddings(none, 0).shape in [(0, 0), (0, 3)]


@pytest.mark.parametrize(("given", "got"), [([["a"]], "<U1"), ([[1j]], "complex128"), ([[1, "a"]], "<U21")])
def test_embeddings_that_are_no_numbers_are_refused(given, got):
    with pytest.raises(TypeError, match=f"row_embeddings must hold real numbers, got {got}"):
        check_embeddings(given)


def test_the_remedy_for_scores_below_zero_is_the_methods_own():
    with pytest.raises(ValueError, match=r"got -1\.0 at row 0 \(2 such rows\); leave such rows out of the pool"):
        check_scores([-1, -2])
    with pytest.raises(ValueError, match=r"such rows\); count again"):
        check_scores([-1, -2], remedy="count again")

import numpy as np
import pytest

from mig_dagster.selection.unit_vectors import unit_vectors


def test_golden_three_four_five():
    assert unit_vectors([[3, 4], [0, -2]]).tolist() == [[0.6, 0.8], [0, -1]]


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
def test_every_row_has_length_one_and_keeps_its_direction(dtype):
    given = (np.random.default_rng(0).normal(size=(50, 7)) * 100).astype(dtype)
    units = unit_vectors(given, 50)
    assert units.dtype == np.float64
    assert np.linalg.norm(units, axis=1) == pytest.approx(np.ones(50), abs=1e-15)
    assert units * np.linalg.norm(given.astype(float), axis=1)[:, None] == pytest.approx(given, rel=1e-13)


def test_the_input_is_not_changed():
    given = np.random.default_rng(1).normal(size=(5, 3))
    before = given.copy()
    unit_vectors(given)[:] = 7
    assert (given == before).all()


def test_rows_of_zeros_stay_as_they_are():
    assert unit_vectors([[0.0, 0.0], [-0.0, 5.0]]).tolist() == [[0, 0], [0, 1]]


@pytest.mark.parametrize("size", [1e-320, 1e-200, 1.0, 1e200, 1.7e308])
def test_neither_tiny_nor_huge_rows_lose_their_length(size):
    """Squares of such numbers are 0 or infinite."""
    units = unit_vectors(np.array([[size, 0, -size, size]]))
    assert units == pytest.approx(np.array([[1, 0, -1, 1]]) / np.sqrt(3), rel=1e-15)


@pytest.mark.parametrize("d", [1, 2, 3, 5, 8, 31, 384])
@pytest.mark.parametrize("order", ["C", "F"])
def test_a_row_gives_the_same_bits_whatever_rows_stand_around_it(d, order):
    """Methods normalise a few rows at a time and count on it."""
    rng = np.random.default_rng(d)
    given = rng.normal(size=(40, d)).astype(np.float32)
    whole = unit_vectors(np.asarray(given, order=order))[np.arange(40)]
    for rows in ([3], [7, 3], [3, 3, 3], list(range(1, 40, 2)), list(range(40))[::-1]):
        some = unit_vectors(np.take(given, rows, axis=0))
        if order == "C":
            assert (some == whole[rows]).all()
        else:
            assert some == pytest.approx(whole[rows], abs=1e-15)


def test_equal_rows_give_equal_bits():
    given = np.random.default_rng(2).normal(size=(20, 11))[np.random.default_rng(3).integers(0, 20, 200)]
    units = unit_vectors(given)
    kinds = {}
    for row, unit in zip(given, units, strict=True):
        assert kinds.setdefault(row.tobytes(), unit.tobytes()) == unit.tobytes()


@pytest.mark.parametrize("shape", [(0, 4), (3, 0), (0, 0)])
def test_empty_pools_and_dimensions_work(shape):
    assert unit_vectors(np.empty(shape)).shape == shape


@pytest.mark.parametrize(
    ("given", "n", "message"),
    [
        ([1.0, 2.0], None, r"row_embeddings must be a matrix of n rows, got shape \(2,\)"),
        ([[1.0], [2.0]], 3, r"row_embeddings must be a matrix of 3 rows, got shape \(2, 1\)"),
        ([[1.0], [np.nan]], 2, "row_embeddings must be finite, got NaN or an infinity in row 1"),
    ],
)
def test_what_is_no_embedding_is_refused(given, n, message):
    with pytest.raises(ValueError, match=message):
        unit_vectors(given, n)

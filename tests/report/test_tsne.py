import numpy as np
import pytest

from mig_dagster.report.maps.tsne import scaled, tsne


def blobs(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    of = rng.integers(0, 3, n)
    return of, rng.normal(size=(3, 10))[of] * 4 + rng.normal(size=(n, 10)) * 0.2


def test_points_that_are_alike_lie_together_and_others_apart():
    of, points = blobs(200)
    plane = tsne(points, points[:, :2])
    apart = np.linalg.norm(plane[:, None] - plane[None], axis=2)
    np.fill_diagonal(apart, np.inf)
    assert (of[apart.argmin(axis=1)] == of).all()


def test_the_same_points_give_the_same_picture():
    _, points = blobs(150)
    np.testing.assert_array_equal(tsne(points, points[:, :2]), tsne(points, points[:, :2]))


@pytest.mark.parametrize("n", [0, 1, 2, 3, 4, 5, 9])
def test_few_points_are_placed_as_well_within_the_unit_square(n):
    _, points = blobs(n)
    plane = tsne(points, points[:, :2])
    assert plane.shape == (n, 2)
    assert np.isfinite(plane).all()
    assert np.abs(plane).max(initial=0) <= 1 + 1e-12


def test_equal_points_are_placed_somewhere():
    plane = tsne(np.zeros((40, 3)), np.zeros((40, 2)))
    assert np.isfinite(plane).all()


def test_points_are_scaled_to_their_larger_extent():
    np.testing.assert_allclose(scaled(np.array([[1.0, 5.0], [3.0, 6.0]])), [[-1, -0.5], [1, 0.5]])
    np.testing.assert_array_equal(scaled(np.ones((3, 2))), np.zeros((3, 2)))

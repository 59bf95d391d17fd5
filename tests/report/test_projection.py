import numpy as np
import pytest

from mig_dagster.report.maps import projection
from mig_dagster.report.maps.projection import nearest, neighbours, project


def vectors(n: int, kinds: int = 6, d: int = 24, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    of = rng.integers(0, kinds, n)
    drawn = (rng.normal(size=(kinds, d))[of] + rng.normal(size=(n, d)) * 0.15).astype(np.float32)
    return of, drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


def naive(given: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    cosines = given.astype(np.float64) @ given.astype(np.float64).T
    np.fill_diagonal(cosines, -np.inf)
    ids = np.argsort(-cosines, axis=1)[:, :count]
    return ids, 1 - np.take_along_axis(cosines, ids, axis=1)


def test_neighbours_are_the_nearest_of_all_rows_by_cosine_distance():
    _, given = vectors(300)
    ids, distances = neighbours(given, np.arange(0, 300, 5), 7)
    expected, apart = naive(given, 7)
    np.testing.assert_array_equal(ids, expected)
    np.testing.assert_allclose(distances, apart, atol=1e-6)


def test_of_many_rows_neighbours_are_looked_for_in_near_cells_and_most_are_found(monkeypatch):
    monkeypatch.setattr(projection, "EXACT", 100)
    monkeypatch.setattr(projection, "NEAR", 120)
    _, given = vectors(900, kinds=12)
    ids, distances = neighbours(given, np.arange(0, 900, 20), 7)
    expected, _ = naive(given, 7)
    found = [len(set(one) & set(other)) / 7 for one, other in zip(ids.tolist(), expected.tolist(), strict=True)]
    assert np.mean(found) > 0.9
    assert (ids != np.arange(900)[:, None]).all()
    assert (np.diff(distances, axis=1) >= 0).all()
    np.testing.assert_allclose(distances, 1 - np.einsum("nd,nkd->nk", given, given[ids]), atol=1e-6)


def test_no_row_is_its_own_neighbour_also_among_copies():
    _, given = vectors(30)
    copies = np.concatenate([given, np.repeat(given[:1], 20, axis=0)])
    ids, distances = neighbours(copies, np.arange(50), 5)
    assert (ids != np.arange(50)[:, None]).all()
    assert all(len(set(each)) == 5 for each in ids.tolist())
    np.testing.assert_allclose(distances[0], 0, atol=1e-6)


@pytest.mark.parametrize(("n", "count"), [(1, 0), (2, 1), (3, 2)])
def test_few_rows_have_as_many_neighbours_as_there_are_others(n, count):
    _, given = vectors(n)
    ids, distances = neighbours(given, np.arange(n), 15)
    assert ids.shape == distances.shape == (n, count)


def test_of_equal_products_the_lowest_place_comes_first():
    places, products = nearest(np.eye(3, dtype=np.float32)[:1], np.eye(3, dtype=np.float32)[[1, 0, 2, 0]], 4)
    assert places.tolist() == [[1, 3, 0, 2]]
    assert products.tolist() == [[1, 1, 0, 0]]


def test_rows_lie_with_the_landmarks_of_their_kind():
    of, given = vectors(600)
    landmarks = np.arange(0, 600, 4)
    plane = project(given, landmarks)
    middles = np.array([np.median(plane[landmarks][of[landmarks] == kind], axis=0) for kind in range(6)])
    apart = np.linalg.norm(plane[:, None] - middles[None], axis=2)
    assert (apart.argmin(axis=1) == of).mean() > 0.97


def test_every_row_lies_within_the_landmarks_and_the_same_every_time():
    _, given = vectors(200)
    landmarks = np.arange(0, 200, 3)
    plane = project(given, landmarks)
    assert np.abs(plane).max() == pytest.approx(1)
    assert np.abs(plane[landmarks]).max() == pytest.approx(1)
    np.testing.assert_array_equal(plane, project(given, landmarks))


@pytest.mark.parametrize("n", [1, 2, 3, 5])
def test_few_rows_are_placed_as_well(n):
    _, given = vectors(n)
    assert np.isfinite(project(given, np.arange(n))).all()


def test_copies_of_one_row_are_placed_as_well():
    given = np.repeat(vectors(1)[1], 50, axis=0)
    assert np.isfinite(project(given, np.arange(0, 50, 2))).all()

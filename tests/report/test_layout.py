import numpy as np
import pytest
from scipy.sparse import block_diag, csr_array

from mig_dagster.report.maps import layout
from mig_dagster.report.maps.layout import in_frame, kept_apart, label_layout


def cliques(count: int, size: int, weight: float = 0.9) -> csr_array:
    block = np.full((size, size), weight)
    np.fill_diagonal(block, 1.0)
    return csr_array(block_diag([block] * count))


def nearest_share(plane: np.ndarray, of: np.ndarray) -> float:
    apart = np.linalg.norm(plane[:, None] - plane[None], axis=2)
    np.fill_diagonal(apart, np.inf)
    return float((of[apart.argmin(axis=1)] == of).mean())


@pytest.mark.parametrize("dense", [1000, 5])
def test_labels_that_the_graph_links_lie_together(dense, monkeypatch):
    monkeypatch.setattr(layout, "DENSE", dense)
    graph = cliques(12, 8)
    plane = label_layout(graph, csr_array(np.eye(96)))
    assert nearest_share(plane, np.repeat(np.arange(12), 8)) > 0.95


def test_labels_that_rows_carry_together_lie_together_without_an_edge():
    tags = np.kron(np.eye(8), np.ones((5, 6)))
    plane = label_layout(csr_array(np.eye(48)), csr_array(tags))
    assert nearest_share(plane, np.repeat(np.arange(8), 6)) > 0.95


def test_the_same_labels_give_the_same_picture():
    graph, tags = cliques(20, 4), csr_array((np.random.default_rng(0).random((200, 80)) < 0.05).astype(float))
    np.testing.assert_array_equal(label_layout(graph, tags), label_layout(graph, tags))


@pytest.mark.parametrize("m", [1, 2, 3, 4, 7, 60])
def test_few_labels_and_labels_without_any_link_have_places(m):
    plane = label_layout(csr_array(np.eye(m)), csr_array(np.eye(m)))
    assert plane.shape == (m, 2)
    assert np.isfinite(plane).all()


def test_rows_of_a_large_pool_are_read_at_even_steps(monkeypatch):
    monkeypatch.setattr(layout, "CO_OCCURRENCE_ROWS", 40)
    tags = np.kron(np.eye(8), np.ones((5, 6)))
    many = csr_array(np.repeat(tags, 10, axis=0))
    plane = label_layout(csr_array(np.eye(48)), many)
    assert nearest_share(plane, np.repeat(np.arange(8), 6)) > 0.95


@pytest.mark.parametrize("seed", range(3))
def test_circles_that_are_kept_apart_hardly_overlap_and_stay_about_where_they_were(seed):
    rng = np.random.default_rng(seed)
    points, radii = rng.uniform(-200, 200, (150, 2)), rng.uniform(2, 14, 150)
    moved = kept_apart(points, radii)
    apart = np.linalg.norm(moved[:, None] - moved[None], axis=2)
    lacking = np.triu(radii[:, None] + radii[None] - apart, 1)
    assert lacking.max() < 2.0
    assert np.abs(moved - points).mean() < 15


def test_circles_that_do_not_overlap_stay():
    points = np.array([[0.0, 0.0], [10.0, 0.0]])
    np.testing.assert_allclose(kept_apart(points, np.array([4.0, 4.0])), points, atol=1e-5)
    assert kept_apart(np.empty((0, 2)), np.empty(0)).shape == (0, 2)


def test_circles_at_one_place_are_parted():
    moved = kept_apart(np.zeros((5, 2)), np.full(5, 3.0))
    apart = np.linalg.norm(moved[:, None] - moved[None], axis=2)[~np.eye(5, dtype=bool)]
    assert apart.min() > 5


def test_points_fill_the_frame():
    placed = in_frame(np.array([[0.0, 1.0], [2.0, 5.0], [1.0, 3.0]]), 100, 40)
    np.testing.assert_allclose(placed, [[-50, -20], [50, 20], [0, 0]])
    np.testing.assert_array_equal(in_frame(np.ones((1, 2)), 100, 40), [[0, 0]])

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mig_dagster.graph import label_graph
from tests.graph.test_similarity import naive_cosines, unit_vectors


def at_degrees(*degrees: float) -> np.ndarray:
    angles = np.radians(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def test_edges_are_the_cosines_that_reach_the_threshold():
    graph = label_graph(at_degrees(0, 20, 90, 180))
    c = np.cos(np.radians(20))
    assert graph.weights.toarray() == pytest.approx(
        np.eye(4) + np.array([[0, c, 0, 0], [c] + [0] * 3, [0] * 4, [0] * 4])
    )
    assert (graph.threshold, graph.mean_degree, graph.isolated) == (0.9, 0.5, 2)


@given(
    seed=st.integers(0, 10_000),
    m=st.integers(0, 40),
    d=st.integers(2, 24),
    block=st.integers(1, 50),
    threshold=st.sampled_from([1e-9, 0.3, 0.9, 1.0]),
)
@settings(deadline=None)
def test_the_graph_is_the_thresholded_dense_product(seed, m, d, block, threshold):
    vectors = unit_vectors(seed, m, d)
    dense = np.minimum(naive_cosines(vectors), 1.0)
    np.fill_diagonal(dense, 1.0)
    graph = label_graph(vectors, threshold=threshold, block=block)
    weights = graph.weights.toarray()
    clear = np.abs(dense - threshold) > 1e-12
    assert np.where(clear, weights, 0) == pytest.approx(np.where(clear & (dense >= threshold), dense, 0), abs=1e-12)
    assert (weights == weights.T).all()
    assert (np.diag(weights) == 1).all()
    assert graph.weights.dtype == np.float64
    assert graph.weights.has_canonical_format


@given(seed=st.integers(0, 10_000), m=st.integers(2, 40), degree=st.floats(0, 8))
@settings(deadline=None)
def test_a_target_degree_takes_the_strongest_pairs(seed, m, degree):
    vectors = unit_vectors(seed, m, 12)
    graph = label_graph(vectors, threshold=None, target_mean_degree=degree, block=7)
    edges = round(m * degree / 2)
    every = np.sort(label_graph(vectors, threshold=1e-300).weights.toarray()[np.triu_indices(m, 1)])[::-1]
    every = every[every > 0]
    expected = every[every >= every[:edges][-1]] if edges and every.size else every[:0]
    found = graph.weights.toarray()[np.triu_indices(m, 1)]
    assert np.sort(found[found > 0])[::-1].tolist() == expected.tolist()
    assert graph.mean_degree == pytest.approx(2 * expected.size / m)
    if expected.size:
        assert graph.threshold == expected[-1]
        again = label_graph(vectors, threshold=graph.threshold)
        assert (again.weights != graph.weights).nnz == 0


def test_pairs_that_tie_with_the_last_one_all_stay():
    graph = label_graph(at_degrees(0, 0, 90, 90), threshold=None, target_mean_degree=0.5)
    assert (graph.mean_degree, graph.threshold) == (1.0, 1.0)


def test_opposite_labels_are_never_joined():
    graph = label_graph(at_degrees(0, 180), threshold=None, target_mean_degree=1)
    assert (graph.weights.nnz, graph.isolated, graph.threshold) == (2, 2, 1.0)


def test_permuting_labels_permutes_the_graph():
    vectors = unit_vectors(1, 30, 8)
    order = np.random.default_rng(0).permutation(30)
    one, other = label_graph(vectors, threshold=0.5), label_graph(vectors[order], threshold=0.5)
    assert (one.weights.toarray()[np.ix_(order, order)] == other.weights.toarray()).all()


def test_a_threshold_of_one_leaves_every_label_its_own_weight():
    graph = label_graph(unit_vectors(2, 20, 333, clusters=20), threshold=1.0)
    assert (graph.weights.diagonal() == 1).all()


@pytest.mark.parametrize("options", [{}, {"threshold": None, "target_mean_degree": 4.0}])
@pytest.mark.parametrize("m", [0, 1])
def test_no_label_and_one_label_have_no_edges(m, options):
    graph = label_graph(np.ones((m, 1), dtype=np.float32), **options)
    assert graph.weights.shape == (m, m)
    assert (graph.weights.nnz, graph.mean_degree, graph.isolated) == (m, 0.0, m)


@pytest.mark.parametrize("options", [{"target_mean_degree": 4.0}, {"threshold": None}])
def test_exactly_one_of_threshold_and_degree_is_expected(options):
    with pytest.raises(ValueError, match="expected exactly one of them"):
        label_graph(at_degrees(0), **options)


@pytest.mark.parametrize("threshold", [0.0, -0.5, 1.01, float("nan")])
def test_a_threshold_out_of_range_is_refused(threshold):
    with pytest.raises(ValueError, match=r"threshold is .*; expected a cosine in \(0, 1\]"):
        label_graph(at_degrees(0), threshold=threshold)


@pytest.mark.parametrize("degree", [-1.0, float("inf"), float("nan")])
def test_a_degree_out_of_range_is_refused(degree):
    with pytest.raises(ValueError, match=r"target_mean_degree is .*; expected edges per label"):
        label_graph(at_degrees(0), threshold=None, target_mean_degree=degree)

import numpy as np
import pytest

from mig_dagster.graph import component_count, degree_histogram, label_graph, neighbours, top_edges

LABELS = ["algebra", "baking", "geometry", "mathematics"]


@pytest.fixture
def weights():
    angles = np.radians([0, 90, 30, 10])
    return label_graph(np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32), threshold=0.93).weights


def test_degrees_leave_the_label_itself_out(weights):
    assert degree_histogram(weights) == {0: 1, 1: 2, 2: 1}


def test_the_strongest_edge_comes_first(weights):
    assert [edge[:2] for edge in top_edges(weights, LABELS)] == [
        ("algebra", "mathematics"),
        ("geometry", "mathematics"),
    ]
    assert top_edges(weights, LABELS, count=1)[0][2] == pytest.approx(np.cos(np.radians(10)))


def test_neighbours_come_strongest_first(weights):
    assert [name for name, _ in neighbours(weights, LABELS, "mathematics")] == ["algebra", "geometry"]
    assert neighbours(weights, LABELS, "baking") == []


def test_an_isolated_label_is_a_component(weights):
    assert component_count(weights) == 2


def test_an_unknown_label_is_refused(weights):
    with pytest.raises(ValueError, match="label 'cooking' is not in the graph; expected one of its 4 labels"):
        neighbours(weights, LABELS, "cooking")


def test_an_empty_graph_has_no_statistics():
    empty = label_graph(np.empty((0, 4), dtype=np.float32)).weights
    assert (degree_histogram(empty), top_edges(empty, [])) == ({}, [])
    assert component_count(empty) == 0

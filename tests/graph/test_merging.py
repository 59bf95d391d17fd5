import numpy as np
import pytest

from mig_dagster.graph.merging import merge_by_meaning


def encoder(degrees: dict[str, float]):
    def encode(names: list[str]) -> np.ndarray:
        angles = np.radians([degrees[name] for name in names])
        return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)

    return encode


def test_close_names_become_the_most_frequent():
    encode = encoder({"maths": 0, "mathematics": 5, "cooking": 90})
    merged = merge_by_meaning({"maths": 3, "mathematics": 9, "cooking": 1}, encode)
    assert merged == {"maths": "mathematics", "mathematics": "mathematics", "cooking": "cooking"}


def test_chains_merge_as_one_component():
    """DBSCAN with min_samples=1: 0 and 30 degrees are 0.13 apart, but 15 degrees joins them (0.034 each)."""
    encode = encoder({"a": 0, "b": 15, "c": 30})
    assert set(merge_by_meaning({"a": 1, "b": 1, "c": 2}, encode).values()) == {"c"}


def test_equally_frequent_names_take_the_lexicographically_first():
    assert set(merge_by_meaning({"b": 2, "a": 2}, encoder({"a": 0, "b": 0})).values()) == {"a"}


def test_a_distance_just_above_the_limit_does_not_merge():
    encode = encoder({"a": 0, "b": np.degrees(np.arccos(0.9499))})
    assert merge_by_meaning({"a": 1, "b": 1}, encode) == {"a": "a", "b": "b"}


def test_agrees_with_dbscan():
    from sklearn.cluster import DBSCAN

    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(12, 8))[rng.integers(12, size=150)] + 0.25 * rng.normal(size=(150, 8))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    names = [f"tag {i:03d}" for i in range(150)]
    merged = merge_by_meaning(dict.fromkeys(names, 1), lambda asked: vectors[[names.index(name) for name in asked]])
    clusters = DBSCAN(eps=0.05, min_samples=1, metric="cosine").fit(vectors).labels_
    assert 1 < len(set(clusters.tolist())) < 150
    first = {cluster: names[clusters.tolist().index(cluster)] for cluster in set(clusters.tolist())}
    assert merged == {name: first[cluster] for name, cluster in zip(names, clusters.tolist(), strict=True)}


def test_no_names_are_not_encoded():
    assert merge_by_meaning({}, lambda names: pytest.fail("encoded nothing")) == {}


@pytest.mark.parametrize("distance", [-0.1, 1.0, float("nan")])
def test_a_distance_out_of_range_is_refused(distance):
    with pytest.raises(ValueError, match=r"merge_distance is .*; expected a cosine distance in \[0, 1\)"):
        merge_by_meaning({"a": 1}, encoder({"a": 0}), distance)


def test_a_wrong_number_of_vectors_is_refused():
    with pytest.raises(ValueError, match="encode gave 1 vectors for 2 names"):
        merge_by_meaning({"a": 1, "b": 1}, lambda names: np.eye(1, dtype=np.float32))

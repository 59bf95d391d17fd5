import warnings

import numpy as np
import pytest
import torch
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA

from mig_dagster.selection import SelectionWarning, cluster_rows, k_means, principal_components

CPU = torch.device("cpu")


def clustered(n: int, d: int, seed: int) -> np.ndarray:
    """Return unit vectors around a few directions, some far apart, some not."""
    rng = np.random.default_rng(seed)
    centers = rng.normal(size=(max(1, n // 30), d))
    vectors = centers[rng.integers(0, len(centers), n)] + rng.uniform(0.05, 0.8, (n, 1)) * rng.normal(size=(n, d))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def text_like(n: int, d: int, seed: int) -> np.ndarray:
    """Return unit vectors as encoders give them: one common direction, a falling spectrum, topics of uneven size."""
    rng = np.random.default_rng(seed)
    spectrum = 1 / np.sqrt(np.arange(d) + 10)
    topics = rng.normal(size=(60, d)) * spectrum
    share = 1 / (np.arange(60) + 5)
    vectors = 0.5 * rng.normal(size=d) * spectrum + 0.8 * topics[rng.choice(60, n, p=share / share.sum())]
    vectors += rng.normal(size=(n, d)) * spectrum
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def by_scikit_learn(vectors: np.ndarray, clusters: int, variance: float = 0.95, seed: int = 42) -> np.ndarray:
    points = PCA(variance, random_state=seed).fit_transform(vectors.astype(np.float64))
    return KMeans(clusters, n_init=1, random_state=seed).fit_predict(points)


@pytest.mark.parametrize("make", [clustered, text_like])
@pytest.mark.parametrize(("n", "d"), [(30, 5), (50, 64), (300, 16), (1000, 48), (5000, 24), (6000, 96)])
@pytest.mark.parametrize("seed", range(2))
def test_labels_are_those_of_scikit_learn(make, n, d, seed):
    vectors = make(n, d, seed)
    np.testing.assert_array_equal(cluster_rows(vectors), by_scikit_learn(vectors, int(np.sqrt(n / 2))))


@pytest.mark.parametrize("seed", range(100))
def test_labels_of_small_pools_are_those_of_scikit_learn(seed):
    """At 5 rows a cluster and more: where fewer are left, two that are each other's nearest are a tie for k-means++."""
    rng = np.random.default_rng(seed)
    n, d = int(rng.integers(20, 100)), int(rng.integers(2, 12))
    clusters, variance = int(rng.integers(1, n // 5 + 1)), float(rng.uniform(0.3, 0.99))
    vectors = rng.normal(size=(n, d)) + 3
    found = cluster_rows(vectors, clusters=clusters, variance=variance, seed=seed)
    np.testing.assert_array_equal(found, by_scikit_learn(vectors, clusters, variance, seed))


@pytest.mark.parametrize("seed", range(20))
def test_repeated_rows_get_the_labels_of_scikit_learn(seed):
    vectors = np.repeat(clustered(100, 8, seed), np.random.default_rng(seed).integers(1, 5, 100), axis=0)
    np.testing.assert_array_equal(cluster_rows(vectors, clusters=12), by_scikit_learn(vectors, 12))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("make", [clustered, text_like])
@pytest.mark.parametrize("n", [300, 6000, 50_000])
def test_a_gpu_gives_the_labels_of_the_cpu(make, n):
    vectors = make(n, 96, 0)
    np.testing.assert_array_equal(cluster_rows(vectors, device="cuda"), cluster_rows(vectors))


def test_labels_do_not_depend_on_how_many_distances_are_kept_or_how_large_a_block_is(monkeypatch):
    vectors = text_like(3000, 32, 0)
    expected = cluster_rows(vectors)
    monkeypatch.setattr(k_means, "BLOCK", 700)
    monkeypatch.setattr(principal_components, "BLOCK", 900)
    for held in (0, 700 * 38 * 2, 10**9):
        monkeypatch.setattr(k_means, "HELD", held)
        np.testing.assert_array_equal(cluster_rows(vectors), expected)


def test_float32_embeddings_give_the_labels_of_the_same_numbers_in_float64():
    vectors = text_like(2000, 32, 1)
    np.testing.assert_array_equal(cluster_rows(vectors), cluster_rows(vectors.astype(np.float64)))


def test_the_same_seed_gives_the_same_labels_and_another_gives_others():
    vectors = text_like(1000, 32, 2)
    np.testing.assert_array_equal(cluster_rows(vectors, seed=7), cluster_rows(vectors, seed=7))
    assert (cluster_rows(vectors, seed=7) != cluster_rows(vectors, seed=8)).any()


@pytest.mark.parametrize(("n", "d", "variance"), [(200, 20, 0.95), (200, 20, 0.5), (15, 40, 0.9), (40, 1, 0.95)])
def test_components_hold_more_than_the_variance_asked_for(n, d, variance):
    vectors = np.random.default_rng(n + d).normal(size=(n, d)) * np.arange(1, d + 1) + 5
    expected = PCA(variance, svd_solver="full").fit_transform(vectors)
    found = principal_components.principal_components(vectors, variance, CPU).numpy()
    np.testing.assert_allclose(np.abs(found), np.abs(expected), atol=1e-9)
    total = vectors.var(axis=0).sum()
    held = found.var(axis=0)
    assert held.sum() > variance * total
    assert held[:-1].sum() <= variance * total


def test_the_whole_variance_keeps_every_distance():
    vectors = np.random.default_rng(0).normal(size=(30, 7))
    found = principal_components.principal_components(vectors, 1.0, CPU).numpy()
    distances = [np.linalg.norm(each[:, None] - each[None], axis=2) for each in (vectors, found)]
    np.testing.assert_allclose(*distances, atol=1e-12)


def test_int_of_the_root_of_half_the_rows_is_the_number_of_clusters():
    """161 for the 52,002 rows of Alpaca; one for a pool too small for the formula."""
    for n, clusters in [(1, 1), (2, 1), (7, 1), (8, 2), (49, 4), (50, 5), (200, 10)]:
        assert len(set(cluster_rows(clustered(n, 6, n)).tolist())) == clusters


@pytest.mark.parametrize("places", [1, 2, 5])
@pytest.mark.parametrize("scale", [1.0, 1e-6, 1e6])
def test_fewer_places_than_clusters_give_a_cluster_each_and_a_warning(places, scale):
    rng = np.random.default_rng(places)
    place = np.concatenate([np.arange(places), rng.integers(0, places, 200 - places)])
    vectors = rng.normal(size=(places, 40)).astype(np.float32)[place] * np.float32(scale)
    with pytest.warns(SelectionWarning, match=f"{places} of 10 clusters have rows: the 200 rows of the pool"):
        labels = cluster_rows(vectors)
    assert len({(int(a), int(b)) for a, b in zip(place, labels, strict=True)}) == places
    assert sorted(set(labels.tolist())) == list(range(places))


def test_more_clusters_than_rows_give_a_cluster_to_every_row_and_a_warning():
    with pytest.warns(SelectionWarning, match="4 of 9 clusters have rows"):
        labels = cluster_rows(clustered(4, 5, 0), clusters=9)
    assert sorted(labels.tolist()) == [0, 1, 2, 3]


def test_as_many_clusters_as_distinct_rows_raise_no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert sorted(cluster_rows(clustered(6, 5, 0), clusters=6).tolist()) == list(range(6))


@pytest.mark.parametrize(
    ("vectors", "labels"),
    [
        (np.empty((0, 4)), []),
        (np.empty((0, 0)), []),
        (np.ones((1, 4)), [0]),
        (np.ones((2, 4)), [0, 0]),
        (np.zeros((3, 4)), [0, 0, 0]),
        (np.empty((3, 0)), [0, 0, 0]),
        ([[1, 2], [3, 4]], [0, 0]),
    ],
)
def test_the_smallest_pools_have_one_cluster_or_none(vectors, labels):
    found = cluster_rows(vectors)
    assert (found.dtype, found.tolist()) == (np.int64, labels)


def test_rows_on_a_line_are_clustered():
    vectors = np.array([0, 0.1, 0.2, 5, 5.1, 5.3, 9, 9.1])[:, None]
    labels = cluster_rows(vectors, clusters=3).tolist()
    assert [labels[:3], labels[3:6], labels[6:]] == [[labels[0]] * 3, [labels[3]] * 3, [labels[6]] * 2]
    assert sorted({labels[0], labels[3], labels[6]}) == [0, 1, 2]


def test_an_outlier_does_not_merge_the_other_rows():
    vectors = clustered(200, 8, 3).astype(np.float64)
    vectors[17] *= 1e7
    assert len(set(cluster_rows(vectors, variance=1.0).tolist())) == 10


def test_an_emptied_cluster_gets_the_point_farthest_from_its_centre():
    """The centre drawn far off loses its points in no seeded pool of these tests; here it is put there."""
    points = torch.tensor([[0.0], [1.0], [2.0], [10.0]], dtype=torch.float64)
    labels = torch.tensor([0, 0, 0, 0])
    centers = torch.tensor([[1.0], [99.0], [98.0]], dtype=torch.float64)
    sums = torch.tensor([[13.0], [0.0], [0.0]], dtype=torch.float64)
    found = k_means._means(points, labels, sums, centers)
    assert found.flatten().tolist() == [1.5, 10.0, 0.0]
    assert sums.flatten().tolist() == [13, 0, 0]


def test_inputs_are_not_changed_and_may_be_read_only_or_views():
    vectors = text_like(100, 8, 0)
    before = vectors.copy()
    vectors.setflags(write=False)
    labels = cluster_rows(vectors)
    np.testing.assert_array_equal(vectors, before)
    backwards = np.asfortranarray(before[::-1])[::-1]
    np.testing.assert_array_equal(cluster_rows(backwards), labels)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("scale", [2.0**1000, 2.0**-1000, 1e200, 1e-310])
def test_the_unit_of_the_embeddings_does_not_matter(scale):
    vectors = clustered(200, 6, 0).astype(np.float64)
    np.testing.assert_array_equal(cluster_rows(vectors * scale), cluster_rows(vectors))


def test_the_iterations_stop_where_those_of_scikit_learn_do():
    known = KMeans().get_params()
    assert (known["max_iter"], known["tol"]) == (k_means.ITERATIONS, k_means.TOLERANCE)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"clusters": 0}, ValueError, "clusters must be at least 1, got 0"),
        ({"clusters": 2.0}, TypeError, r"clusters must be an int, got 2\.0"),
        ({"seed": -1}, ValueError, "seed must be at least 0, got -1"),
        ({"seed": 2**32}, ValueError, "seed must be at most 4294967295, got 4294967296; lower"),
        ({"seed": True}, TypeError, "seed must be an int, got True"),
        ({"variance": 0.0}, ValueError, r"variance must be finite, above 0 and at most 1, got 0\.0; it is a share"),
        ({"variance": 1.5}, ValueError, "variance must be finite, above 0 and at most 1"),
        ({"variance": np.nan}, ValueError, "variance must be finite, above 0 and at most 1"),
        ({"variance": "0.9"}, TypeError, "variance must be a number, got '0.9'"),
        ({"device": "tpu"}, ValueError, "device must be None"),
        ({"device": "cuda:99"}, ValueError, "device 'cuda:99' is not there"),
    ],
)
def test_options_out_of_range_are_refused(options, error, message):
    with pytest.raises(error, match=message):
        cluster_rows(clustered(20, 4, 0), **options)


def test_embeddings_that_are_no_finite_matrix_are_refused():
    with pytest.raises(ValueError, match="row_embeddings must be a matrix"):
        cluster_rows(np.ones(3))
    with pytest.raises(ValueError, match="row_embeddings must be finite"):
        cluster_rows([[1.0, np.nan]])

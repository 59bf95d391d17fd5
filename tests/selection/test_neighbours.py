from fractions import Fraction

import numpy as np
import pytest
import torch

from mig_dagster.selection import near_pairs
from mig_dagster.selection.near_pairs import NearPairs
from mig_dagster.selection.neighbours import knn_distances

BLOCKS = [
    {},
    {"CELLS": 1, "GROUP": 1, "PAIRS": 1},
    {"CELLS": 300, "GROUP": 2, "PAIRS": 50},
    {"CELLS": 1000, "GROUP": 5},
    {"FEW": 0, "MANY": 0.0},
    {"CELLS": 1000, "FEW": 0, "MANY": 0.0, "PAIRS": 9},
    {"FEW": 100_000},
]
"""Module constants: distances held at once, rows looked at as one, pairs yielded at once, and when float64 is used:
always, never."""


@pytest.fixture(params=BLOCKS, ids=str)
def blocks(request, monkeypatch):
    for name, value in request.param.items():
        monkeypatch.setattr(f"mig_dagster.selection.near_pairs.{name}", value)
        monkeypatch.setattr("mig_dagster.selection.neighbours.PAIRS", 7)


def by_definition(vectors, i):
    """Distances to all other rows, sorted; the last where there are fewer than i."""
    found = []
    for row, vector in enumerate(vectors.astype(np.float64)):
        others = np.delete(vectors, row, axis=0).astype(np.float64)
        distances = np.sort(np.sqrt(((others - vector) ** 2).sum(axis=1)))
        found.append(distances[min(i, len(distances)) - 1])
    return np.array(found)


def random_pool(seed):
    """Copies, near-copies down to what float32 cannot tell apart, lengths from tiny to huge."""
    rng = np.random.default_rng(seed)
    n, d = rng.integers(2, 90), rng.integers(1, 12)
    vectors = rng.normal(size=(n, d))[rng.integers(0, max(1, n // rng.integers(1, 5)), n)]
    vectors *= 1 + rng.normal(size=(n, d)) * rng.choice([0, 1e-14, 1e-9, 1e-7, 1e-4, 0.3], (n, 1))
    vectors = (vectors + rng.choice([0, 100])) * 10.0 ** rng.integers(-15, 15)
    return vectors.astype(np.float32) if seed % 2 else vectors


# ------------------------------------------------------- golden cases, oracle


def test_golden_distances_on_a_line():
    vectors = np.array([[0.0], [1], [3], [7]])
    assert knn_distances(vectors, 1).tolist() == [1, 1, 2, 4]
    assert knn_distances(vectors, 2).tolist() == [3, 2, 3, 6]
    assert knn_distances(vectors, 3).tolist() == [7, 6, 4, 7]


def test_the_sixth_neighbour_unless_said_otherwise():
    assert knn_distances(np.arange(10.0)[:, None] ** 2).tolist() == [36, 35, 32, 27, 20, 24, 32, 40, 55, 72]


@pytest.mark.parametrize("i", [1, 2, 6, 40])
def test_distances_are_those_of_the_definition(i, blocks):
    for seed in range(30):
        vectors = random_pool(seed)
        assert knn_distances(vectors, i) == pytest.approx(by_definition(vectors, i), rel=1e-14, abs=0), seed


def test_a_pool_of_many_blocks_equals_the_definition():
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(30, 24))[rng.integers(0, 30, 6000)] + 0.3 * rng.normal(size=(6000, 24))
    vectors = vectors.astype(np.float32)
    some = rng.integers(0, 6000, 40)
    expected = [np.sort(np.sqrt(((vectors - vectors[row]).astype(np.float64) ** 2).sum(axis=1)))[6] for row in some]
    assert knn_distances(vectors)[some] == pytest.approx(expected, rel=1e-6)


def test_rows_on_a_sphere_that_all_lie_close_together_are_told_apart(blocks):
    """Their float32 products are all the same number, so every pair has to be measured."""
    rng = np.random.default_rng(1)
    vectors = np.ones((40, 8)) + 1e-9 * rng.normal(size=(40, 8))
    found = knn_distances(vectors, 3)
    assert found == pytest.approx(by_definition(vectors, 3), rel=1e-14, abs=0)
    assert (found > 0).all()


def test_distances_are_as_exact_as_stated():
    """Against rational numbers, for rows from far apart to the same but for the last bit."""
    rng = np.random.default_rng(8)
    d = 48
    vectors = rng.normal(size=(8, d))[rng.integers(0, 8, 40)]
    vectors *= 1 + rng.normal(size=(40, d)) * rng.choice([1e-16, 1e-12, 1e-5, 0.3], (40, 1))
    exact = [[Fraction(number) for number in vector] for vector in vectors.tolist()]
    found = knn_distances(vectors, 3)
    for row, vector in enumerate(exact):
        others = exact[:row] + exact[row + 1 :]
        expected = sorted(sum((a - b) ** 2 for a, b in zip(vector, other, strict=True)) for other in others)[2]
        share = Fraction(d + 4, 2**54)
        assert expected * (1 - share) ** 2 <= Fraction(found[row]) ** 2 <= expected * (1 + share) ** 2, row


# ------------------------------------------------- rows that are hard to tell apart


def near_copies(n, spread, clusters=1):
    rng = np.random.default_rng(clusters)
    vectors = rng.normal(size=(clusters, 64))[rng.integers(0, clusters, n)] + spread * rng.normal(size=(n, 64))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def one_far_out(n):
    vectors = np.random.default_rng(1).normal(size=(n, 64)).astype(np.float32)
    vectors[n // 3] *= 1e6
    return vectors


HARD = {
    "near-copies": near_copies(1200, 1e-4),
    "not so near copies": near_copies(1200, 1e-3),
    "equal but for the last bits": near_copies(1200, 1e-7),
    "clusters of near-copies": near_copies(1200, 1e-4, clusters=5),
    "one far out": one_far_out(1200),
    "a common offset": (100 + 0.01 * np.random.default_rng(2).normal(size=(1200, 64))).astype(np.float32),
}


@pytest.mark.parametrize("name", HARD)
def test_few_rows_stay_in_doubt(name):
    """Each has 1199 others; at most some groups' nearest are measured, not all of a cluster."""
    vectors = HARD[name]
    pairs = sum(len(one) for _, one, _ in NearPairs(vectors, 6, torch.device("cpu")).blocks())
    assert 6 * len(vectors) <= pairs < 12 * len(vectors)
    some = np.random.default_rng(0).integers(0, len(vectors), 30)
    expected = [
        np.sort(np.sqrt(((vectors.astype(np.float64) - vectors[row]) ** 2).sum(axis=1)))[6] for row in some.tolist()
    ]
    assert knn_distances(vectors)[some] == pytest.approx(expected, rel=1e-14, abs=0)


@pytest.mark.parametrize("vectors", [np.eye(500), near_copies(1200, 1e-7, clusters=5)], ids=["all tie", "last bits"])
def test_pairs_come_in_small_lots_where_all_stay_in_doubt(vectors, monkeypatch):
    monkeypatch.setattr(near_pairs, "PAIRS", 5000)
    n = len(vectors)
    lots = [len(one) for _, one, _ in NearPairs(vectors, 6, torch.device("cpu")).blocks()]
    assert sum(lots) > 100 * n
    assert max(lots) <= 5000 + n + near_pairs.GROUP


@pytest.mark.parametrize("name", HARD)
def test_neither_blocks_nor_precision_change_a_bit(name, blocks):
    vectors = HARD[name][:150]
    with pytest.MonkeyPatch.context() as plain:
        for constant, value in {"CELLS": 2**24, "GROUP": 32, "PAIRS": 2**19, "FEW": 4, "MANY": 1 / 32}.items():
            plain.setattr(near_pairs, constant, value)
        plain.setattr("mig_dagster.selection.neighbours.PAIRS", 1024)
        expected = knn_distances(vectors).tolist()
    assert knn_distances(vectors).tolist() == expected


@pytest.mark.parametrize("unit", [1e-38, 1e-23, 3e-23, 1e-22, 1e-21])
def test_rows_too_close_for_float32_beside_one_far_away_are_told_apart(unit, blocks):
    """Squares of their gaps vanish in float32, or are rounded to a few multiples of the smallest number there is."""
    rng = np.random.default_rng(6)
    for _ in range(5):
        vectors = unit * rng.normal(size=(60, 2))
        vectors[0, 0] = 1
        assert knn_distances(vectors, 2) == pytest.approx(by_definition(vectors, 2), rel=1e-14, abs=0)


def test_rows_on_a_sphere_about_a_row_are_told_apart(blocks):
    """Their distances to it differ by what float32 rounds in half a square."""
    rng = np.random.default_rng(7)
    for _ in range(20):
        vectors = rng.normal(size=(60, 8))
        vectors *= (1 + 3e-7 * rng.normal(size=(60, 1))) / np.linalg.norm(vectors, axis=1, keepdims=True)
        vectors = np.concatenate([np.zeros((1, 8)), vectors, -vectors])
        assert knn_distances(vectors, 3)[0] == pytest.approx(by_definition(vectors, 3)[0], rel=1e-14, abs=0)


def test_where_rounding_decides_which_is_nearest_it_is_that_of_the_differences(blocks):
    """From afar, rows in one place differ by less than a distance is rounded by: still the same bits from any block."""
    rng = np.random.default_rng(9)
    for _ in range(20):
        vectors = 1e-16 * rng.normal(size=(60, 24))
        vectors[:5] = rng.normal(size=(5, 24))
        gaps = vectors[:5, None] - vectors[None, 5:]
        expected = np.sqrt(np.sort(np.einsum("apd,apd->ap", gaps, gaps), axis=1)[:, 4])
        among = np.linalg.norm(vectors[:5, None] - vectors[None, :5], axis=2) + np.diag(np.full(5, np.inf))
        found = knn_distances(vectors, 5)[:5]
        alone = among.min(axis=1) > expected * 1.01  # no other far row comes between
        assert found[alone].tolist() == expected[alone].tolist()
        assert alone.any()


# ---------------------------------------------------------------------- laws


def test_copies_are_other_rows_at_distance_zero(blocks):
    """The sixth neighbour of a row that is there seven times is a copy."""
    vectors = np.concatenate([np.full((7, 3), 0.1), np.full((6, 3), 0.7), [[5.0, 5, 5]]])
    found = knn_distances(vectors)
    assert found[:7].tolist() == [0] * 7
    assert found[7:13] == pytest.approx(np.full(6, 0.6 * np.sqrt(3)))
    assert found[13] == pytest.approx(4.3 * np.sqrt(3))


@pytest.mark.parametrize("value", [0.0, 0.3])
def test_rows_that_are_all_equal_are_at_distance_zero(value):
    assert knn_distances(np.full((5, 4), value)).tolist() == [0] * 5


def test_minus_zero_is_zero():
    assert knn_distances(np.array([[0.0, 1], [-0.0, 1], [3, 1]]), 1).tolist() == [0, 0, 3]


def test_near_copies_do_not_cancel():
    """|x|^2 + |y|^2 - 2xy of these is 0 or negative, in float64 too."""
    vectors = np.array([[1.0, 1], [1, 1 + 1e-10], [9, 9]])
    assert knn_distances(vectors, 1)[:2] == pytest.approx([vectors[1, 1] - 1] * 2, rel=1e-15)


def test_fewer_others_than_asked_for_gives_the_farthest():
    vectors = np.random.default_rng(2).normal(size=(5, 3))
    assert knn_distances(vectors).tolist() == knn_distances(vectors, 4).tolist()


def test_on_unit_vectors_the_distance_follows_from_the_cosine():
    vectors = np.random.default_rng(3).normal(size=(50, 6))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines = np.sort(vectors @ vectors.T, axis=1)[:, ::-1]
    assert knn_distances(vectors, 2) == pytest.approx(np.sqrt(2 - 2 * cosines[:, 2]))


@pytest.mark.parametrize("scale", [1e-200, 1e-30, 1e30, 1e200])
def test_neither_tiny_nor_huge_numbers_lose_their_distance(scale):
    """Their squares are 0 or infinite, in float32 they are so themselves."""
    vectors = np.random.default_rng(4).normal(size=(30, 5))
    assert knn_distances(vectors * scale) == pytest.approx(knn_distances(vectors) * scale, rel=1e-14)


def test_the_order_of_rows_and_of_memory_does_not_matter():
    vectors = random_pool(7)
    order = np.random.default_rng(0).permutation(len(vectors))
    whole = knn_distances(vectors)
    assert (knn_distances(vectors[order]) == whole[order]).all()
    assert (knn_distances(np.asfortranarray(vectors)) == whole).all()


def test_the_input_is_not_changed_and_the_answer_is_float64():
    vectors = random_pool(9)
    before = vectors.copy()
    assert knn_distances(vectors).dtype == np.float64
    assert (vectors == before).all()


@pytest.mark.parametrize("shape", [(0, 0), (0, 5), (4, 0)])
def test_pools_without_rows_or_dimensions_work(shape):
    found = knn_distances(np.empty(shape))
    assert (found.tolist(), found.dtype) == ([0] * shape[0], np.float64)


# -------------------------------------------------------------------- devices


def test_torch_on_the_cpu_by_name_gives_the_same_distances():
    vectors = random_pool(11)
    assert knn_distances(vectors, device="cpu").tolist() == knn_distances(vectors).tolist()


@pytest.mark.gpu
def test_cuda_gives_the_distances_the_cpu_gives():
    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
    rng = np.random.default_rng(5)
    vectors = (rng.normal(size=(99, 64))[rng.integers(0, 99, 9000)] + 0.1 * rng.normal(size=(9000, 64))).astype("f4")
    assert knn_distances(vectors, device="cuda").tolist() == knn_distances(vectors).tolist()


# --------------------------------------------------------------------- errors


def test_a_row_alone_is_refused():
    with pytest.raises(ValueError, match=r"row_embeddings must have at least 2 rows, got 1.*add rows to the pool"):
        knn_distances(np.ones((1, 4)))


@pytest.mark.parametrize(("i", "error", "message"), [
    (0, ValueError, "i must be at least 1, got 0; 1 is the nearest other row"),
    (-2, ValueError, "i must be at least 1, got -2"),
    (1.5, TypeError, r"i must be an int, got 1\.5"),
    (True, TypeError, "i must be an int, got True"),
])  # fmt: skip
def test_a_neighbour_that_is_no_number_is_refused(i, error, message):
    with pytest.raises(error, match=message):
        knn_distances(np.ones((3, 2)), i)


def test_embeddings_that_are_no_numbers_are_refused():
    with pytest.raises(ValueError, match="row_embeddings must be finite, got NaN or an infinity in row 2"):
        knn_distances([[1.0], [2.0], [np.nan]])
    with pytest.raises(ValueError, match="row_embeddings must be a matrix of n rows"):
        knn_distances([1.0, 2.0])


@pytest.mark.parametrize("vectors", [np.eye(3), np.ones((3, 2)), np.empty((0, 2))])
def test_a_device_that_is_not_there_is_refused(vectors):
    with pytest.raises(ValueError, match='device must be None, "cpu", "cuda"'):
        knn_distances(vectors, device="tpu")

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mig_dagster.graph.similarity import similar_pairs, strongest_pairs


def unit_vectors(seed: int, m: int, d: int, clusters: int = 4) -> np.ndarray:
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(clusters, d))
    vectors = centres[rng.integers(clusters, size=m)] + rng.normal(size=(m, d)) * rng.choice([0.0, 0.1, 1.0])
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def naive_cosines(vectors: np.ndarray) -> np.ndarray:
    wide = vectors.astype(np.float64)
    wide /= np.linalg.norm(wide, axis=1, keepdims=True)
    return wide @ wide.T


def as_dict(pairs) -> dict[tuple[int, int], float]:
    return dict(zip(zip(pairs.row.tolist(), pairs.column.tolist(), strict=True), pairs.cosine.tolist(), strict=True))


SHAPES = {"seed": st.integers(0, 10_000), "m": st.integers(0, 40), "d": st.integers(1, 24), "block": st.integers(1, 50)}


@given(**SHAPES, threshold=st.floats(-0.5, 1.0))
@settings(deadline=None)
def test_similar_pairs_are_those_of_the_dense_product(seed, m, d, block, threshold):
    vectors = unit_vectors(seed, m, d)
    dense = naive_cosines(vectors)
    found = as_dict(similar_pairs(vectors, threshold, block))
    rows, columns = np.triu_indices(m, 1)
    for i, j in zip(rows.tolist(), columns.tolist(), strict=True):
        if abs(dense[i, j] - threshold) > 1e-12:
            assert ((i, j) in found) == (dense[i, j] >= threshold)
    for (i, j), cosine in found.items():
        assert cosine == pytest.approx(min(1.0, max(-1.0, dense[i, j])), abs=1e-12)


@given(**SHAPES, count=st.integers(0, 200), buffer=st.sampled_from([1, 8, 1 << 20]))
@settings(deadline=None)
def test_strongest_pairs_are_the_head_of_the_sorted_pairs(seed, m, d, block, count, buffer):
    vectors = unit_vectors(seed, m, d)
    every = sorted((cosine for cosine in as_dict(similar_pairs(vectors, -1.0)).values() if cosine > 0), reverse=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mig_dagster.graph.similarity._BUFFER_PAIRS", buffer)
        found = sorted(strongest_pairs(vectors, count, block).cosine.tolist(), reverse=True)
    last = every[: max(count, 0)][-1] if every and count else None
    assert found == ([cosine for cosine in every if cosine >= last] if last is not None else [])


@given(seed=st.integers(0, 10_000), m=st.integers(2, 60), blocks=st.tuples(st.integers(1, 70), st.integers(1, 70)))
@settings(deadline=None, max_examples=50)
def test_the_block_size_changes_no_bit(seed, m, blocks):
    vectors = unit_vectors(seed, m, 48)
    one, other = (as_dict(similar_pairs(vectors, 0.2, block)) for block in blocks)
    assert one == other


def test_equal_vectors_have_cosine_exactly_one():
    vectors = np.repeat(unit_vectors(3, 1, 333), 3, axis=0)
    assert similar_pairs(vectors, 1.0).cosine.tolist() == [1.0, 1.0, 1.0]


def test_lengths_that_are_not_quite_one_do_not_move_a_cosine():
    vectors = unit_vectors(5, 30, 16)
    scaled = vectors * np.linspace(0.9995, 1.0005, 30, dtype=np.float32)[:, None]
    one, other = as_dict(similar_pairs(vectors, 0.5)), as_dict(similar_pairs(scaled, 0.5))
    assert one.keys() == other.keys()
    assert all(one[pair] == pytest.approx(other[pair], abs=1e-6) for pair in one)


@pytest.mark.parametrize("shape", [(0, 8), (1, 8)])
def test_fewer_than_two_vectors_have_no_pairs(shape):
    vectors = np.full(shape, 8**-0.5, dtype=np.float32)
    assert similar_pairs(vectors, 0.5).row.size == strongest_pairs(vectors, 3).row.size == 0


def test_vectors_of_another_type_are_refused():
    with pytest.raises(ValueError, match=r"float64 of shape \(2, 2\); expected float32"):
        similar_pairs(np.eye(2), 0.5)


def test_a_flat_array_is_refused():
    with pytest.raises(ValueError, match=r"shape \(3,\); expected float32 of shape \(labels, dimensions\)"):
        similar_pairs(np.ones(3, dtype=np.float32), 0.5)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_not_finite_are_refused(value):
    vectors = np.eye(3, dtype=np.float32)
    vectors[1, 1] = value
    with pytest.raises(ValueError, match="NaN or infinity in row 1"):
        similar_pairs(vectors, 0.5)


def test_vectors_of_another_length_are_refused():
    vectors = np.eye(3, dtype=np.float32)
    vectors[2] *= 2
    with pytest.raises(ValueError, match=r"row 2 has length 2\.0000; expected 1"):
        similar_pairs(vectors, 0.5)


def test_an_empty_block_is_refused():
    with pytest.raises(ValueError, match="block is 0; expected at least 1"):
        similar_pairs(np.eye(3, dtype=np.float32), 0.5, block=0)

import numpy as np
import polars as pl
import pytest

from mig_dagster.stages.wide_inputs import embedding_matrix

VECTORS = np.random.default_rng(0).normal(size=(4, 64)).astype(np.float32)
VECTORS /= np.linalg.norm(VECTORS, axis=1, keepdims=True)


def signal(vectors, kind):
    rows = {"row_id": list("abcd"), "embedding": vectors}
    return pl.LazyFrame(rows, schema={"row_id": pl.String, "embedding": pl.Array(kind, 64)})


@pytest.fixture
def rows():
    return pl.DataFrame({"row_id": ["c", "a"], "source": ["s", "s"]})


def test_embeddings_come_in_the_order_of_the_rows_as_they_are(rows):
    matrix = embedding_matrix(rows, signal(VECTORS, pl.Float32))
    np.testing.assert_array_equal(matrix, VECTORS[[2, 0]])


def test_embeddings_of_half_precision_are_of_unit_norm_again(rows):
    matrix = embedding_matrix(rows, signal(VECTORS.astype(np.float16), pl.Float16))
    assert matrix.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(matrix, axis=1), 1.0, atol=1e-6)
    np.testing.assert_allclose(matrix, VECTORS[[2, 0]], atol=1e-3)

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array

from mig_dagster.selection import twins
from mig_dagster.selection.twins import next_twins


@given(st.lists(st.tuples(st.frozensets(st.integers(0, 3)), st.sampled_from([0.0, 1.0, 2.5])), max_size=30))
def test_a_twin_is_the_next_row_of_equal_labels_and_weight(rows):
    tags = csr_array([[float(label in labels) for label in range(4)] for labels, _ in rows] or np.zeros((0, 4)))
    expected = [next((j for j in range(i + 1, len(rows)) if rows[j] == rows[i]), -1) for i in range(len(rows))]
    assert next_twins(tags, np.array([weight for _, weight in rows])).tolist() == expected


def test_rows_that_only_share_a_hash_are_no_twins(monkeypatch):
    monkeypatch.setattr(twins, "_hashes", lambda tags: np.zeros(tags.shape[0], np.uint64))
    tags = csr_array([[1.0, 0], [0, 1], [1, 0], [1, 0], [1, 1]])
    assert next_twins(tags, np.ones(5)).tolist() == [-1, -1, 3, -1, -1]

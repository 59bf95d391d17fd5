import numpy as np
import pytest

from mig_dagster.report.spread import LEAST, spread


@pytest.mark.parametrize("size", [40, 100, 399])
def test_a_sample_has_some_of_every_kind_and_beyond_that_as_many_as_its_share(size):
    kinds = np.array(["large"] * 300 + ["small"] * 90 + ["rare"] * 8 + ["single"] * 2)
    rows = spread(kinds, size)
    assert len(rows) == len(set(rows.tolist())) == size
    assert (np.diff(rows) > 0).all()
    found = {kind: int((kinds[rows] == kind).sum()) for kind in ("large", "small", "rare", "single")}
    assert found["single"] == 2
    assert found["rare"] >= LEAST
    rest = size - 3 * LEAST - 2
    assert found["large"] == pytest.approx(LEAST + rest * 295 / 383, abs=2)


def test_all_rows_are_taken_where_there_is_room():
    assert spread(["b", "a", "b"], 3).tolist() == [0, 1, 2]
    assert spread([], 5).tolist() == []


def test_more_kinds_than_room_give_a_sample_nevertheless():
    rows = spread([f"kind {at}" for at in range(50)], 7)
    assert len(set(rows.tolist())) == 7


def test_the_sample_is_the_same_every_time_and_not_the_first_rows():
    kinds = ["a"] * 1000
    assert spread(kinds, 50).tolist() == spread(kinds, 50).tolist()
    assert spread(kinds, 50).max() > 500

import numpy as np
import pytest
from scipy.sparse import csr_array

from mig_dagster.report.maps.regions import regions


def islands(seed: int = 0, each: int = 60) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return rows on four islands, their island, and tags: one label of each island, and one that all carry."""
    rng = np.random.default_rng(seed)
    middles = np.array([[-0.8, -0.8], [0.8, -0.7], [-0.7, 0.8], [0.8, 0.8]])
    of = np.repeat(np.arange(4), [each, each - 10, each - 20, each - 30])
    tags = np.zeros((len(of), 5))
    tags[np.arange(len(of)), of] = rng.random(len(of)) < 0.5
    tags[:, 4] = 1
    return middles[of] + rng.normal(size=(len(of), 2)) * 0.05, of, tags


@pytest.mark.parametrize("seed", range(3))
def test_a_region_is_named_by_the_label_that_is_its_own_where_the_rows_that_carry_it_lie(seed):
    plane, of, tags = islands(seed)
    found = regions(plane, csr_array(tags), 4)
    assert [each.label for each in found] == [0, 1, 2, 3]
    for each in found:
        middle = np.median(plane[(of == each.label) & (tags[:, each.label] > 0)], axis=0)
        assert [each.x, each.y] == pytest.approx(middle.tolist())


def test_no_label_stands_for_two_regions():
    plane, _, tags = islands()
    labels = [each.label for each in regions(plane, csr_array(tags), 12)]
    assert len(labels) == len(set(labels))


def test_a_label_that_few_rows_of_a_region_carry_does_not_stand_for_it():
    plane, of, tags = islands()
    tags[:, 0] = 0
    tags[np.flatnonzero(of == 0)[:2], 0] = 1
    assert 0 not in [each.label for each in regions(plane, csr_array(tags), 4)]


def test_without_labels_or_with_one_that_all_rows_carry_nothing_is_named():
    plane = islands()[0]
    assert regions(plane, csr_array((len(plane), 3)), 4) == []
    assert regions(plane, csr_array(np.ones((len(plane), 1))), 4) == []


def test_rows_at_one_place_are_one_region():
    tags = csr_array(np.eye(10)[:, :2])
    assert regions(np.zeros((10, 2)), tags, 4) == []

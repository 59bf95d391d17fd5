import numpy as np
import pytest

from mig_dagster.report.maps.names import CHARACTER, LINE, SHOWN, Name, placed_names

FRAME = (800.0, 500.0)


def box(name: Name, points: np.ndarray) -> tuple[float, float, float, float]:
    wide = CHARACTER * len(name.text)
    x, y = points[name.at] + [name.dx, name.dy]
    left = {"left": x, "center": x - wide / 2, "right": x - wide}[name.align]
    return left, y - LINE / 2, left + wide, y + LINE / 2


def meet(one, other) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


@pytest.mark.parametrize("seed", range(4))
def test_no_two_names_overlap_and_none_leaves_the_frame(seed):
    rng = np.random.default_rng(seed)
    points, radii = rng.uniform(-1, 1, (200, 2)) * [390, 240], np.sort(rng.uniform(2, 30, 200))[::-1]
    names = [f"label {'x' * int(length)}" for length in rng.integers(1, 30, 200)]
    kept = placed_names(points, radii, names, FRAME, 60)
    boxes = [box(name, points) for name in kept]
    assert 20 < len(kept) <= 60
    assert len({name.at for name in kept}) == len(kept)
    assert not any(meet(one, other) for place, one in enumerate(boxes) for other in boxes[:place])
    for left, top, right, bottom in boxes:
        assert left >= -400
        assert right <= 400
        assert top >= -250
        assert bottom <= 250


@pytest.mark.parametrize("seed", range(4))
def test_names_after_the_first_third_cover_no_other_circle(seed):
    rng = np.random.default_rng(seed)
    points, radii = rng.uniform(-1, 1, (120, 2)) * [390, 240], np.full(120, 6.0)
    kept = placed_names(points, radii, [f"label {at}" for at in range(120)], FRAME, 45)
    for name in [name for name in kept if name.at >= 15]:
        for at, (point, radius) in enumerate(zip(points, radii, strict=True)):
            assert at == name.at or not meet(box(name, points), (*(point - radius), *(point + radius)))


def test_a_long_name_is_cut_and_a_large_circle_carries_its_own():
    kept = placed_names(np.zeros((1, 2)), np.array([200.0]), ["x" * 50], FRAME, 5)
    assert kept == [Name(0, "x" * (SHOWN - 1) + "…", "center", 0.0, 0.0)]


def test_the_first_names_have_the_room():
    points = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [0.5, 0.5], [0.2, 0.2]])
    kept = placed_names(points, np.full(6, 200.0), ["x" * 20] * 6, (410.0, 410.0), 6)
    assert kept[0].at == 0


def test_without_labels_there_are_no_names():
    assert placed_names(np.empty((0, 2)), np.empty(0), [], FRAME, 10) == []

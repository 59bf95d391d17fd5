"""Which names find room beside their circles, so that no two overlap."""

from typing import NamedTuple

import numpy as np

from mig_dagster.report.maps.tsne import Plane
from mig_dagster.selection.base import Vector

CHARACTER, LINE = 6.6, 13.0
"""Room that a character takes at 11 px, pixels, in the wider ones of the fonts that pages fall back to."""
SHOWN = 28
"""Characters of a name that are written."""
GAP = 3.0

Box = tuple[float, float, float, float]
"""left, top, right, bottom"""


class Name(NamedTuple):
    """A name beside a circle."""

    at: int
    """Which point."""
    text: str
    align: str
    dx: float
    dy: float


def placed_names(points: Plane, radii: Vector, names: list[str], frame: tuple[float, float], most: int) -> list[Name]:
    """Return the names that find room, the first ones first.

    A name stands on a large circle, or right, left, above or below it, where it covers no circle; the first third of
    `most` otherwise on their circles, so that the largest are named in a crowd as well.

    Args:
        points: (m, 2) pixels, x to the right and y down, the middle of the frame at 0; the first matter most.
        radii: (m,) pixels.
        names: of each point.
        frame: width and height; no name leaves it.
        most: names.
    """
    kept: list[Name] = []
    taken = np.empty((0, 4))
    circles = np.column_stack([points - radii[:, None], points + radii[:, None]])
    half = np.array(frame) / 2
    for at, name in enumerate(names):
        if len(kept) == most:
            break
        text = name if len(name) <= SHOWN else name[: SHOWN - 1].rstrip() + "…"
        spots = [
            (place, box)
            for place, box in _places(at, text, points[at], float(radii[at]))
            if np.all(np.abs(box) <= np.tile(half, 2)) and not _overlaps(box, taken)
        ]
        others = np.delete(circles, at, axis=0)
        free = [spot for spot in spots if not _overlaps(spot[1], others)]
        on = [spot for spot in spots if spot[0].align == "center" and at < most // 3]
        if free or on:
            place, box = (free or on[-1:])[0]
            kept.append(place)
            taken = np.vstack([taken, box])
    return kept


def _places(at: int, text: str, point: Vector, radius: float) -> list[tuple[Name, Box]]:
    wide, (x, y) = CHARACTER * len(text), point.tolist()
    aside, above = radius + GAP, radius + LINE / 2
    spots = [("left", aside, 0.0, x + aside), ("right", -aside, 0.0, x - aside - wide)]
    spots += [("center", 0.0, dy, x - wide / 2) for dy in (-above, above)]
    on = ("center", 0.0, 0.0, x - wide / 2)
    spots = [on, *spots] if wide < 2 * radius - GAP else [*spots, on]
    return [
        (Name(at, text, align, dx, dy), (left, y + dy - LINE / 2, left + wide, y + dy + LINE / 2))
        for align, dx, dy, left in spots
    ]


def _overlaps(box: Box, others: np.ndarray) -> bool:
    left, top, right, bottom = box
    return bool(np.any((others[:, 0] < right) & (others[:, 2] > left) & (others[:, 1] < bottom) & (others[:, 3] > top)))

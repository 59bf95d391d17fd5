"""The report's colours can be seen on a light and on a dark page, and every method has its own."""

import pytest

from mig_dagster.report.charts.colours import CHOSEN, METHODS, POOL, REJECTED
from mig_dagster.selection import METHODS as METHODS_THERE_ARE


def luminance(colour: str) -> float:
    """Relative luminance of an sRGB colour (WCAG 2.2)."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(share * part for share, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("page", ["#ffffff", "#161616"])
@pytest.mark.parametrize("colour", sorted({POOL, CHOSEN, REJECTED, *METHODS.values()}))
def test_a_colour_stands_out_from_the_page(colour, page):
    dark, light = sorted((luminance(colour), luminance(page)))
    assert (light + 0.05) / (dark + 0.05) >= 3


def test_every_method_has_a_colour_of_its_own():
    assert set(METHODS) == set(METHODS_THERE_ARE)
    assert len(set(METHODS.values())) == len(METHODS)
    assert len({POOL, CHOSEN, REJECTED}) == 3

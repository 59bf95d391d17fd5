"""Small pictures for the UI, as PNG inside Markdown: metadata lives in the event log, so each stays under 20 KB."""

import base64
from collections.abc import Callable, Sequence
from io import BytesIO
from typing import TYPE_CHECKING

import dagster as dg
import numpy as np
from numpy.typing import ArrayLike

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SIZE = (4.2, 2.4)
_DPI = 80
_COLOUR = "#3b6ea8"
_COLOURS = 64
_DARK = 0.6
"""Share of the darkest colour from which on black text cannot be read."""


def histogram(values: ArrayLike, *, what: str, bins: int = 40) -> dg.MarkdownMetadataValue:
    """Return how often which value occurs.

    Args:
        values: numbers; those that are not finite are left out.
        what: the axis label.
        bins: bars.
    """
    numbers = np.asarray(values, dtype=np.float64)
    finite = numbers[np.isfinite(numbers)]

    def draw(axes: "Axes") -> None:
        axes.hist(finite, bins=bins, color=_COLOUR)
        axes.set_xlabel(what)
        axes.set_ylabel("rows")

    return _picture(draw, f"histogram of {what}")


def curve(points: Sequence[tuple[int, float]], *, what: str, over: str = "rows taken") -> dg.MarkdownMetadataValue:
    """Return a line through (count, value) points; by default of counts of chosen rows."""

    def draw(axes: "Axes") -> None:
        axes.plot([x for x, _ in points], [y for _, y in points], color=_COLOUR)
        axes.set_xlabel(over)
        axes.set_ylabel(what)

    return _picture(draw, f"{what} by {over}")


def heat_map(values: ArrayLike, names: Sequence[str], *, what: str) -> dg.MarkdownMetadataValue:
    """Return how strongly each of some things goes with each other one.

    Args:
        values: (m, m) shares, 0..1; NaN stays white.
        names: of the m things.
        what: the share says.
    """
    shares = np.asarray(values, dtype=np.float64).reshape(len(names), len(names))

    def draw(axes: "Axes") -> None:
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        axes.set_xticks(range(len(names)), names, rotation=60, ha="right", fontsize=7)
        axes.set_yticks(range(len(names)), names, fontsize=7)
        for row, column in np.argwhere(np.isfinite(shares)):
            share = shares[row, column]
            colour = "white" if share > _DARK else "black"
            axes.text(column, row, f"{share:.0%}", ha="center", va="center", fontsize=6, color=colour)

    return _picture(draw, what, (2 + 0.32 * len(names), 1.4 + 0.28 * len(names)))


def _picture(draw: Callable[["Axes"], None], title: str, size: tuple[float, float] = _SIZE) -> dg.MarkdownMetadataValue:
    # Not pyplot: it keeps global state and may look for a display. Imported here because it takes a second to load.
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, dpi=_DPI, layout="constrained")
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    draw(axes)
    return dg.MetadataValue.md(f"![{title}](data:image/png;base64,{base64.b64encode(_png(figure)).decode()})")


def _png(figure: "Figure") -> bytes:
    """Return a figure as a PNG with a palette: a quarter of the bytes that one with full colours takes."""
    from PIL import Image  # comes with matplotlib, which draws through it

    drawn, png = BytesIO(), BytesIO()
    figure.savefig(drawn, format="png")
    Image.open(drawn).convert("RGB").quantize(_COLOURS).save(png, "png", optimize=True)
    return png.getvalue()

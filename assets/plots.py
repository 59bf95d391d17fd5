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

_SIZE = (4.2, 2.4)
_DPI = 80
_COLOUR = "#3b6ea8"


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


def curve(points: Sequence[tuple[int, float]], *, what: str) -> dg.MarkdownMetadataValue:
    """Return a line through (rank, value) points."""

    def draw(axes: "Axes") -> None:
        axes.plot([x for x, _ in points], [y for _, y in points], color=_COLOUR)
        axes.set_xlabel("rows taken")
        axes.set_ylabel(what)

    return _picture(draw, f"{what} by rows taken")


def _picture(draw: Callable[["Axes"], None], title: str) -> dg.MarkdownMetadataValue:
    # Not pyplot: it keeps global state and may look for a display. Imported here because it takes a second to load.
    from matplotlib.figure import Figure

    figure = Figure(figsize=_SIZE, dpi=_DPI, layout="constrained")
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    draw(axes)
    png = BytesIO()
    figure.savefig(png, format="png")
    return dg.MetadataValue.md(f"![{title}](data:image/png;base64,{base64.b64encode(png.getvalue()).decode()})")

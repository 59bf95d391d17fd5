"""The colours of the report: one meaning each in every figure, told apart by colour-blind readers, on light and dark.

Each has a contrast of at least 3:1 with both a white and a near-black page; text takes the page's colours.
"""

from collections.abc import Mapping

POOL = "#868e96"
"""Everything there was to choose from."""

CHOSEN = "#2b83ba"
"""What the report's subset holds."""

REJECTED = "#d9680f"
"""What is in the pool and not in the subset."""

EXACT = "#8467c9"
"""Rows that are equal to one in the pool, and so not in it."""

NORMALISED = "#0f97a8"
"""Rows that are equal to one in the pool after normalisation, and so not in it."""

METHODS: Mapping[str, str] = {
    "mig": CHOSEN,
    "random": POOL,
    "zip": "#b8860b",
    "ifd": "#1b9e77",
    "instag": "#c2549d",
    "deita": "#8467c9",
    "car": "#d9480f",
    "qdit": "#0f97a8",
    "iterit": "#6b9e1f",
    "instruct_mining": "#a8713a",
    "balanced_random": "#5f7fa3",
    "longest": "#dc5b78",
}
"""The colour of each selection method."""

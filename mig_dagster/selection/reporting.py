"""How far a long selection is, told a few times a second."""

import math
from collections.abc import Callable
from time import monotonic

from mig_dagster.selection.base import OnProgress

TELL_EVERY = 0.3
"""Seconds between two reports."""


def now_and_then(k: int, on_progress: OnProgress | None) -> Callable[[int], None]:
    """Return what passes on how many of `k` rows are chosen, unless it did so a moment ago.

    Args:
        k: rows to choose.
        on_progress: who is told; None for nobody.
    """
    last = -math.inf

    def report(chosen: int) -> None:
        nonlocal last
        if on_progress is not None and monotonic() - last >= TELL_EVERY:
            last = monotonic()
            on_progress(min(chosen, k), k)

    return report

"""How far a long step has come, as lines in the Dagster log."""

import time
from collections.abc import Callable

from mig_dagster.selection.base import OnProgress

EVERY_SECONDS = 10.0
"""A log line is an event in the database: enough to see that something moves, too few to fill it."""


def logged(log: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> OnProgress:
    """Return what a method may call as often as it likes: rows taken, rate and time left go to the log now and then.

    Args:
        log: takes a line.
        clock: seconds; for tests.
    """
    started = last = clock()

    def report(chosen: int, k: int) -> None:
        nonlocal last
        now = clock()
        if now - last < EVERY_SECONDS:
            return
        last = now
        rate = chosen / (now - started)
        left = f", {(k - chosen) / rate:,.0f} s left at this rate" if rate else ""
        log(f"{chosen:,} of {k:,} rows chosen, {rate:,.3g} a second{left}")

    return report

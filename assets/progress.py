"""How far a long step has come, as lines in the Dagster log."""

import time
from collections.abc import Callable

from mig_dagster.selection.base import OnProgress

EVERY_SECONDS = 10.0
"""A log line is an event in the database: enough to see that something moves, too few to fill it."""


def logged(
    log: Callable[[str], None], what: str = "rows chosen", clock: Callable[[], float] = time.monotonic
) -> OnProgress:
    """Return what a step may call as often as it likes: now and then a line with rate and time left goes to the log.

    Args:
        log: takes a line.
        what: is counted.
        clock: seconds; for tests.
    """
    started = last = clock()

    def report(done: int, total: int) -> None:
        nonlocal last
        now = clock()
        if now - last < EVERY_SECONDS:
            return
        last = now
        rate = done / (now - started)
        left = f", {(total - done) / rate:,.0f} s left at this rate" if rate else ""
        log(f"{done:,} of {total:,} {what}, {rate:,.3g} a second{left}")

    return report

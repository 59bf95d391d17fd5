"""How far a long step has come, as lines in the Dagster log."""

import time
from collections.abc import Callable

from mig_dagster.annotations.scoring import OnTokens, TokenProgress
from mig_dagster.selection.base import OnProgress

EVERY_SECONDS = 10.0
"""A log line is an event in the database: enough to see that something moves, too few to fill it."""


def now_and_then(clock: Callable[[], float] = time.monotonic) -> Callable[[], bool]:
    """Return what says whether a line is due: every `EVERY_SECONDS`, the first so long after now.

    Args:
        clock: seconds; for tests.
    """
    last = clock()

    def due() -> bool:
        nonlocal last
        if (now := clock()) - last < EVERY_SECONDS:
            return False
        last = now
        return True

    return due


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


def logged_tokens(log: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> OnTokens:
    """Return what a model's scoring may call after every batch: now and then a line on it goes to the log.

    The line names the annotator, items computed and tokens a second, the share of what was read that is padding, and
    the time left; what the cache knew is in none of them. It is about the batch of rows that is being annotated.

    Args:
        log: takes a line.
        clock: seconds; for tests.
    """
    due = now_and_then(clock)

    def report(now: TokenProgress) -> None:
        if not due():
            return
        left = "" if now.seconds_left is None else f", {now.seconds_left:,.0f} s left at this rate"
        log(
            f"{now.annotator.name}: {now.items:,} of {now.of_items:,} items, {now.tokens_per_second:,.0f} tokens a "
            f"second, {now.padding_share:.1%} padding{left}"
        )

    return report

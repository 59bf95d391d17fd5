"""Requests are spaced below the limits of a server."""

import asyncio
import time

import pytest

from mig_dagster.annotations.tagging.pace import Pace


def moments(pace, tokens, hold=None):
    """When each of several requests at once may be sent, in seconds from the first."""

    async def run():
        sent = []

        async def one(size):
            await pace.turn(size)
            sent.append(time.monotonic() - started)

        started = time.monotonic()
        if hold is not None:
            pace.hold(hold)
        await asyncio.gather(*map(one, tokens))
        return sent

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("limits", "tokens", "expected"),
    [
        ({}, [9, 9, 9], [0, 0, 0]),
        ({"requests_per_minute": 600}, [9, 9, 9], [0, 0.1, 0.2]),
        ({"tokens_per_minute": 6000}, [10, 5, 1], [0, 0.1, 0.15]),
        ({"requests_per_minute": 600, "tokens_per_minute": 6000}, [20, 1, 1], [0, 0.2, 0.3]),
    ],
)
def test_requests_come_evenly_below_both_limits(limits, tokens, expected):
    sent = moments(Pace(**limits), tokens)
    assert all(0 <= now - due < 0.8 for now, due in zip(sent, expected, strict=True)), sent


def test_nobody_begins_while_the_server_asks_to_wait():
    assert all(0.2 <= now < 1 for now in moments(Pace(), [1, 1, 1], hold=0.2))

"""How fast a server is asked: evenly, below its limits, and not at all while it asks to wait."""

import asyncio


class Pace:
    """Spaces requests so that no minute holds more than the limits allow.

    Requests come evenly, without a burst at the start of a minute, as servers refill their budgets evenly too.

    Args:
        requests_per_minute: None sets no limit.
        tokens_per_minute: of prompts and of the most that answers may have; None sets no limit.
    """

    def __init__(self, requests_per_minute: int | None = None, tokens_per_minute: int | None = None) -> None:
        self._per_request = 60 / requests_per_minute if requests_per_minute else 0.0
        self._per_token = 60 / tokens_per_minute if tokens_per_minute else 0.0
        self._free = 0.0
        self._held = 0.0

    async def turn(self, tokens: int) -> None:
        """Wait until a request of so many tokens may be sent."""
        now = asyncio.get_running_loop().time()
        start = max(now, self._free)
        self._free = start + max(self._per_request, tokens * self._per_token)
        await asyncio.sleep(start - now)
        while (left := self._held - asyncio.get_running_loop().time()) > 0:  # others may have been told to wait longer
            await asyncio.sleep(left)

    def hold(self, seconds: float) -> None:
        """Let nobody begin for so long: the server asked for it."""
        self._held = max(self._held, asyncio.get_running_loop().time() + seconds)

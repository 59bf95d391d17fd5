"""Work done in order on a thread of its own, so that hashing, packing and storing overlap with what makes the data."""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor


class Background:
    """Runs calls one after the other on one thread; after the first that fails, no other.

    Args:
        waiting: how many calls may wait; one more waits for the first of them, so memory stays bounded.
    """

    def __init__(self, waiting: int) -> None:
        self._waiting = waiting
        self._threads = ThreadPoolExecutor(max_workers=1, thread_name_prefix="background")
        self._calls: deque[Future[None]] = deque()
        self._failed = False

    def run(self, call: Callable[[], None]) -> None:
        """Take a call.

        Raises:
            Exception: what an earlier call raised.
        """
        while self._calls and (self._calls[0].done() or len(self._calls) > self._waiting):
            self._calls.popleft().result()
        self._calls.append(self._threads.submit(self._run, call))

    def wait(self) -> None:
        """Wait for every call taken so far.

        Raises:
            Exception: what one of them raised.
        """
        while self._calls:
            self._calls.popleft().result()

    def close(self) -> None:
        """Drop the calls that have not begun, wait for the one that has, and end the thread."""
        self._threads.shutdown(cancel_futures=True)
        self._calls.clear()

    def _run(self, call: Callable[[], None]) -> None:
        if self._failed:
            return
        try:
            call()
        except BaseException:
            self._failed = True
            raise

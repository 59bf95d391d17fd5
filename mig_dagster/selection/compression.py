"""How far zlib compresses a list of texts with one more text at its end, for many candidates at once.

R(list) is the bytes of "[a, b, ...]" over the bytes that zlib makes of them at level 9. zlib reads from left to right:
what stands before the candidate is fed to it once, and each candidate continues a copy of that state, which is a few
hundred kilobytes however long the list is. The bytes that come out are those of compressing the whole list again, so R
is too, in whatever build of zlib this Python runs on.
"""

import os
import zlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from mig_dagster.selection.base import Rows, Vector

LEVEL = 9  # of the ZIP reference
FEWEST = 16  # candidates that are worth handing to another thread: about a millisecond


def compressor() -> str:
    """Return which build of zlib measures, for lock files: other builds find other matches, so other ratios.

    The build is the one that runs, not the one Python was compiled with: zlib-ng in zlib's place says so here.
    """
    return f"zlib {zlib.ZLIB_RUNTIME_VERSION}, level {LEVEL}"


def utf8(texts: Sequence[str], name: str) -> list[bytes]:
    """Return each text in UTF-8.

    Args:
        texts: n texts.
        name: of the argument, for the message.

    Raises:
        ValueError: naming the first row that has no UTF-8, because it holds half of a surrogate pair.
    """
    try:
        return [text.encode() for text in texts]
    except UnicodeEncodeError as error:
        row = next(row for row, text in enumerate(texts) if text is error.object)
        raise ValueError(
            f"{name} must have a UTF-8 form, got {error.object[error.start]!r} in row {row}, character {error.start}: "
            "half of a surrogate pair; replace it where the row is read"
        ) from error


class GrowingList:
    """The text "[a, b, ...", still without its "]", inside zlib; `copy` and `sizes` leave it as it is.

    Attributes:
        length: elements so far.
    """

    def __init__(self) -> None:
        self.length = 0
        self._deflate = zlib.compressobj(LEVEL)
        self._plain = 1
        self._packed = len(self._deflate.compress(b"["))

    def append(self, text: bytes) -> None:
        """Add an element."""
        piece = self._separated(text)
        self._plain += len(piece)
        self._packed += len(self._deflate.compress(piece))
        self.length += 1

    def ratio(self) -> float:
        """Return R of the list as it is; 2 bytes over those of their compressed form where it is empty."""
        deflate = self._deflate.copy()
        packed = self._packed + len(deflate.compress(b"]")) + len(deflate.flush())
        return (self._plain + 1) / packed

    def ratios(self, texts: Sequence[bytes]) -> list[float]:
        """Return, for each text, R of the list with that text as its last element."""
        found = []
        for text in texts:
            piece = self._separated(text) + b"]"
            deflate = self._deflate.copy()
            packed = self._packed + len(deflate.compress(piece)) + len(deflate.flush())
            found.append((self._plain + len(piece)) / packed)
        return found

    def _separated(self, text: bytes) -> bytes:
        return b", " + text if self.length else text


class RowRatios:
    """R of a list with each of some rows of a pool added, over the cores this process may use.

    zlib lets other threads run while it compresses. Each ratio is one candidate's own affair, so they do not depend on
    the number of threads. Two exact savings: a row on its own is measured once, at the start; rows with equal text are
    measured once a time.

    Call `close` when done, as `contextlib.closing` does.

    Attributes:
        texts: of the n rows, in UTF-8.
        alone: (n,) R of the list of each row alone.
    """

    def __init__(self, texts: list[bytes]) -> None:
        """Measure every row alone.

        Args:
            texts: n rows in UTF-8.
        """
        self.texts = texts
        first: dict[bytes, int] = {}
        self._same = np.array([first.setdefault(text, row) for row, text in enumerate(texts)], np.int64)
        self._cores = available_cores()
        self._threads = ThreadPoolExecutor(self._cores)
        self.alone = self._measure(GrowingList(), np.arange(len(texts)))

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(cancel_futures=True)

    def after(self, text: GrowingList, rows: Rows) -> Vector:
        """Return R of `text` with each of `rows` added, in their order."""
        return self._measure(text, rows) if text.length else self.alone[rows]

    def _measure(self, text: GrowingList, rows: Rows) -> Vector:
        distinct, where = np.unique(self._same[rows], return_inverse=True)
        step = max(FEWEST, -(-len(distinct) // (8 * self._cores)))
        parts = [
            [self.texts[row] for row in distinct[start : start + step].tolist()]
            for start in range(0, len(distinct), step)
        ]
        found = [ratio for part in self._threads.map(text.ratios, parts) for ratio in part]
        return np.array(found, np.float64)[where]


def available_cores() -> int:
    """Return how many cores this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1

"""Where the cache has a key: which fragment, and on which of its lines.

A run reads a source in thousands of batches and writes a fragment for each, so looking through every fragment for
every batch takes time that grows with the square of the rows. Here keys stand in a few sorted runs, each at least
twice as long as the next: a look-up searches them all, and every key is merged into a longer run a few times only.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Keys = npt.NDArray[np.bytes_]
Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Run:
    """Distinct keys, sorted, with the fragment and the line of each."""

    keys: Keys
    fragments: npt.NDArray[np.int32]
    lines: npt.NDArray[np.int32]

    def where(self, kept: npt.NDArray[np.generic]) -> "_Run":
        return _Run(self.keys[kept], self.fragments[kept], self.lines[kept])


class KeyIndex:
    """The keys of many fragments, numbered in the order in which they are added; of equal keys the first counts."""

    def __init__(self) -> None:
        self._runs: list[_Run] = []
        self._added = 0

    def add(self, keys: Keys) -> int:
        """Take in the keys of one fragment, by line; they may repeat. Return the fragment's number."""
        lines = np.arange(len(keys), dtype=np.int32)
        run = _sorted(_Run(keys, np.full(len(keys), self._added, dtype=np.int32), lines))
        self._added += 1
        while self._runs and len(self._runs[-1].keys) < 2 * len(run.keys):
            run = _merged(self._runs.pop(), run)
        if len(run.keys):
            self._runs.append(run)
        return self._added - 1

    def find(self, keys: Keys) -> tuple[Numbers, Numbers]:
        """Return the fragment of each key, -1 where there is none, and its line there; both (n,)."""
        fragments, lines = np.full(len(keys), -1, dtype=np.int64), np.zeros(len(keys), dtype=np.int64)
        order = np.argsort(keys)  # neighbours in a sorted run are found near each other, in cached memory
        wanted = keys[order]
        for run in reversed(self._runs):  # older runs are longer and come first: what they have counts
            place = np.minimum(np.searchsorted(run.keys, wanted), len(run.keys) - 1)
            hit = run.keys[place] == wanted
            fragments[order[hit]] = run.fragments[place[hit]]
            lines[order[hit]] = run.lines[place[hit]]
        return fragments, lines


def _merged(older: _Run, newer: _Run) -> _Run:
    return _sorted(
        _Run(
            np.concatenate([older.keys, newer.keys]),
            np.concatenate([older.fragments, newer.fragments]),
            np.concatenate([older.lines, newer.lines]),
        )
    )


def _sorted(run: _Run) -> _Run:
    """Return the run in the order of its keys, of equal keys the first alone."""
    ordered = run.where(np.argsort(run.keys, kind="stable"))
    first = np.ones(len(ordered.keys), dtype=np.bool_)
    first[1:] = ordered.keys[1:] != ordered.keys[:-1]
    return ordered if first.all() else ordered.where(first)

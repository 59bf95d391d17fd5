"""Rows with the same text: only the one of the highest score can be next.

Without this thousands of copies of one answer, a refusal for instance, would all be scored again at each pick.
"""

import numpy as np

from mig_dagster.selection.base import Rows, Vector
from mig_dagster.selection.twins import NO_TWIN

APART = 1 + 2.0**-50
"""Two scores whose ratio is larger keep their order when both are multiplied by one number and rounded."""


def next_copies(scores: Vector, texts: list[str]) -> Rows:
    """Return (n,) the copy of each row that cannot come before it, or `NO_TWIN`.

    Rows come by score times a number that equal texts share. Of two copies the one of lower score is later, or of equal
    scores the one of higher number. Where scores differ by rounding alone their products can be equal and the lower
    number first: these copies are not told to wait.

    Args:
        scores: (n,) finite, at least 0.
        texts: n texts.
    """
    numbers: dict[str, int] = {}
    text = np.array([numbers.setdefault(text, len(numbers)) for text in texts], np.int64)
    order = np.lexsort((-scores, text))  # stable: equal rows stay in pool order
    first, second = order[:-1], order[1:]
    later = (scores[first] == scores[second]) | (scores[first] > scores[second] * APART)
    later &= text[first] == text[second]
    waiting = np.full(len(scores), NO_TWIN)
    waiting[first[later]] = second[later]
    return waiting

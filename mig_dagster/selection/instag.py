"""INSTAG: take the rows of most labels first, pass after pass, each only if it adds a label to those of its pass.

Paper       Lu et al. 2024, "#InsTag: Instruction Tagging for Analyzing Supervised Fine-tuning of Large Language
            Models", ICLR 2024, arXiv:2308.07074, Algorithm 1, "complexity-first diverse sampling" [2nd: not read
            itself; as review notes give it]
Reference   none: OFA-Sys/InsTag @ aac2f27 holds a README and no code
Departures  - one sweep over the pool instead of one a pass; same rows, same gains
              (test_one_sweep_takes_the_rows_of_the_passes_in_their_order);
            - a row without labels adds nothing in any pass, so that the loop as printed never ends once only such rows
              are left: they come last, lowest first (test_rows_without_labels_come_last);
            - ties in the number of labels go to the lower row, the paper does not say (test_ties_go_to_the_lower_row);
            - T is a set of canonical labels: what the vocabulary drops does not count, and two raw tags of one label
              count once, as does a repeated entry (test_a_repeated_entry_counts_once)

Paper           Here     Shape
T_i             tags     (n, m)  the labels of a row
B               a pass           the labels its rows have; empty at its start
N               k
-               held     (m,)    in how many passes each label is held

Why one sweep is enough: a row goes into the first pass whose set lacks one of its labels. The passes that hold a label
are always the first ones, 1..held, since a row that skips a pass does so because that pass holds all its labels. So the
row's pass is 1 + the least `held` of its labels, and what it adds there are the labels with just that `held`.
"""

from itertools import pairwise
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from mig_dagster.selection.arguments import check_k
from mig_dagster.selection.base import Rows, Selection, Vector, method
from mig_dagster.selection.tag_matrix import check_tags

CHUNK = 65_536  # rows turned into lists at once: a few MB, where the labels of 1M rows as lists take some 200
NO_PASS = np.iinfo(np.int64).max


@method
def instag(k: int, *, tags: Any) -> Selection:
    """Choose rows of many labels that cover all labels, then again all, until there are enough.

    The first pass covers every label of the pool. Of rows with equally many labels the lowest comes first; rows without
    labels come last. The choice for k is the start of the choice for any larger k. Time O(n log n + entries of `tags`);
    memory above the input about 16 bytes an entry and 50 a row.

    Args:
        k: how many rows, 0..n.
        tags: (n, m) sparse or dense, 1 where the row carries the label. Repeated entries count once. Not changed.

    Returns:
        (k,) rows, pass by pass; the gains are how many labels each added to those of its pass.

    Raises:
        ValueError: naming the argument, its value and what to do. TypeError where `k` is no whole number.
    """
    given, _ = check_tags(tags)
    k = check_k(k, given.shape[0])
    order = np.argsort(-np.diff(given.indptr), kind="stable")  # Algorithm 1, the sort
    passes, gains = sweep(given, order)
    taken = np.argsort(passes, kind="stable")[:k]
    return Selection(order[taken].astype(np.int64), gains[taken])


def sweep(tags: csr_array, order: Rows, chunk: int = CHUNK) -> tuple[Rows, Vector]:
    """Return (n,) the pass of each row, 1 for the first, and (n,) how many labels it adds there; both along `order`.

    Args:
        tags: (n, m) ones, canonical.
        order: (n,) the rows as every pass looks at them, those without labels last; their pass is `NO_PASS`.
        chunk: how many rows to turn into lists at once; changes time and memory, not the passes.
    """
    passes, gains = np.full(len(order), NO_PASS), np.zeros(len(order))
    held = [0] * tags.shape[1]
    filled = order[: np.count_nonzero(np.diff(tags.indptr))]
    for start in range(0, len(filled), chunk):
        part = tags[filled[start : start + chunk]]
        found = np.array(_sweep_lists(part.indices.tolist(), part.indptr.tolist(), held))
        passes[start : start + len(found)], gains[start : start + len(found)] = found.T
    return passes, gains


def _sweep_lists(labels: list[int], ends: list[int], held: list[int]) -> list[tuple[int, int]]:
    """Return (pass, gain) of each row, none of which is without labels; bring `held` up to date."""
    found: list[tuple[int, int]] = []
    for start, end in pairwise(ends):
        row = labels[start:end]
        counts = [held[label] for label in row]
        least = min(counts)
        found.append((least + 1, counts.count(least)))
        for label, count in zip(row, counts, strict=True):
            if count == least:
                held[label] = least + 1
    return found

"""ZIP: take rows, a batch at a time, that leave the chosen text hard to compress.

Paper       Yin et al. 2024, "Entropy Law: The Story Behind Data Compression and LLM Performance", arXiv:2407.06645.
            Its body could not be read: this is the algorithm of the code
Reference   USTC-StarTeam/ZIP @ f77b0b5, ZIP.py, ZIP_select (MIT)
Departures  From the reference:
            - a row is never chosen twice: chosen rows leave the pool. The reference chooses rows again once fewer than
              K1 are left that were not in a shortlist (test_no_row_comes_twice_when_the_pool_is_used_up);
            - exactly k rows: the last batch ends when the budget is met, the reference's overshoots
              (test_equals_the_algorithm_compressed_from_scratch, test_strict_reference_keeps_whole_batches);
            - a pool with fewer than K1 rows works, the reference stops with an error
              (test_equals_the_algorithm_compressed_from_scratch);
            - ties go to the lowest row, where torch.topk leaves them open (test_equal_rows_come_in_pool_order);
            - ratios are float64, not float32 (test_strict_reference_compares_in_single_precision);
            - what is compressed is `serialized_rows`, whatever they hold; the reference compresses the Python
              text of each row's dictionary, id and all (test_text_is_compressed_as_given).
            strict_reference=True takes back the second and the fifth, never the others.
            Not from the paper nor the reference, and the same rows: the text before a candidate is compressed once, not
            once a candidate (test_a_continued_state_compresses_as_the_whole_text_does).

Reference       Here                   Shape
D               serialized_rows        n     texts; the list is compressed as "[r1, r2, ...]"
R(D)            compression.py               bytes over compressed bytes: redundancy; low is good
pi              stale          (n,)          R of a row with the rows chosen when it was last a candidate
C               candidates     (<= K1,)      rows with the lowest pi, measured again
W               shortlist      (<= K2,)      those of C with the lowest R; all of them retired
T               batch          (<= K3,)      chosen from W one by one, from an empty list
S               chosen         (k,)          all batches so far
"""

from collections.abc import Sequence
from contextlib import closing

import numpy as np

from mig_dagster.selection.arguments import check_k, check_strings, check_whole
from mig_dagster.selection.base import OnProgress, Rows, Selection, Vector, method
from mig_dagster.selection.compression import GrowingList, RowRatios, utf8
from mig_dagster.selection.reporting import now_and_then
from mig_dagster.selection.top_k import top_k

RETIRED = 1e6
"""The reference's pi of a row that was in a shortlist: above any R, which deflate keeps below 1,033."""


@method
def zip(
    k: int,
    *,
    serialized_rows: Sequence[str],
    k1: int = 10_000,
    k2: int = 200,
    k3: int = 100,
    strict_reference: bool = False,
    on_progress: OnProgress | None = None,
) -> Selection:
    """Choose rows whose text says little twice, by how badly zlib compresses it.

    Until k rows are chosen: measure the k1 rows with the lowest R when last measured, each together with all rows
    chosen so far; shortlist the k2 lowest; choose k3 of these one by one, each the lowest with those chosen before it
    in this batch. The whole shortlist is retired: its other rows come back only when fewer than k1 rows are left that
    were in none, and are measured afresh then. Of rows with equal R the lowest is taken. The choice for k is the start
    of the choice for any larger k.

    Ratios, and with them the rows, depend on the build of zlib (`compression.compressor` names it) and on what the
    texts hold: ids and the order of keys count.

    Time is about 0.1 ms for each of k1 + k2 k3 candidates a batch, shared out over the cores; memory the rows in UTF-8.

    Args:
        k: how many rows, 0..n.
        serialized_rows: n texts, each a row as it is to be compressed; empty ones are allowed.
        k1: rows measured with the chosen ones for each batch.
        k2: rows of these that a batch is chosen from, at most k1.
        k3: rows of a batch, 1..k2.
        strict_reference: compare ratios in float32 and keep the last batch whole, so up to k3 - 1 more rows than k, as
            far as the pool goes. It departs from the reference still: ties, no row twice, small pools.
        on_progress: told at most four times a second, after a batch.

    Returns:
        (k,) rows in the order chosen, batch after batch. The gain of a row is 1 / R of its batch once it has joined
        ("[r1, ..., row]"): compressed bytes for each byte, high where nothing is said twice; it starts anew with every
        batch. `objective` is R of all chosen rows in that order, low is good; of none, R of "[]".

    Raises:
        ValueError: naming the argument, its value and what to do. TypeError where `k`, `k1`, `k2` or `k3` is no
            whole number or a row no str.
    """
    texts = utf8(check_strings(serialized_rows, None, "serialized_rows"), "serialized_rows")
    k = check_k(k, len(texts))
    k1, k2, k3 = _check_stages(k1, k2, k3)
    report = now_and_then(k, on_progress)
    rows, gains, chosen = np.empty(0, np.int64), np.empty(0), GrowingList()
    with closing(RowRatios(texts)) as ratios:
        stages = _Stages(ratios, k1, k2, np.float32 if strict_reference else np.float64)
        while len(rows) < k:
            shortlist = stages.shortlist(chosen)
            batch, shares = stages.batch(shortlist, k3 if strict_reference else min(k3, k - len(rows)))
            for row in batch.tolist():
                chosen.append(texts[row])  # S += T
            rows, gains = np.append(rows, batch), np.append(gains, shares)
            report(len(rows))
    return Selection(rows, gains, objective=chosen.ratio())


class _Stages:
    """The three stages of a batch, and what they remember from batch to batch: pi, and who is still to be had."""

    def __init__(self, ratios: RowRatios, k1: int, k2: int, precision: type[np.float32] | type[np.float64]) -> None:
        self._ratios, self._k1, self._k2, self._precision = ratios, k1, k2, precision
        self._stale = self._compared(ratios.alone)  # pi[i] = R([row_i])
        self._left = np.ones(len(self._stale), np.bool_)

    def shortlist(self, chosen: GrowingList) -> Rows:
        """Return W, ascending, and retire it."""
        left = np.flatnonzero(self._left)
        candidates = self._lowest(self._k1, left, self._stale[left])  # stage 1
        fresh = self._compared(self._ratios.after(chosen, candidates))
        self._stale[candidates] = fresh
        shortlist = self._lowest(self._k2, candidates, fresh)  # stage 2
        self._stale[shortlist] = RETIRED
        return shortlist

    def batch(self, shortlist: Rows, size: int) -> tuple[Rows, Vector]:
        """Return T, of `size` rows or all of W where it is smaller, in the order chosen, and 1 / R after each."""
        batch = GrowingList()
        rows: list[int] = []
        shares: list[float] = []
        while len(rows) < size and len(shortlist):  # stage 3
            ratios = self._ratios.after(batch, shortlist)
            best = int(np.argmin(self._compared(ratios)))
            rows.append(int(shortlist[best]))
            shares.append(1 / float(ratios[best]))
            batch.append(self._ratios.texts[rows[-1]])
            shortlist = np.delete(shortlist, best)
        self._left[rows] = False
        return np.array(rows, np.int64), np.array(shares)

    def _compared(self, ratios: Vector) -> Vector:
        return ratios.astype(self._precision).astype(np.float64)

    @staticmethod
    def _lowest(count: int, rows: Rows, values: Vector) -> Rows:
        """Return the rows of the `count` lowest values, of equal ones the lower rows; ascending, as `rows` are."""
        return np.sort(rows[top_k(min(count, len(rows)), -values)])


def _check_stages(k1: int, k2: int, k3: int) -> tuple[int, int, int]:
    k1, k2, k3 = check_whole(k1, "k1"), check_whole(k2, "k2"), check_whole(k3, "k3")
    if not k1 >= k2 >= k3 >= 1:
        raise ValueError(
            f"k1 >= k2 >= k3 >= 1 must hold, got k1={k1}, k2={k2}, k3={k3}: k3 rows are chosen from a shortlist of k2, "
            "which comes from k1 candidates; raise the earlier or lower the later"
        )
    return k1, k2, k3

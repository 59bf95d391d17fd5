"""IterIT's rounds: choose, let the caller train and score again what may be chosen next, choose again.

Paper and reference: see `iterit`. The code does this inside its trainer, one round an epoch; here training and scoring
are the caller's, in a callback.

Departures  From the code:
            - rows with an IFD of 1 or more go behind all others: there they stand right behind the rows taken and fill
              the next window, the more of them the less is scored again that could be taken
              (test_rows_with_ifd_of_one_or_more_leave_the_window);
            - of equal scores the lowest row of the pool comes first, there the first of the current order
              (test_equal_scores_go_to_the_lowest_row_whatever_the_order);
            - a round is `iterit`, with its departures.

Code              Here
M                 k
count             window          rows that a round scores and chooses from: all in round 0, then k * update_ratio
original_idx      order           every row of the pool; a round puts the rows it takes first
score             scores          IFD of every row, of the last time it was scored
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from mig_dagster.selection.arguments import check_k, check_scores, check_strings, check_whole
from mig_dagster.selection.base import Rows, Selection, Vector
from mig_dagster.selection.iterit import check_decay, one_round, warn_of_hard_rows
from mig_dagster.selection.top_k import top_k


def iterit_rounds(
    k: int,
    *,
    ifd_scores: ArrayLike,
    responses: Sequence[str],
    rescore: Callable[[Rows], ArrayLike],
    rounds: int = 3,
    update_ratio: int = 3,
    decay: float = 0.1,
) -> list[Selection]:
    """Choose `k` rows a round, each round by IFD scores of the model as the rounds before have left it.

    Round 0 is `iterit` on the whole pool. Before each later round the first k * update_ratio rows of the current order
    are scored again, and the round takes its rows from these. Rows taken before may be taken again. The order after a
    round is: its rows; the other candidates of the window by IFD, highest first; the rows outside the window as they
    were; and rows with an IFD of 1 or more, closest to 1 first.

    Args:
        k: rows a round, 0..n. (The code's default is 5 % of the pool.)
        ifd_scores: (n,) ratios of perplexities before training, finite and at least 0.
        responses: n answers.
        rescore: called before each later round with the rows to score, in the current order; returns their IFD in that
            order. Its first `k` rows are those of the round before: train on them first, then score.
        rounds: at least 1 (3 epochs in the code).
        update_ratio: how many times `k` rows are scored again: 2 or more, or 1 for the whole pool, as in the code.
            Its script has 3.
        decay: 0..1, see `iterit`.

    Returns:
        one choice a round, each as `iterit` returns it.

    Raises:
        ValueError: naming the argument, or what `rescore` returned, its value and what was expected.
        TypeError: where `k`, `rounds` or `update_ratio` is no whole number, `decay` no number or a response no str.

    Warns:
        SelectionWarning: for each round that had to take rows with an IFD of 1 or more.
    """
    scores = check_scores(ifd_scores, name="ifd_scores").copy()
    n = len(scores)
    k = check_k(k, n)
    texts = check_strings(responses, n, "responses")
    check_decay(decay)
    rounds, update_ratio = check_whole(rounds, "rounds", 1), check_whole(update_ratio, "update_ratio", 1)
    order, window, chosen = np.arange(n), n, []
    for turn in range(rounds):
        if turn > 0 and k > 0:
            window = min(n, k * update_ratio) if update_ratio > 1 else n
            scores[order[:window]] = _rescored(rescore, order[:window])
        inside = np.sort(order[:window])
        found = one_round(k, scores[inside], [texts[row] for row in inside], decay, None)
        chosen.append(Selection(inside[found.rows], found.gains))
        warn_of_hard_rows(scores[chosen[-1].rows])
        order = _reordered(order, window, chosen[-1].rows, scores)
    return chosen


def _rescored(rescore: Callable[[Rows], ArrayLike], rows: Rows) -> Vector:
    """Return the new scores of `rows`, checked."""
    returned = np.asarray(rescore(rows.copy()), np.float64)
    if returned.shape != rows.shape:
        raise ValueError(
            f"rescore must return one number for each of the {len(rows)} rows it is given, in their order, "
            f"got shape {returned.shape}"
        )
    wrong = np.flatnonzero(~((returned >= 0) & np.isfinite(returned)))
    if len(wrong):
        raise ValueError(
            f"rescore must return finite numbers of at least 0, got {returned[wrong[0]]} for row {rows[wrong[0]]} "
            f"({len(wrong)} such rows); return 1 or more for a row that cannot be scored, and it will come last"
        )
    return returned


def _reordered(order: Rows, window: int, picked: Rows, scores: Vector) -> Rows:
    """Return the order after a round that took `picked` from the first `window` rows of `order`."""
    waiting = np.setdiff1d(order[:window], picked)
    waiting = waiting[scores[waiting] < 1]
    outside = order[window:]
    hard = np.setdiff1d(np.flatnonzero(scores >= 1), picked)
    return np.concatenate(
        [
            picked,
            waiting[top_k(len(waiting), scores[waiting])],
            outside[scores[outside] < 1],
            hard[top_k(len(hard), -scores[hard])],
        ]
    )

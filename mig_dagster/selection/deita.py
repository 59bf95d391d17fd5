"""DEITA: the best rows first, each kept only if it is not too like a row already kept.

Paper       Liu et al. 2024, "What Makes Good Data for Alignment? A Comprehensive Study of Automatic Data Selection in
            Instruction Tuning", arXiv:2312.15685, the score-first, diversity-aware selection ([2nd]: read in notes)
Reference   hkust-nlp/deita @ ac6b91a, src/deita/selection/filter/base.py, IterativeFilter (Apache-2.0: reimplemented)
Departures  From the paper:
            - the paper calls d a cosine distance and accepts below the threshold; here as in the reference it is a
              similarity and what is above the threshold goes, the only reading that removes near-duplicates
              (test_golden_rows_twenty_degrees_apart).
            From the reference:
            - equal scores keep the order of the pool, where its sort leaves their order open
              (test_of_equal_scores_the_lowest_row_comes_first);
            - one row at a time, as its batch_size=1; its larger batches also compare with rows they have just dropped
              (test_golden_rows_twenty_degrees_apart);
            - rows are compared in blocks; the same rows as one after the other in float64, where it has float32
              (test_deita_equals_the_loop_over_rows,
              test_cosines_closer_to_the_threshold_than_a_product_can_tell_are_decided_in_float64);
            - a cosine up to (d + 8) 2 ** -51 above the threshold, 9e-14 where d = 384, counts as at it: rounding drops
              no row that is exactly there. Copies are found at any threshold below 1
              (test_rows_exactly_at_the_threshold_stay, test_copies_have_cosine_one_to_the_last_bit);
            - a cosine is never above 1, so threshold=1 keeps every row; in its float32 copies of a row can come out
              above 1 (test_a_threshold_of_one_or_more_is_plain_top_k);
            - a row of zeros is like no row, as there (NaN is not above the threshold), but without NaN
              (test_a_row_of_zeros_is_like_no_row);
            - its distance_metric="manhattan" is left out: there it drops the rows that are far apart;
            - k rows at most, 0 included, and a sentence where the pool has fewer (test_a_pool_that_runs_out_says_so).
            `quality_scores` are whatever ranks the rows. The paper's own are the sum over turns of complexity times
            quality; MIG's pool files hold the mean.

Paper    Here             Shape
s        quality_scores   (n,)    evol score: complexity times quality
X        a pool           n rows  in `order`, best score first
S        rows kept        k rows
d(x, S)  highest cosine of x with a row kept
tau      threshold                0.9 (reference; MIG A.1 takes 0.95 where 0.9 left too few)
"""

import math

from numpy.typing import ArrayLike

from mig_dagster.selection.arguments import check_embeddings, check_k, check_numbers
from mig_dagster.selection.base import OnProgress, Selection, method
from mig_dagster.selection.top_k import top_k


@method
def deita(
    k: int,
    *,
    quality_scores: ArrayLike,
    row_embeddings: ArrayLike,
    threshold: float = 0.9,
    device: str | None = None,
    on_progress: OnProgress | None = None,
) -> Selection:
    """Choose the best rows of which no two are nearly the same.

    Rows are looked at from the highest score down, of equal scores the lowest row first; a row is kept unless its
    cosine with a row kept before is above `threshold`, by more than rounding makes of a cosine that is at it. The
    choice for k is the start of the choice for any larger k. The length of an embedding does not matter; a row of zeros
    is like no row. Inputs are not changed.

    Above the inputs it takes 6 k d bytes (on `device`) and some 200 MB, never n x n; time grows with (rows looked at)
    times (rows kept) times d, and looking stops at the k-th row kept.

    Args:
        k: how many rows, 0..n.
        quality_scores: (n,) finite, of either sign: only their order counts.
        row_embeddings: (n, d) finite.
        threshold: the highest cosine two rows kept may have, above -1; 1 or more keeps the k best scores.
        device: None or "cpu"; "cuda" or "cuda:0" to compare rows there. Same rows.
        on_progress: called a few times a second with (rows kept, k).

    Returns:
        The rows, best score first, their scores as gains; fewer than k rows where the pool has no more that are unlike
        each other, and then `shortfall` says so.

    Raises:
        ValueError: naming the argument, its value and what to do. TypeError where `k` is no whole number.
    """
    scores = check_numbers(quality_scores, None, "quality_scores")
    n = len(scores)
    k = check_k(k, n)
    vectors = check_embeddings(row_embeddings, n)
    if not -1 < threshold < math.inf:
        raise ValueError(
            f"threshold must be a finite number above -1, got {threshold}; it is the highest cosine two chosen rows "
            "may have: 0.9 drops near-duplicates, 1 drops nothing"
        )
    from mig_dagster.selection.cosine_filter import keep_dissimilar  # torch takes seconds to import

    rows = keep_dissimilar(k, top_k(n, scores), vectors, float(threshold), device, on_progress)
    return Selection(rows, scores[rows], shortfall=_shortfall(k, len(rows), n, threshold))


def _shortfall(k: int, kept: int, n: int, threshold: float) -> str | None:
    if kept == k:
        return None
    return (
        f"{kept} rows instead of {k}: every other row of the pool ({n - kept}) has a cosine above {threshold:g} with "
        "a better one that was kept; raise threshold (1 drops nothing) or ask for fewer rows"
    )

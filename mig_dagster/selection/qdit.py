"""QDIT: k times, take the row that adds most to how well the choice stands for the pool, and to its quality.

Paper       Bukharin and Zhao 2024, "Data Diversity Matters for Robust Instruction Tuning", arXiv:2311.14736, the greedy
            QDIT rule ([2nd]: read in excerpts and notes)
Reference   abukharin3/QDIT (not obtainable, unread; licence unknown)
Departures  From the paper:
            - the best cosine of a row with the choice counts as 0 while it is negative, so that a row more never makes
              the choice worse; without that the first gains are wrong and greedy has no guarantee
              (test_a_pool_row_unlike_every_choice_counts_as_0);
            - the paper does not say how quality and similarity are brought to one scale: `quality_scale`
              (test_the_scales_of_quality);
            - components of the unit embeddings are rounded to 2 ** -26, from 1/2 on to 2 ** -24 (float32), and
              cosines to 2 ** -30, so that every sum is exact: rows, gains and ties are the same however the work is
              cut, on any device (test_equals_greedy_by_the_book, test_how_the_work_is_cut_changes_nothing). A cosine
              differs by 1e-7 at most as met, 4e-8 with 384 numbers; less than 4.2e-7 with 384 is proven
              (test_grid_vectors_are_within_the_proven_bound_of_the_cosines);
            - a cosine within 2.4e-7 of 1 counts as 1, so that two rows which stand only for each other add the same
              and the lower is taken (test_two_rows_that_stand_for_each_other_tie);
            - rows are scored lazily; same rows (test_equals_greedy_by_the_book);
            - approximation="sampled" and "two_stage" are ours, not its QDIT:Cluster and QDIT:Threshold, and named
              approximate (test_sampled_measures_diversity_on_a_sample, test_two_stage_chooses_among_the_best_rows).

Paper    Here             Shape
V        pool             n rows
A        the rows taken
sim      cosine           of the row embeddings
d(A)     coverage                 sum over the pool of the best cosine with a row taken, none below 0
q        quality_scores   (n,)    after `quality_scale`
alpha    alpha                    0: diversity only (facility location); 1: the k best rows
f(a|A)   gains            (k,)    (1 - alpha) (d(A + a) - d(A)) + alpha q(a)
"""

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike

from mig_dagster.selection.arguments import check_embeddings, check_k, check_number, check_numbers, check_whole
from mig_dagster.selection.base import OnProgress, Rows, Selection, SelectionWarning, Vector, method
from mig_dagster.selection.block_lazy import block_lazy
from mig_dagster.selection.reporting import now_and_then
from mig_dagster.selection.top_k import top_k

if TYPE_CHECKING:
    from torch import Tensor

    from mig_dagster.selection.coverage import Coverage

AT_ONCE = 64
"""Rows scored together: enough for a matrix product to pay, and few are scored in vain."""
LARGE = 4e10
"""Pairs of candidate and pool row above which a CPU takes many minutes: 200,000 rows with themselves."""
PASSES = 4
"""About how many times each pair is compared: half a time for the limits at first and after 1, 4, ... rows."""


def _minmax(scores: Vector) -> Vector:
    low, high = scores.min(initial=np.inf), scores.max(initial=-np.inf)
    if not low < high:
        return np.zeros(len(scores))
    values: Vector = (scores / 2 - low / 2) / (high / 2 - low / 2)  # halves: the difference of two floats can overflow
    return values


def _rank(scores: Vector) -> Vector:
    # scipy.stats has this as rankdata, and takes half a second to import.
    _, place, equal = np.unique(scores, return_inverse=True, return_counts=True)
    ranks: Vector = (np.cumsum(equal) - (equal - 1) / 2)[place]
    return (ranks - 1) / max(len(scores) - 1, 1)


SCALES: dict[str, Callable[[Vector], Vector]] = {"raw": np.copy, "minmax": _minmax, "rank": _rank}
APPROXIMATIONS = ("none", "sampled", "two_stage")


@method
def qdit(
    k: int,
    *,
    quality_scores: ArrayLike,
    row_embeddings: ArrayLike,
    alpha: float = 0.7,
    quality_scale: Literal["raw", "minmax", "rank"] = "raw",
    approximation: Literal["none", "sampled", "two_stage"] = "none",
    sample_size: int = 10_000,
    candidates: int = 50_000,
    seed: int = 42,
    device: str | None = None,
    on_progress: OnProgress | None = None,
) -> Selection:
    """Choose rows that are good and together stand for the whole pool.

    Exact greedy unless `approximation` says otherwise. Of rows with equal gain the lowest is taken; a copy of a row
    taken adds no diversity. The choice for k is the start of the choice for any larger k. The length of an embedding
    does not matter; a row of zeros is like no row. Inputs are not changed.

    Above the inputs it takes 4 n d bytes, at most 770 MB for cosines that still matter (on a GPU a quarter of what is
    free), and some 100 MB, never n x n. Time grows with n n d and hardly with k: a minute or two for 65,000 rows on two
    cores; more than some 200,000 rows want a GPU or an approximation.

    Args:
        k: how many rows, 0..n.
        quality_scores: (n,) finite, of either sign.
        row_embeddings: (n, d) finite.
        alpha: weight of quality against diversity, 0..1; the paper finds 0.5 to 0.9 best.
        quality_scale: "raw": scores as they are. They stand against late diversity gains below 1, so raw scores of 1 to
            36 soon decide alone. "minmax": from 0 (lowest of the pool) to 1; "rank": the mean rank among equals, from
            0 to 1.
        approximation: "none": exact. "sampled", approximate: diversity is measured on `sample_size` rows of the pool,
            times n / sample_size; gains and objective are estimates. "two_stage", approximate: only the `candidates`
            best rows by quality can be chosen; gains and objective are true.
        sample_size: of "sampled", at least 1; the whole pool where it has no more rows.
        candidates: of "two_stage", at least k; all rows where the pool has no more.
        seed: of "sampled", at least 0.
        device: None or "cpu"; "cuda" or "cuda:0" to compare rows there. Same rows, same gains.
        on_progress: told a few times a second.

    Returns:
        (k,) rows in the order taken; their gains f(a|A), never rising; and as `objective`
        (1 - alpha) d(A) + alpha times the sum of the rows' scaled quality.

    Raises:
        ValueError: naming the argument, its value and what to do. TypeError where `k`, `sample_size`, `candidates` or
            `seed` is no whole number, or `alpha` no number.

    Warns:
        SelectionWarning: on a CPU where candidates times pool rows exceed 4e10.
    """
    scores = _check_sum(check_numbers(quality_scores, None, "quality_scores"))
    n = len(scores)
    k = check_k(k, n)
    embeddings = check_embeddings(row_embeddings, n)
    _check_options(alpha, quality_scale, approximation)
    sample_size, seed = check_whole(sample_size, "sample_size", 1), check_whole(seed, "seed", 0)
    candidates = check_whole(candidates, "candidates")
    from mig_dagster.selection.coverage import Coverage  # torch takes seconds to import
    from mig_dagster.selection.devices import check_device
    from mig_dagster.selection.exact_cosines import grid_vectors

    place = check_device(device or "cpu")
    quality = SCALES[quality_scale](scores)
    choosable, pool = np.arange(n), np.arange(n)
    if approximation == "two_stage":
        choosable = _best(candidates, k, quality)
    elif approximation == "sampled":
        pool = _sample(sample_size, n, seed)
    if k == 0 or alpha == 1:  # cosines have no weight
        rows = choosable[top_k(k, quality[choosable])]
        return Selection(rows, quality[rows], objective=float(quality[rows].sum()))
    if place.type == "cpu":
        _warn_if_large(len(choosable), len(pool), embeddings.shape[1])
    vectors = grid_vectors(embeddings, place)
    coverage = Coverage(_of(vectors, choosable), _of(vectors, pool))
    weight = (1 - alpha) * (n / len(pool))
    rows, gains = _greedy(k, coverage, weight, alpha * quality[choosable], now_and_then(k, on_progress))
    rows = choosable[rows]
    objective = weight * coverage.value() + alpha * float(quality[rows].sum())
    return Selection(rows, gains, objective=objective)


def _greedy(
    k: int, coverage: "Coverage", weight: float, worth: Vector, report: Callable[[int], None]
) -> tuple[Rows, Vector]:
    """Take `k` candidates, each the one of highest weight times coverage added plus `worth`, the lowest of equals.

    Lazy scoring is exact: what a row adds to d never rises as m rises; sums of whole UNITs have no rounding, and the
    rounding of a product and a sum of two numbers keeps order. So no gain is above one computed before.
    """
    rows, gains = np.empty(0, np.int64), np.empty(0)
    taken = 0

    def gains_of(some: Rows) -> Vector:  # f(a|A)
        return weight * coverage.gains(some) + worth[some]

    def take(row: int) -> None:
        nonlocal taken
        coverage.take(row)
        taken += 1
        report(taken)

    while taken < k:
        report(taken)
        limits = weight * coverage.limits() + worth
        limits[rows] = -np.inf
        more, their_gains = block_lazy(min(coverage.look_again, k) - taken, limits, gains_of, take, AT_ONCE)
        rows, gains = np.concatenate([rows, more]), np.concatenate([gains, their_gains])
    return rows, gains


def _of(vectors: "Tensor", rows: Rows) -> "Tensor":
    """Return some rows, or the very same tensor where that is all of them."""
    from torch import from_numpy

    return vectors if len(rows) == len(vectors) else vectors[from_numpy(rows).to(vectors.device)]


def _best(candidates: int, k: int, quality: Vector) -> Rows:
    if candidates < k:
        raise ValueError(
            f"candidates must be at least k={k}, got {candidates}: rows are chosen among the best `candidates`; "
            "pass several times k"
        )
    return np.sort(top_k(min(candidates, len(quality)), quality))


def _sample(sample_size: int, n: int, seed: int) -> Rows:
    return np.sort(np.random.default_rng(seed).choice(n, min(sample_size, n), replace=False))


def _check_sum(scores: Vector) -> Vector:
    with np.errstate(over="ignore"):
        total = np.abs(scores).sum()
    if not np.isfinite(total):
        largest = scores[np.abs(scores).argmax()]
        raise ValueError(f"quality_scores are too large to add up, got {largest}; divide them by a constant")
    return scores


def _check_options(alpha: float, quality_scale: str, approximation: str) -> None:
    check_number(alpha, "alpha", least=0, most=1, remedy="it is the weight of quality against diversity")
    if quality_scale not in SCALES:
        raise ValueError(f"quality_scale must be one of {sorted(SCALES)}, got {quality_scale!r}")
    if approximation not in APPROXIMATIONS:
        raise ValueError(f"approximation must be one of {sorted(APPROXIMATIONS)}, got {approximation!r}")


def _warn_if_large(candidates: int, pool: int, d: int) -> None:
    if candidates * pool <= LARGE:
        return
    warnings.warn(
        f"{candidates} candidates against {pool} rows of {d} numbers need about {PASSES * candidates * pool * d:.0e} "
        'multiplications, too many for a CPU to do soon; pass device="cuda", or approximation="sampled" (a lower '
        'sample_size) or approximation="two_stage" (fewer candidates), which are faster and not exact',
        SelectionWarning,
        stacklevel=3,
    )

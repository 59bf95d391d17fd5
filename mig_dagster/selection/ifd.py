"""IFD: take the rows whose answer the instruction helps least to predict, among those where it helps at all.

Paper       Li et al. 2024, "From Quantity to Quality: Boosting LLM Performance with Self-Guided Data Selection for
            Instruction Tuning" (Cherry LLM), arXiv:2308.12032; Li et al. 2024, "Superfiltering: Weak-to-Strong Data
            Filtering for Fast Instruction-Tuning", arXiv:2402.00530. Neither text was read: all below is from the code
Reference   variant="ppl": tianyi-lab/Superfiltering @ f0764af; variant="loss": tianyi-lab/Cherry_LLM @ 01fac8d (both
            unlicensed: reimplemented from the rules). MIG's IFD baseline follows Superfiltering, hence the default
Departures  From both:
            - rows without a score are left out before, and NaN is an error here; Cherry lets it through its bound,
              Superfiltering drops it (test_a_missing_score_is_refused);
            - k is a number of rows. Cherry's n = 0 returns all rows, Superfiltering takes its share of 52,002 whatever
              the pool (test_no_rows_for_k_zero);
            - the bound is an option; both references write 1 (test_the_bound_can_be_moved).
            From Cherry_LLM, variant="loss":
            - rows come in rank order, highest ratio first; Cherry sorts its output by index, so that its answer for k
              is no prefix of the one for more (test_rows_come_by_rank_where_the_reference_sorts_them_by_index).
            Superfiltering.D, which filters IFD's rows again by facility location, is not part of this method

Reference                               Here        Shape
L(y|x), L(y)                                        mean token loss of the answer, with and without the instruction
ifd_ppl = exp(L(y|x)) / exp(L(y))       ifd_scores  (n,)  variant="ppl"
ifd = L(y|x) / L(y)                     ifd_scores  (n,)  variant="loss"
1                                       upper             a ratio above: the instruction makes the answer less likely
"""

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from mig_dagster.selection.arguments import check_k, check_number, check_scores
from mig_dagster.selection.base import Rows, Selection, Vector, method
from mig_dagster.selection.top_k import top_k

VARIANTS = ("loss", "ppl")


@method
def ifd(k: int, *, ifd_scores: ArrayLike, upper: float = 1.0, variant: Literal["loss", "ppl"] = "ppl") -> Selection:
    """Choose the rows of the highest instruction-following difficulty that is still below the bound.

    The variant says which of two ratios `ifd_scores` holds: they order rows differently and must not be mixed. With it
    come the rules of its reference: "ppl" keeps ratios below `upper`, and of equal ones the lowest row comes first;
    "loss" keeps ratios up to `upper` itself, and of equal ones the HIGHEST row comes first, the one place among the
    methods where ties do not go to the lowest row. The choice for k is the start of the choice for any larger k, and no
    row beyond the bound changes it.

    Args:
        k: how many rows, 0..n.
        ifd_scores: (n,) ratios, finite, at least 0.
        upper: finite, above 0; rows with a ratio beyond are not chosen.
        variant: "ppl", ratio of perplexities (Superfiltering); "loss", ratio of losses (Cherry LLM).

    Returns:
        (k,) rows, highest ratio first; the gains are their ratios. Fewer rows, and a `shortfall`, where fewer are kept.

    Raises:
        ValueError: naming the argument, its value and what to do. TypeError where `k` is no whole number or
            `upper` no number.
    """
    scores = check_scores(ifd_scores, name="ifd_scores")
    k = check_k(k, len(scores))
    if variant not in VARIANTS:
        raise ValueError(f"variant must be 'loss' or 'ppl', got {variant!r}; it names the ratio ifd_scores holds")
    upper = check_number(upper, "upper", above=0, remedy="to keep every row set it above all ifd_scores")
    kept = _kept_lowest_first(scores, upper) if variant == "ppl" else _kept_highest_first(scores, upper)
    rows = kept[top_k(min(k, len(kept)), scores[kept])]
    return Selection(rows, scores[rows], shortfall=_shortfall(k, len(kept), scores, upper, variant))


def _kept_lowest_first(scores: Vector, upper: float) -> Rows:
    """Return the rows Superfiltering keeps, in the order that its stable descending sort leaves equal ones in."""
    return np.flatnonzero(scores < upper)


def _kept_highest_first(scores: Vector, upper: float) -> Rows:
    """Return the rows Cherry keeps, in the order it takes equal ones: it sorts by (ratio, row) and takes the end."""
    return np.flatnonzero(scores <= upper)[::-1]


def _shortfall(k: int, kept: int, scores: Vector, upper: float, variant: str) -> str | None:
    if kept >= k:
        return None
    bound = "below" if variant == "ppl" else "of at most"
    return (
        f"{kept} rows instead of {k}: only {kept} of the {len(scores)} rows have an IFD ratio {bound} {upper:g}, "
        f"{len(scores) - kept} lie beyond; lower k or raise upper"
    )

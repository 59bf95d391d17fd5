"""LONGEST: take the k longest rows.

Paper       Zhao et al. 2024, "Long Is More for Alignment: A Simple but Tough-to-Beat Baseline for Instruction
            Fine-Tuning", ICML 2024, arXiv:2402.04833 (read: its abstract; the unit of length in secondary sources)
Reference   tml-epfl/long-is-more-for-alignment @ a084843 publishes the rows chosen, not the code that chose them
Departures  - the paper counts the tokens of the response; `lengths` counts the characters of the whole conversation, as
              the pool does, so a long question counts too and no tokenizer decides (no test: the caller counts);
            - ties go to the lower row; the paper does not say (test_ties_go_to_the_lower_row).

Paper                    Here     Shape
length of the response   lengths  (n,)  characters of the conversation
1,000 longest            k
"""

import numpy as np
from numpy.typing import ArrayLike

from mig_dagster.selection.arguments import check_k, check_scores
from mig_dagster.selection.base import Selection, method
from mig_dagster.selection.top_k import top_k

EXACT = 2.0**53  # from here on float64 leaves integers out


@method
def longest(k: int, *, lengths: ArrayLike) -> Selection:
    """Choose the longest rows, longest first; of equally long ones the lowest row first.

    The choice for k is the start of the choice for any larger k.

    Args:
        k: how many rows, 0..n.
        lengths: (n,) at least 0, in any unit; the pool's is characters of the conversation.

    Returns:
        (k,) rows; the gains are their lengths, rounded to float64.

    Raises:
        ValueError: naming the argument, its value and what to do. TypeError where `k` is no whole number.
    """
    values = check_scores(lengths, name="lengths")
    k = check_k(k, len(values))
    large = values.max(initial=0) >= EXACT
    ranking = np.unique(np.asarray(lengths), return_inverse=True)[1].astype(np.float64) if large else values
    rows = top_k(k, ranking)
    return Selection(rows, values[rows])

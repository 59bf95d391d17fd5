"""IterIT: k times, take the row whose IFD times the novelty of its answer's phrases is highest.

Paper       Jia et al. 2024, "Boosting LLM via Learning from Data Iteratively and Selectively", arXiv:2412.17365. Only
            its abstract was read: this is the algorithm of the code
Reference   JiaQiSJTU/IterIT @ a351a38, src/data_utils.py, SupervisedDataset.update (MIT since 7cf814e; reimplemented)
Departures  From the code:
            - a round over the whole pool, as its first epoch has it; later epochs are `iterit_rounds`;
            - nothing is appended to an answer. The code appends the model's end-of-text string, which is a word under
              some tokenizers ("<|end_of_text|>" of Llama-3) and none under others ("</s>"): the choice would hang on
              the tokenizer (test_nothing_is_appended_to_an_answer);
            - float64 scores, there bfloat16 (test_scores_closer_than_bfloat16_are_told_apart);
            - no row is taken twice: rows without a score above 0 follow by IFD, highest first
              (test_rows_without_a_score_follow_by_ifd), then rows with an IFD of 1 or more, closest to 1 first, with a
              warning (test_rows_with_ifd_of_one_or_more_come_last). There the first candidate comes again and again;
            - one candidate, none, or none with a word is no error (test_pools_that_stop_the_reference); a row whose IFD
              is missing is one, there it vanishes
              (test_what_cannot_be_used_is_refused_with_its_name_value_and_remedy);
            - a phrase has one weight, the product of its decays, where the code multiplies every entry: the same but
              for the last bits (test_equal_to_multiplying_every_entry_at_every_step);
            - rows are scored lazily, and of copies only the one that comes next; same rows
              (test_lazy_equals_scoring_every_row_in_the_same_arithmetic, test_copies_come_as_scoring_every_row_has_it).

Code            Here                    Shape
IFD             ifd_scores              (n,)          perplexity of an answer given its question, over that without
tfidf_matrix    tfidf                   (c, phrases)  of the c candidates, IFD < 1, and fitted on them alone
tfidf_sums      novelty.sums            (c,)          Div: what is new in an answer after those taken
decay           decay                                 what a phrase keeps each time an answer that has it is taken
select_count    k
"""

import warnings
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from mig_dagster.selection.arguments import check_k, check_number, check_scores, check_strings
from mig_dagster.selection.base import OnProgress, Rows, Selection, SelectionWarning, Vector, method
from mig_dagster.selection.block_lazy import block_lazy
from mig_dagster.selection.copies import next_copies
from mig_dagster.selection.ngrams import tfidf
from mig_dagster.selection.novelty import Novelty
from mig_dagster.selection.reporting import now_and_then
from mig_dagster.selection.top_k import top_k

BLOCK = 8  # rows scored at once, then twice as many: about 10 are scored again for each one taken, sometimes thousands
TINY = 1e-290  # scores below this are taken for 0: subnormal numbers are too coarse to rank by


@method
def iterit(
    k: int,
    *,
    ifd_scores: ArrayLike,
    responses: Sequence[str],
    decay: float = 0.1,
    on_progress: OnProgress | None = None,
) -> Selection:
    """Choose rows that are hard for the model and whose answers do not repeat each other's phrases.

    One round over the whole pool, as IterIT's first epoch has it. Exact: scores only fall, so scoring few rows takes
    what scoring every row would. Of equal scores the lowest row is taken; a prefix is the answer to a smaller `k`.

    Args:
        k: how many rows, 0..n.
        ifd_scores: (n,) ratios of perplexities, finite and at least 0. Rows with 1 or more are no candidates: their
            question does not help the model to answer.
        responses: n answers.
        decay: 0..1, what a phrase keeps of its worth each time an answer that has it is taken. 0.1 is the code's
            default; it advises 0.0 for data of one domain. With 1, rows come by IFD times the sum of their TF-IDF.
        on_progress: told at most four times a second.

    Returns:
        (k,) rows in the order taken; as gains their scores when they were taken, 0 for rows that had none.

    Raises:
        ValueError: naming the argument, its value and what to do. TypeError where `k` is no whole number, `decay` no
            number or a response no str.

    Warns:
        SelectionWarning: when rows with an IFD of 1 or more had to be taken, saying how many.
    """
    scores = check_scores(ifd_scores, name="ifd_scores")
    k = check_k(k, len(scores))
    texts = check_strings(responses, len(scores), "responses")
    check_decay(decay)
    chosen = one_round(k, scores, texts, decay, on_progress)
    warn_of_hard_rows(scores[chosen.rows])
    return chosen


def check_decay(decay: float) -> None:
    """Raise a ValueError unless `decay` is in 0..1, a TypeError if it is no number."""
    check_number(decay, "decay", least=0, most=1, remedy="1 never discounts a phrase, 0 counts it once")


def warn_of_hard_rows(taken: Vector) -> None:
    """Warn the caller's caller if IFD scores of rows `taken` are 1 or more."""
    hard = int(np.count_nonzero(taken >= 1))
    if hard:
        below = len(taken) - hard
        warnings.warn(
            f"{hard} of {len(taken)} rows taken have ifd_scores of 1 or more, as only {below} rows are below 1: their "
            f"question does not help the model to answer; lower k to {below} to leave them out",
            SelectionWarning,
            stacklevel=3,
        )


def one_round(k: int, scores: Vector, texts: list[str], decay: float, on_progress: OnProgress | None) -> Selection:
    """Choose as `iterit` does, from arguments already checked, without its warning."""
    if k == 0:
        return Selection(np.empty(0, np.int64), np.empty(0))
    candidates, hard = np.flatnonzero(scores < 1), np.flatnonzero(scores >= 1)
    answers = [texts[row] for row in candidates]
    novelty, waiting = Novelty(tfidf(answers), decay), next_copies(scores[candidates], answers)
    near_ties: list[int] = []
    places, gains = greedy(k, scores[candidates], novelty, waiting, on_progress, near_ties)
    picked, spent = candidates[places], np.delete(candidates, places)
    tail = [spent[top_k(len(spent), scores[spent])], hard[top_k(len(hard), -scores[hard])]]
    rows = np.concatenate([picked, *tail])[:k]
    gains = np.concatenate([gains, np.zeros(k - len(gains))])
    return Selection(rows, gains, near_ties=np.array(near_ties, np.int64))


def greedy(
    k: int,
    scores: Vector,
    novelty: Novelty,
    waiting: Rows,
    on_progress: OnProgress | None = None,
    near_ties: list[int] | None = None,
) -> tuple[Rows, Vector]:
    """Take up to `k` candidates, as long as one has a score above 0.

    Args:
        k: how many.
        scores: (n,) IFD of the candidates.
        novelty: of the candidates; fades.
        waiting: (n,) see `next_copies`.
        on_progress: as in `iterit`.
        near_ties: as in `block_lazy`.

    Returns:
        places among the candidates in the order taken, their scores when they were taken.
    """
    taken, report = 0, now_and_then(k, on_progress)

    def ranked(gains: Vector) -> Vector:
        return np.where(gains > TINY, gains, -np.inf)

    def gains_of(rows: Rows) -> Vector:
        return ranked(scores[rows] * novelty.sums(rows))  # IFD x Div

    def take(row: int) -> None:
        nonlocal taken
        novelty.take(row)
        taken += 1
        report(taken)

    limits = ranked(scores * novelty.first)
    return block_lazy(k, limits, gains_of, take, BLOCK, growth=2, waiting=waiting, near_ties=near_ties)

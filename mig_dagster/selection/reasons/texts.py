"""Reasons of methods that read texts: ZIP by what compression says, IterIT by phrases that are still new."""

import numpy as np

from mig_dagster.selection.compression import GrowingList, utf8
from mig_dagster.selection.iterit import TINY
from mig_dagster.selection.ngrams import tfidf
from mig_dagster.selection.novelty import Novelty
from mig_dagster.selection.reasons.base import Choice, Explainer, Reason, places
from mig_dagster.selection.top_k import top_k


def explain_zip_chosen(choice: Choice) -> list[Reason]:
    """Return each chosen row's batch, its place there, and the ratio of the batch once it had joined."""
    size = int(choice.options["k3"])
    reasons = []
    for at, gain in enumerate(choice.gains.tolist()):
        batch, place, ratio = at // size + 1, at % size + 1, 1 / gain
        details = {"batch": batch, "place": place, "ratio_of_batch": ratio}
        text = (
            f"Row {place} of batch {batch:,}, which compresses {ratio:.4g} to 1 with it: of all shortlisted the least."
        )
        reasons.append(Reason(text, details))
    return reasons


def explain_zip_row(choice: Choice, row: int) -> Reason:
    """Return how far a row compresses alone and behind the chosen ones; of a chosen row its batch as well.

    At which stage another row failed is known to the run alone: it depends on the batch. What can be told from the
    rows is how redundant it is beside those chosen: `ratio_with_chosen` against `ratio_of_chosen`.
    """
    texts = choice.arguments["serialized_rows"]
    *chosen, text = utf8([texts[each] for each in [*choice.rows.tolist(), row]], "serialized_rows")
    alone = GrowingList().ratios([text])[0]
    if choice.ranks[row]:
        reason = explain_zip_chosen(choice)[int(choice.ranks[row]) - 1]
        return Reason(f"{reason.text} Alone it compresses {alone:.4g} to 1.", {**reason.details, "ratio_alone": alone})
    together = GrowingList()
    for each in chosen:
        together.append(each)
    before, after = together.ratio(), together.ratios([text])[0]
    details = {"ratio_alone": alone, "ratio_of_chosen": before, "ratio_with_chosen": after}
    said = (
        f"Not in any batch: alone it compresses {alone:.4g} to 1, and the chosen rows {before:.6g} to 1 without it, "
        f"{after:.6g} with it."
    )
    return Reason(said, details)


def explain_iterit_chosen(choice: Choice) -> list[Reason]:
    """Return each chosen row's IFD ratio, its score when it was taken, and how new its phrases were then."""
    scores = np.asarray(choice.arguments["ifd_scores"], np.float64)[choice.rows]
    return [_iterit(float(ifd), float(gain)) for ifd, gain in zip(scores, choice.gains, strict=True)]


def explain_iterit_row(choice: Choice, row: int) -> Reason:
    """Return the same of any row; of one not chosen, as it is after the last row was taken.

    The phrases of the whole pool are counted again, which takes as long as that did for the choice.
    """
    if choice.ranks[row]:
        return explain_iterit_chosen(choice)[int(choice.ranks[row]) - 1]
    scores = np.asarray(choice.arguments["ifd_scores"], np.float64)
    ifd = float(scores[row])
    if ifd >= 1:
        text = f"IFD ratio {ifd:.4g}: 1 or more, so its instruction does not help to predict its answer."
        return Reason(text, {"ifd": ifd, "novelty": None, "score": None, "rank_by_ifd": None})
    candidates = np.flatnonzero(scores < 1)
    place = {int(each): at for at, each in enumerate(candidates)}
    novelty = Novelty(
        tfidf([choice.arguments["responses"][each] for each in candidates]), float(choice.options["decay"])
    )
    for each in choice.rows.tolist():
        if each in place:
            novelty.take(place[each])
    mine = place[row]
    new = float(novelty.sums(np.array([mine]))[0]) if novelty.first[mine] > 0 else 0.0
    rank = int(places(top_k(len(candidates), scores[candidates]))[mine])
    details = {"ifd": ifd, "novelty": new, "score": ifd * new, "rank_by_ifd": rank}
    text = (
        f"Not chosen: IFD ratio {ifd:.4g} (place {rank:,}) times {new:.4g} new in its phrases after the last row taken "
        f"is {ifd * new:.4g}."
    )
    return Reason(text, details)


ZIP = Explainer(explain_zip_chosen, explain_zip_row)
ITERIT = Explainer(explain_iterit_chosen, explain_iterit_row)


def _iterit(ifd: float, gain: float) -> Reason:
    if ifd >= 1:
        text = f"IFD ratio {ifd:.4g}, 1 or more: taken when no row below 1 was left, the lowest ratio first."
        return Reason(text, {"ifd": ifd, "novelty": None, "score": None})
    if ifd <= 0:
        return Reason(
            f"IFD ratio {ifd:.4g}: taken when no row had a score above 0.", {"ifd": ifd, "novelty": None, "score": 0.0}
        )
    if gain <= TINY:
        details = {"ifd": ifd, "novelty": 0.0, "score": 0.0}
        return Reason(f"IFD ratio {ifd:.4g}, and nothing new in its phrases: taken when no row had any left.", details)
    details = {"ifd": ifd, "novelty": gain / ifd, "score": gain}
    return Reason(
        f"IFD ratio {ifd:.4g} times {gain / ifd:.4g} new in its phrases was the highest score, {gain:.4g}.", details
    )

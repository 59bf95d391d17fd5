"""Reasons of DEITA: a row's place by score, and the better row, chosen before, that was too like it."""

from typing import Any

import numpy as np

from mig_dagster.selection.base import Rows
from mig_dagster.selection.reasons.base import Choice, Explainer, Reason, counted, places
from mig_dagster.selection.reasons.cosines import cosines_with, named
from mig_dagster.selection.top_k import top_k


def explain_chosen(choice: Choice) -> list[Reason]:
    """Return each chosen row's place by score, and how many better rows were left out as too like chosen ones."""
    place = _places(choice)
    return [
        Reason(
            f"Place {place[row]:,} by score ({choice.gains[rank - 1]:.4g}); no row chosen before it has a cosine above "
            f"{choice.options['threshold']:g} with it, as {place[row] - rank:,} of the better ones had.",
            _details(choice, int(place[row]), row) | {"left_out_before": int(place[row]) - rank},
        )
        for rank, row in enumerate(choice.rows.tolist(), start=1)
    ]


def explain_row(choice: Choice, row: int) -> Reason:
    """Return a row's place by score and the nearest row chosen before its turn, which left it out if it is too near.

    `blocked_by` is that row where its cosine is above the threshold; null where nothing blocked the row, because it was
    chosen or because enough rows had been chosen before its turn (`looked_at` is false).
    """
    from mig_dagster.selection.cosine_filter import highest_cosine  # torch takes seconds to import

    place = _places(choice)
    embeddings, threshold = np.asarray(choice.arguments["row_embeddings"]), float(choice.options["threshold"])
    earlier = choice.rows[place[choice.rows] < place[row]]
    cosines = cosines_with(embeddings, row, earlier)
    at = int(np.argmax(cosines)) if len(earlier) else -1
    near = named((int(earlier[at]), float(cosines[at])), choice.ids, choice.ranks) if at >= 0 else None
    too_near = (
        near if near and threshold < 1 and near["cosine"] > highest_cosine(threshold, embeddings.shape[1]) else None
    )
    here = f"Place {place[row]:,} by score ({choice.arguments['quality_scores'][row]:.4g})"
    details = _details(choice, int(place[row]), row) | {"nearest_before": near, "blocked_by": None, "looked_at": True}
    if choice.ranks[row]:
        like = f", the nearest of which has a cosine of {near['cosine']:.4f}" if near else ""
        return Reason(f"{here}, and like no row chosen before it{like}.", details)
    if too_near:
        text = (
            f"{here}, but row {too_near['row_id']}, chosen at rank {too_near['rank']:,}, has a cosine of "
            f"{too_near['cosine']:.4f} with it, above {threshold:g}."
        )
        return Reason(text, details | {"blocked_by": too_near})
    text = f"{here}: the {counted(len(choice.rows), 'row')} of the budget were chosen before its turn."
    return Reason(text, details | {"looked_at": False})


DEITA = Explainer(explain_chosen, explain_row)


def _places(choice: Choice) -> Rows:
    scores = np.asarray(choice.arguments["quality_scores"], np.float64)
    return places(top_k(len(scores), scores))


def _details(choice: Choice, place: int, row: int) -> dict[str, Any]:
    score = float(choice.arguments["quality_scores"][row])
    return {"score": score, "rank_by_score": place, "threshold": float(choice.options["threshold"])}

"""Reasons of QDIT: what a row added in diversity and in quality, and the rows of the pool that it stands for."""

from typing import Any

import numpy as np

from mig_dagster.selection.base import Rows
from mig_dagster.selection.qdit import SCALES
from mig_dagster.selection.reasons.base import Choice, Explainer, Reason
from mig_dagster.selection.reasons.cosines import cosines_with, named, nearest
from mig_dagster.selection.unit_vectors import unit_vectors

NEIGHBOURS = 200
"""Rows of the pool nearest to a chosen one of which it is asked whether it stands for them."""
EXAMPLES = 5


def explain_chosen(choice: Choice) -> list[Reason]:
    """Return what each chosen row added: its gain, cut into quality and diversity."""
    quality = _quality(choice)
    return [_chosen(choice, row, float(quality[row])) for row in choice.rows.tolist()]


def explain_row(choice: Choice, row: int) -> Reason:
    """Return what a row added and whom it stands for, or the chosen row nearest to it and what it could add at most.

    A chosen row stands for a row of the pool if of all chosen rows it is the nearest, of equals the first: `stands_for`
    counts these among its `NEIGHBOURS` nearest rows of the pool and names the nearest. Gains never rise, so that of a
    row not chosen is at most that of the last row chosen (`gain_at_most`).
    """
    embeddings, quality = np.asarray(choice.arguments["row_embeddings"]), float(_quality(choice)[row])
    near = named(nearest(embeddings, row, choice.rows), choice.ids, choice.ranks)
    if choice.ranks[row]:
        reason = _chosen(choice, row, quality)
        return Reason(reason.text, {**reason.details, "stands_for": _stands_for(choice, row), "nearest": near})
    most = float(choice.gains[-1]) if len(choice.gains) else None
    details = {"quality": quality, "gain_at_most": most, "nearest": near}
    if near is None:
        return Reason("Not chosen: no row is.", details)
    text = (
        f"Row {near['row_id']}, chosen at rank {near['rank']:,}, already stands near it (cosine {near['cosine']:.4f}); "
        f"what it would still add is at most the {most:.4g} of the last row chosen."
    )
    return Reason(text, details)


QDIT = Explainer(explain_chosen, explain_row)


def _quality(choice: Choice) -> Any:
    """Return (n,) alpha times the scaled quality."""
    scores = np.asarray(choice.arguments["quality_scores"], np.float64)
    return choice.options["alpha"] * SCALES[choice.options["quality_scale"]](scores)


def _chosen(choice: Choice, row: int, quality: float) -> Reason:
    gain = float(choice.gains[choice.ranks[row] - 1])
    if choice.options["alpha"] == 1:
        quality = gain
    diversity = gain - quality
    text = f"It added {gain:.4g}: {diversity:.4g} in how well the pool is stood for, {quality:.4g} in quality."
    return Reason(text, {"gain": gain, "diversity": diversity, "quality": quality})


def _stands_for(choice: Choice, row: int) -> dict[str, Any]:
    embeddings = np.asarray(choice.arguments["row_embeddings"])
    cosines = cosines_with(embeddings, row, np.arange(len(embeddings)))
    cosines[row] = -np.inf
    close: Rows = np.argsort(-cosines, kind="stable")[:NEIGHBOURS]
    close = close[cosines[close] > 0]
    best = np.full(len(close), -np.inf)
    holder = np.zeros(len(close), np.int64)
    vectors = unit_vectors(embeddings[close])
    for at in range(0, len(choice.rows), 8192):
        part = choice.rows[at : at + 8192]
        products = vectors @ unit_vectors(embeddings[part]).T
        products[close[:, None] == part] = np.inf  # a chosen row stands for itself
        better = products.max(axis=1) > best
        holder[better] = part[products.argmax(axis=1)][better]
        best = np.maximum(best, products.max(axis=1))
    mine = close[holder == row]
    rows = [choice.row(int(other)) | {"cosine": float(cosines[other])} for other in mine[:EXAMPLES]]
    return {"rows": len(mine), "of_nearest": len(close), "nearest": rows}

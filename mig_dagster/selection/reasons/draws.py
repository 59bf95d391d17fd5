"""Reasons of the baselines that draw: there is none but the draw, so the place in it is said."""

import numpy as np

from mig_dagster.selection.balanced_random import draw_order
from mig_dagster.selection.base import Rows
from mig_dagster.selection.random import hash_keys
from mig_dagster.selection.reasons.base import Choice, Explainer, Reason, counted, places


def explain_random(choice: Choice, rows: Rows) -> list[Reason]:
    """Return the place of each row in the order of the draw, which all rows have."""
    seed = choice.options["seed"]
    place = places(np.argsort(hash_keys(choice.arguments["row_ids"], seed)[:, 0], kind="stable"))
    k = len(choice.rows)
    return [
        Reason(
            f"Drawn {_whether(int(place[row]), k)}: place {int(place[row]):,} in the draw of seed {seed}.",
            {"place": int(place[row]), "seed": seed},
        )
        for row in rows.tolist()
    ]


def explain_balanced_random(choice: Choice, rows: Rows) -> list[Reason]:
    """Return the place of each row in the draw and in its source's, and how many rows its source gave."""
    seed, sources = choice.options["seed"], choice.arguments["sources"]
    order, levels = draw_order(choice.arguments["row_ids"], sources, seed)
    place = places(order)
    names, number, sizes = np.unique(np.array(sources, object).astype(str), return_inverse=True, return_counts=True)
    gave = np.bincount(number[choice.rows], minlength=len(names))
    reasons = []
    for row in rows.tolist():
        source, quota = number[row], int(gave[number[row]])
        within = int(levels[row]) + 1
        details = {"place": int(place[row]), "round": within, "source": sources[row], "source_rows": int(sizes[source])}
        text = (
            f"Place {within:,} in the draw of source {sources[row]}, which gave {quota:,} of its "
            f"{counted(int(sizes[source]), 'row')}."
        )
        reasons.append(Reason(text, details | {"source_chosen": quota, "seed": seed}))
    return reasons


RANDOM, BALANCED_RANDOM = Explainer.of(explain_random), Explainer.of(explain_balanced_random)


def _whether(place: int, k: int) -> str:
    return f"among the first {k:,}" if place <= k else f"too late for the first {k:,}"

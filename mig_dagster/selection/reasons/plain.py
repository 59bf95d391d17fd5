"""The reason of a method that has no explainer of its own: its rank and its gain."""

from mig_dagster.selection.base import Rows
from mig_dagster.selection.reasons.base import Choice, Explainer, Reason


def explain_plainly(choice: Choice, rows: Rows) -> list[Reason]:
    """Return rank and gain of each row, and of others that they were not chosen."""
    reasons = []
    for row in rows.tolist():
        rank = int(choice.ranks[row])
        gain = float(choice.gains[rank - 1]) if rank else None
        text = f"Chosen at rank {rank:,} with a gain of {gain:.4g}." if rank else "Not chosen."
        reasons.append(Reason(text, {"rank": rank or None, "gain": gain}))
    return reasons


PLAIN = Explainer.of(explain_plainly)

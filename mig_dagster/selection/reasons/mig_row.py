"""Why MIG took a row when it did, or never did."""

from typing import Any

from mig_dagster.selection.reasons.base import Choice, Reason
from mig_dagster.selection.reasons.mig_story import MigStory

NAMED = 3
"""Labels that the sentence names."""


def explain_mig(choice: Choice, row: int) -> Reason:
    """Return why MIG chose a row, or why not.

    The details hold, all computed from the inputs of the choice:

    - `rank`: null where the row was not chosen;
    - `gains`: `start`, before any row is taken, and `now`: when the row was taken, or after the last row taken; each
      with `rule`, the gain that ranks, and `true`, by how much the row raises the objective;
    - `labels`: of those it speaks of the ten with the highest gain on a fresh graph: `direct`, `propagated`,
      `before` (what the label had been told by then), `gain` (true), `fresh` (the same on a fresh graph), `left` (gain
      over fresh: 0 is saturated) and `told_by`, the chosen rows that had told it most;
    - `nearest`: of the other chosen rows the one whose information vector has the highest cosine with the row's, of
      equal ones the lower rank; null where one of them tells nothing;
    - of a chosen row, `runner_up`: the row that ranked next at that step, its gain under the rule and the margin
      between the two; null for the last row of the pool;
    - of any other, `closest`: the step at which its gain was the largest share of that of the row taken; and `next`:
      the `rank` it would have if the selection went on, or `after`, a rank by which it would still not be taken. A
      greedy choice for k is the start of the choice for any larger k: with a larger budget it is that rank.

    Under a budget in tokens gains are ranked per token: `tokens` is what the row costs, the margin is per token, rows
    that what is left does not pay for are no runners-up nor close, and `next` holds `left`, the tokens left at the end,
    and `too_dear_after`, the rank after which they did not pay for the row. There the best single row may go first,
    whatever it gains per token: its margin can be negative.

    Args:
        choice: of `mig`.
        row: pool index.
    """
    story = MigStory(choice, row)
    rank = int(choice.ranks[row])
    details = {
        "rank": rank or None,
        "rule": story.replay.gain,
        "gains": {"start": story.gains(story.replay.knowledge(0)), "now": story.gains(story.now)},
        "labels": story.labels(),
        "labels_told": story.mine.nnz,
        **({} if choice.tokens is None else {"tokens": int(choice.tokens.costs[row])}),
        "nearest": story.nearest(),
        **({"runner_up": story.runner_up()} if rank else {"closest": story.closest(), "next": story.next_rank()}),
    }
    return Reason(_sentence(details, story.raised_most(NAMED)), details)


def _sentence(details: dict[str, Any], most: list[str]) -> str:
    start, now = (details["gains"][when]["true"] for when in ("start", "now"))
    if not start > 0:
        return f"It tells no label anything{_place(details)}."
    share = f"{now:.4g} of the {start:.4g} it would have added to an empty subset"
    names = ", ".join(most)
    if details["rank"]:
        return f"Chosen at rank {details['rank']:,}: it added {share}, most of it about {names}."
    return f"Not chosen: after the last row it would add {share}, most of it about {names}{_place(details)}."


def _place(details: dict[str, Any]) -> str:
    if details["rank"]:
        return f", and came at rank {details['rank']:,}"
    place = details["next"]
    if "tokens" in details:
        spent = place.get("too_dear_after")
        late = "" if spent is None else f" after rank {spent:,}" if spent > 0 else " from the first"
        return f"; what was left{late} did not pay for its {details['tokens']:,} tokens" if late else ""
    return f"; it would come at rank {place['rank']:,}" if "rank" in place else f"; it comes after {place['after']:,}"

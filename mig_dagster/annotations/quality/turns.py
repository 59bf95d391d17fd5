"""Turns: what scorers judge one at a time, and how the scores of a row's turns become one."""

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from mig_dagster.annotations.annotator import Annotations, Annotator, Batch, Row
from mig_dagster.conversation import Conversation

Turn = tuple[str, str]
"""An instruction and the response to it."""

AGGREGATIONS: dict[str, Callable[[Sequence[float]], float]] = {
    "turn_mean": lambda scores: math.fsum(scores) / len(scores),  # MIG
    "turn_sum": math.fsum,  # DEITA
}
"""How the scores of a row's turns become one. MIG and DEITA differ here; the sum prefers long conversations."""


def turns(conversation: Conversation) -> list[Turn]:
    """Return (instruction, response) per turn, as DEITA scores them: each alone, without history.

    A turn is what the user said up to an answer, and what the assistant said up to the next user message: contents and
    tool calls, joined by line breaks. System and tool messages belong to neither.
    """
    made: list[tuple[list[str], list[str]]] = []
    for message in conversation.messages:
        if message.role == "user":
            if not made or made[-1][1]:
                made.append(([], []))
            made[-1][0].append(message.content)
        elif message.role == "assistant":
            if not made:
                made.append(([], []))
            made[-1][1].extend(part for part in (message.content, message.tool_calls) if part and part.strip())
    return [("\n".join(asked), "\n".join(answered)) for asked, answered in made]


def is_whole(turn: Turn) -> bool:
    """Say whether a model can judge a turn: neither its instruction nor its response is blank.

    The reference scores what is missing as "" (DEITA) or cannot be given it (CaR): a number for nothing. Such a turn is
    no failure of a scorer but no turn, as a last message that nobody answered; the others are the row's turns.
    """
    return all(part.strip() for part in turn)


def rows_of_turns(
    rows: Sequence[Row], annotator: Annotator, score: Callable[[Sequence[Turn]], Batch], aggregation: str
) -> Annotations:
    """Score the turns of rows alone and put them together.

    Args:
        rows: distinct.
        annotator: who scores, the aggregation included.
        score: what a model says of turns: "score" (t,) float64 and "truncated" (t,) bool.
        aggregation: one of `AGGREGATIONS`.

    Returns:
        "score" (n,) float64, NaN where flagged: `empty_text` where a row has no whole turn; the flag of its first turn
        without a score where there is one, since a mean or sum over the others would be another quantity under the same
        name. Counts: "turns" judged, "truncated_turns" of which a model read a part only, "blank_turns" left out.
    """
    found = [turns(row.conversation) for row in rows]
    made = [list(filter(is_whole, row)) for row in found]
    batch = score([turn for row in made for turn in row])
    values = np.asarray(batch.columns["score"])
    scores = np.full(len(rows), np.nan)
    flags: list[str | None] = []
    start = 0
    for i, row in enumerate(made):
        turn = slice(start, start + len(row))
        flag = next(filter(None, batch.flags[turn]), None) if row else "empty_text"
        if flag is None:
            scores[i] = AGGREGATIONS[aggregation](values[turn].tolist())
        flags.append(flag)
        start = turn.stop
    counts = {
        "turns": start,
        "truncated_turns": int(np.count_nonzero(batch.columns["truncated"])),
        "blank_turns": sum(map(len, found)) - start,
    }
    return computed(rows, annotator, scores, flags, counts)


def computed(
    rows: Sequence[Row],
    annotator: Annotator,
    scores: npt.NDArray[np.float64],
    flags: Sequence[str | None],
    counts: Mapping[str, int],
) -> Annotations:
    """Return scores that one annotator gave distinct rows."""
    n, fingerprint = len(rows), annotator.fingerprint
    return Annotations(
        [row.row_id for row in rows],
        {"score": scores},
        [fingerprint] * n,
        ["computed"] * n,
        list(flags),
        {fingerprint: annotator} if n else {},
        counts=counts,
    )

"""Quality scores: how good a row's answers are, by one named scorer and one named aggregation over its turns.

Scorers differ in scale (`lexical` 1..6, `deita` 1..36), so a pool has one, and a value that came with a row counts only
where it is that scorer's.
"""

import math
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from mig_dagster.annotations.annotator import Annotations, Annotator, Batch, Row
from mig_dagster.annotations.cache import FragmentCache
from mig_dagster.annotations.engine import Imported, Progress, annotate
from mig_dagster.annotations.flags import Defect
from mig_dagster.annotations.quality.lexical import PENALTIES, RULE_VERSION, WEIGHTS, lexical_score
from mig_dagster.conversation import Conversation

_LARGEST = sys.float_info.max

AGGREGATIONS: dict[str, Callable[[Sequence[float]], float]] = {
    "turn_mean": lambda scores: math.fsum(scores) / len(scores),  # MIG
    "turn_sum": math.fsum,  # DEITA
}
"""How the scores of a row's turns become one. MIG and DEITA differ here; the sum prefers long conversations."""


def score_rows(
    rows: Iterable[Row],
    scorer: str = "lexical",
    aggregation: str = "turn_mean",
    cache: FragmentCache | None = None,
    progress: Progress | None = None,
) -> Annotations:
    """Score each distinct row.

    Args:
        rows: may repeat a `row_id`; the first counts.
        scorer: one of `SCORERS`: "lexical", the rule of `lexical.py`; "deita", quality times complexity as they came
            with rows of xsample / MIG pools.
        aggregation: one of `AGGREGATIONS`.
        cache: of computed scores.
        progress: counts the rows that are scored.

    Returns:
        value "score": (n,) float64; NaN where flagged (`empty_text`, `not_scored`, `invalid_import`).

    Raises:
        ValueError: scorer or aggregation is unknown.
        CacheError: a fragment of the cache is corrupt.
    """
    if scorer not in SCORERS:
        raise ValueError(f"scorer must be one of {', '.join(SCORERS)}, got {scorer!r}")
    if aggregation not in AGGREGATIONS:
        raise ValueError(f"aggregation must be one of {', '.join(AGGREGATIONS)}, got {aggregation!r}")
    return SCORERS[scorer](rows, aggregation, cache, progress)


def lexical_annotator(aggregation: str) -> Annotator:
    """Return who the lexical rule is; weights are part of it, so that no change to them goes unseen."""
    parameters = {"aggregation": aggregation, "weights": WEIGHTS, "penalties": PENALTIES}
    return Annotator("lexical", "lexical", RULE_VERSION, parameters=parameters)


def deita_annotator(aggregation: str) -> Annotator:
    """Return who gave imported DEITA scores: the DEITA scorers, as run by the authors of the xsample pools."""
    return Annotator("deita", "xsample annotation.deita", parameters={"aggregation": aggregation})


def turns(conversation: Conversation) -> list[tuple[str, str]]:
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


def deita_score(row: Row, aggregation: str) -> float | Defect:
    """Return quality times complexity over the turns of an xsample / MIG row.

    Args:
        row: carries `annotation.deita.quality_scores` and `.complexity_scores` in its meta, one number per turn each.
        aggregation: one of `AGGREGATIONS`.

    Returns:
        `not_scored` where the row carries neither list; `invalid_import` where one is missing, empty, of another
        length than the other, or holds anything but finite numbers, or where their products leave the range of floats.
    """
    annotation = row.meta.get("annotation")
    deita = annotation.get("deita") if isinstance(annotation, dict) else None
    if deita is None:
        return Defect("not_scored")
    match deita:
        case {"quality_scores": list(quality), "complexity_scores": list(complexity)}:
            if not quality or len(quality) != len(complexity) or not all(map(_finite, [*quality, *complexity])):
                return Defect("invalid_import")
            products = [float(q) * float(c) for q, c in zip(quality, complexity, strict=True)]
            if not sum(map(abs, products)) < _LARGEST:
                return Defect("invalid_import")
            return AGGREGATIONS[aggregation](products)
    return Defect("invalid_import")


def _finite(value: Any) -> bool:
    # Compared, not converted: an integer may be too large for a float.
    return isinstance(value, int | float) and not isinstance(value, bool) and -_LARGEST <= value <= _LARGEST


def _score_lexically(
    rows: Iterable[Row], aggregation: str, cache: FragmentCache | None, progress: Progress | None
) -> Annotations:
    def compute(chunk: Sequence[Row]) -> Batch:
        scores = np.full(len(chunk), np.nan)
        for i, row in enumerate(chunk):
            answered = turns(row.conversation)
            if any(response for _, response in answered):
                scores[i] = AGGREGATIONS[aggregation]([lexical_score(*turn) for turn in answered])
        return Batch({"score": scores}, ["empty_text" if math.isnan(score) else None for score in scores.tolist()])

    annotator = lexical_annotator(aggregation)
    return annotate(rows, annotator, compute, cache, columns={"score": np.empty(0)}, progress=progress)


def _import_deita(
    rows: Iterable[Row], aggregation: str, cache: FragmentCache | None, progress: Progress | None
) -> Annotations:
    def read(row: Row) -> dict[str, float] | Defect:
        score = deita_score(row, aggregation)
        return score if isinstance(score, Defect) else {"score": score}

    annotator = deita_annotator(aggregation)
    imported = Imported(annotator, read)

    def compute(chunk: Sequence[Row]) -> Batch:
        raise AssertionError("every row is imported or flagged")

    return annotate(rows, annotator, compute, None, columns={"score": np.empty(0)}, imported=imported)


SCORERS: dict[str, Callable[..., Annotations]] = {"lexical": _score_lexically, "deita": _import_deita}

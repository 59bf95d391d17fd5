"""Mean losses of rows, put together from those of their passes."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from mig_dagster.annotations.cache import FragmentCache
from mig_dagster.annotations.flags import Defect
from mig_dagster.annotations.ifd.answer_losses import AnswerLosses
from mig_dagster.annotations.ifd.items import RowItems
from mig_dagster.annotations.ifd.reading import Targets
from mig_dagster.annotations.models import CausalLanguageModel
from mig_dagster.annotations.scoring import OnTokens, score_items

Found = tuple[float, str | None]
"""The sum of a pass's losses, and why there is none."""


@dataclass(frozen=True, slots=True)
class RowLosses:
    """What a model finds of a row.

    Attributes:
        conditioned: nats a token of its answers after what came before them; NaN where there is none.
        alone: likewise, each answer alone; NaN too where it was not asked for.
        tokens: scored in `conditioned`.
        cut: whether a token of an answer was cut off.
        flag: why a loss is missing.
    """

    conditioned: float
    alone: float
    tokens: int
    cut: bool
    flag: str | None


def row_losses(
    found: Sequence[RowItems | Defect],
    model: CausalLanguageModel,
    with_alone: bool,
    cache: FragmentCache | None,
    progress: OnTokens | None,
) -> list[RowLosses]:
    """Return the losses of rows from their items, in their order.

    Args:
        found: of `ItemReader.read`.
        model: loaded for what the cache does not know.
        with_alone: whether answers are scored alone, too.
        cache: of losses, by what is read.
        progress: called after each batch.

    Raises:
        ModelError: the model cannot be had.
        CacheError: a fragment of the cache is corrupt.
    """
    asked = [[] if isinstance(row, Defect) else [row.conditioned, *(row.alone if with_alone else ())] for row in found]
    items = [item for passes in asked for item in passes if item.scored.any()]
    batch = score_items(items, [item.key for item in items], AnswerLosses(model), cache, progress)
    left = zip(np.asarray(batch.columns["loss"], np.float64).tolist(), batch.flags, strict=True)
    return [
        RowLosses(math.nan, math.nan, 0, row.flag == "truncated", row.flag)
        if isinstance(row, Defect)
        else _row(row.cut, passes, left, with_alone)
        for row, passes in zip(found, asked, strict=True)
    ]


def _row(cut: bool, passes: list[Targets], left: Iterator[Found], with_alone: bool) -> RowLosses:
    """Take the losses of a row's passes from the front of `left`: one of which no token is predicted has none there."""
    losses = [next(left) if item.scored.any() else (0.0, None) for item in passes]
    tokens = [int(item.scored.sum()) for item in passes]
    conditioned = _mean(losses[:1], tokens[0])
    alone = _mean(losses[1:], sum(tokens[1:]))
    flag = next((flag for _, flag in losses if flag), None)
    if flag is None and (tokens[0] == 0 or (with_alone and sum(tokens[1:]) == 0)):
        flag = "not_predicted"
    return RowLosses(conditioned, alone, tokens[0], cut, flag)


def _mean(losses: Sequence[Found], tokens: int) -> float:
    """Return the loss of a token; NaN where a pass failed or none is predicted."""
    loss = math.fsum(loss for loss, _ in losses) / tokens if tokens else math.nan
    return loss if math.isfinite(loss) else math.nan

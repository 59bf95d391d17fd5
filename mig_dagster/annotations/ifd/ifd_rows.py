"""IFD: how much the conversation before an answer helps a language model to predict it, as two ratios; and perplexity.

L is the mean natural-log loss of an answer's tokens, over all tokens of all answers of a row: L(y|x) after all that was
said before, L(y) alone.

Cherry_LLM @ 01fac8d      ifd_loss = L(y|x) / L(y)
Superfiltering @ f0764af  ifd_ppl = exp(L(y|x)) / exp(L(y)); IterIT @ a351a38 likewise
InstructMining            ppl = exp(L(y|x))

The two ratios rank rows differently: (2.0, 2.5) gives 0.8 and 0.606531, (0.3, 0.5) gives 0.6 and 0.818731.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from mig_dagster.annotations.annotator import Annotations, Annotator, Batch, Column, Columns, Row
from mig_dagster.annotations.cache import FragmentCache
from mig_dagster.annotations.engine import distinct_rows
from mig_dagster.annotations.flags import Defect
from mig_dagster.annotations.ifd.answer_losses import AnswerLosses
from mig_dagster.annotations.ifd.items import ItemReader, RowItems
from mig_dagster.annotations.ifd.reading import Targets
from mig_dagster.annotations.models import CausalLanguageModel
from mig_dagster.annotations.scoring import OnTokens, score_items


def ifd_rows(
    rows: Iterable[Row],
    model: CausalLanguageModel,
    *,
    template: str = "plain",
    span: str = "offsets",
    cache: FragmentCache | None = None,
    progress: OnTokens | None = None,
) -> Annotations:
    """Score each distinct row.

    A reference is `span="reference"` with its template, and its limit as the model's `max_tokens`: "plain" with 1024
    is Superfiltering, "alpaca" with 512 Cherry, "chat" with the model's own limit IterIT. A template brings its
    reference's rules for long answers; which ratios are kept is up to the selection.

    Args:
        rows: may repeat a `row_id`; the first counts.
        model: its `limit` is where texts are cut, from the right.
        template: one of `TEMPLATES`, how answers are written.
        span: one of `SPANS`, how the tokens of an answer are found.
        cache: of losses, by what is read: rows, templates and limits share what they have in common.
        progress: counts what the cache does not know.

    Returns:
        float64 "ifd_loss", "ifd_ppl", "loss_conditioned", "loss_alone" (nats a token), "ppl" (after what came before);
        int64 "answer_tokens", scored after what came before, and "truncated", 1 where a token of an answer was cut off.
        Partial: NaN where a flag says why (`empty_output`, `truncated` where nothing is left of any answer or the
        template's rule drops the row, `template_refused`, `not_predicted`, `not_finite`); a row whose answers have no
        loss alone keeps those that they have after what came before.

    Raises:
        ValueError: template or span is unknown, or the tokenizer lacks what it takes.
        ModelError: the model cannot be had.
        CacheError: a fragment of the cache is corrupt.
    """
    distinct = distinct_rows(rows)
    reader = ItemReader(model, template, span)
    found = reader.read([row.conversation for row in distinct])
    items = [item for row in found if isinstance(row, RowItems) for item in _passes(row)]
    losses = score_items(items, [item.key for item in items], AnswerLosses(model), cache, progress)
    annotator = ifd_annotator(model, reader.template.version, span)
    values, flags = _values(found, losses)
    n = len(distinct)
    return Annotations(
        [row.row_id for row in distinct],
        values,
        [annotator.fingerprint] * n,
        ["computed"] * n,
        flags,
        {annotator.fingerprint: annotator} if n else {},
        partial=True,
    )


def ifd_annotator(model: CausalLanguageModel, prompt_version: str, span: str) -> Annotator:
    """Return who gives the ratios."""
    parameters = {**model.spec.parameters(), "span": span}
    return Annotator("ifd", model.files.name, model.files.revision, prompt_version, parameters)


def _passes(row: RowItems) -> list[Targets]:
    """Return what a model runs on for a row: a pass of which no token is predicted is none."""
    return [item for item in (row.conditioned, *row.alone) if item.scored.any()]


def _values(found: Sequence[RowItems | Defect], losses: Batch) -> tuple[Columns, list[str | None]]:
    """Return the columns and flags of rows from the losses of their passes, which come in the order of `_passes`."""
    left = zip(np.asarray(losses.columns["loss"], np.float64).tolist(), losses.flags, strict=True)
    scores = [_defective(row) if isinstance(row, Defect) else _score(row, left) for row in found]
    conditioned = np.array([score.conditioned for score in scores], np.float64)
    alone = np.array([score.alone for score in scores], np.float64)
    below = np.where(alone == 0, np.nan, alone)
    with np.errstate(over="ignore"):  # an infinity becomes NaN and is flagged
        ratios = {
            "ifd_loss": conditioned / below,
            "ifd_ppl": np.exp(conditioned - below),
            "ppl": np.exp(conditioned),
        }
    ratios = {name: np.where(np.isfinite(column), column, np.nan) for name, column in ratios.items()}
    finite = np.isfinite(list(ratios.values())).all(axis=0).tolist()
    values: dict[str, Column] = {
        **ratios,
        "loss_conditioned": conditioned,
        "loss_alone": alone,
        "answer_tokens": np.array([score.tokens for score in scores], np.int64),
        "truncated": np.array([score.cut for score in scores], np.int64),
    }
    return values, [score.flag or (None if ok else "not_finite") for score, ok in zip(scores, finite, strict=True)]


@dataclass(frozen=True, slots=True)
class _Score:
    """Mean losses of a row, NaN where there is none, and why there is none."""

    conditioned: float
    alone: float
    tokens: int
    cut: bool
    flag: str | None


def _defective(defect: Defect) -> _Score:
    return _Score(math.nan, math.nan, 0, defect.flag == "truncated", defect.flag)


def _score(row: RowItems, left: "Iterator[tuple[float, str | None]]") -> _Score:
    """Take the losses of a row's passes from the front of `left`."""
    losses = [next(left) if item.scored.any() else (0.0, None) for item in (row.conditioned, *row.alone)]
    tokens = int(row.conditioned.scored.sum())
    conditioned = _mean(losses[:1], tokens)
    alone = _mean(losses[1:], sum(int(item.scored.sum()) for item in row.alone))
    flag = next((flag for _, flag in losses if flag), None)
    if flag is None and (math.isnan(conditioned) or math.isnan(alone) or alone == 0):
        flag = "not_predicted"
    return _Score(conditioned, alone, tokens, row.cut, flag)


def _mean(losses: Sequence[tuple[float, str | None]], tokens: int) -> float:
    """Return the loss of a token; NaN where a pass failed or none is predicted."""
    loss = math.fsum(loss for loss, _ in losses) / tokens if tokens else math.nan
    return loss if math.isfinite(loss) else math.nan

"""IFD: how much the conversation before an answer helps a language model to predict it, as two ratios; and perplexity.

L is the mean natural-log loss of an answer's tokens, over all tokens of all answers of a row: L(y|x) after all that was
said before, L(y) alone.

Cherry_LLM @ 01fac8d      ifd_loss = L(y|x) / L(y)
Superfiltering @ f0764af  ifd_ppl = exp(L(y|x)) / exp(L(y)); IterIT @ a351a38 likewise
InstructMining            ppl = exp(L(y|x))

The two ratios rank rows differently: (2.0, 2.5) gives 0.8 and 0.606531, (0.3, 0.5) gives 0.6 and 0.818731.
"""

from collections.abc import Iterable, Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt

from mig_dagster.annotations.annotator import Annotations, Annotator, Batch, Column, Row
from mig_dagster.annotations.cache import FragmentCache
from mig_dagster.annotations.engine import distinct_rows
from mig_dagster.annotations.ifd.items import ItemReader
from mig_dagster.annotations.ifd.row_losses import RowLosses, row_losses
from mig_dagster.annotations.models import CausalLanguageModel
from mig_dagster.annotations.scoring import OnTokens

Floats = npt.NDArray[np.float64]


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
        float64 "ifd_loss", "ifd_ppl", "ppl" (after what came before), "loss_conditioned", "loss_alone" (nats a token);
        int64 "answer_tokens", scored after what came before, and "truncated", 1 where a token of an answer was cut off.
        Partial: NaN where a flag says why (`empty_output`, `truncated` where nothing is left of any answer or the
        template's rule drops the row, `template_refused`, `not_predicted`, `not_finite`). A row that has no loss alone,
        or one of 0, keeps its perplexity.

    Raises:
        ValueError: template or span is unknown, or the tokenizer lacks what it takes.
        ModelError: the model cannot be had.
        CacheError: a fragment of the cache is corrupt.
    """
    distinct = distinct_rows(rows)
    reader = ItemReader(model, template, span)
    found = row_losses(reader.read([row.conversation for row in distinct]), model, True, cache, progress)
    annotator, batch = _annotator("ifd", model, reader, span), _ratios(found)
    n = len(distinct)
    return Annotations(
        [row.row_id for row in distinct],
        batch.columns,
        [annotator.fingerprint] * n,
        ["computed"] * n,
        batch.flags,
        {annotator.fingerprint: annotator} if n else {},
        partial=True,
    )


class Perplexity:
    """The indicator "ppl": the perplexity of a row's answers, from the passes that `ifd_rows` makes, and no others.

    Args:
        model: as in `ifd_rows`, and so are the others; loaded at the first pass that the cache does not know.
    """

    name = "ppl"

    def __init__(self, model: CausalLanguageModel, *, template: str = "plain", span: str = "offsets") -> None:
        self._model, self._template, self._span = model, template, span

    @cached_property
    def annotator(self) -> Annotator:
        """Who gives the perplexities; known without the weights."""
        return _annotator("perplexity", self._model, self._reader, self._span)

    def measure(self, rows: Sequence[Row], cache: FragmentCache | None, progress: OnTokens | None) -> Batch:
        """Return the column "ppl", float64 (n,), of distinct rows; NaN where flagged.

        Flags and errors are those of `ifd_rows`.
        """
        items = self._reader.read([row.conversation for row in rows])
        found = row_losses(items, self._model, False, cache, progress)
        values = _perplexities(np.array([row.conditioned for row in found], np.float64))
        return Batch({"ppl": values}, _flags(found, np.isfinite(values)))

    @cached_property
    def _reader(self) -> ItemReader:
        return ItemReader(self._model, self._template, self._span)


def _annotator(name: str, model: CausalLanguageModel, reader: ItemReader, span: str) -> Annotator:
    parameters = {**model.spec.parameters(), "span": span}
    return Annotator(name, model.files.name, model.files.revision, reader.template.version, parameters)


def _ratios(found: Sequence[RowLosses]) -> Batch:
    conditioned = np.array([row.conditioned for row in found], np.float64)
    alone = np.array([row.alone for row in found], np.float64)
    below = np.where(alone == 0, np.nan, alone)
    values: dict[str, Column] = {
        "ifd_loss": conditioned / below,
        "ifd_ppl": _perplexities(conditioned - below),
        "ppl": _perplexities(conditioned),
        "loss_conditioned": conditioned,
        "loss_alone": alone,
        "answer_tokens": np.array([row.tokens for row in found], np.int64),
        "truncated": np.array([row.cut for row in found], np.int64),
    }
    return Batch(values, _flags(found, np.isfinite(values["ifd_loss"]) & np.isfinite(values["ifd_ppl"])))


def _flags(found: Sequence[RowLosses], defined: npt.NDArray[np.bool_]) -> list[str | None]:
    return [
        row.flag or (None if there else "not_predicted" if row.alone == 0 else "not_finite")
        for row, there in zip(found, defined.tolist(), strict=True)
    ]


def _perplexities(losses: Floats) -> Floats:
    """Return exp of losses; NaN where it is more than a float holds."""
    with np.errstate(over="ignore"):
        values = np.exp(losses)
    return np.where(np.isfinite(values), values, np.nan)

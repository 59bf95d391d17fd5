"""What annotating would compute: items and tokens that the cache lacks, by source, signal and annotator."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from mig_dagster.annotations.annotator import Annotator
from mig_dagster.annotations.planning import Missing, PlanCache
from mig_dagster.stages.annotate import AnnotateRows, row_batches

OnSignal = Callable[[str, int, int], None]
"""Called with (signal, rows looked at, rows in all)."""


@dataclass(frozen=True, slots=True)
class PlanLine:
    """What one annotator would read for one signal of a source; what it read for a signal before is not in it.

    Attributes:
        signal: whose annotator.
        annotator: who.
        items: distinct items that the rows are made of: prompts, answers, texts.
        missing: those that the cache does not know and the model can read.
        tokens: of the missing ones, without padding.
    """

    signal: str
    annotator: Annotator
    items: int
    missing: int
    tokens: int


@dataclass(frozen=True, slots=True)
class SourcePlan:
    """What a source lacks.

    Attributes:
        source: its name.
        rows: of its raw_pool.
        lines: one for each signal and annotator with a model.
    """

    source: str
    rows: int
    lines: Sequence[PlanLine]


def plan_source(
    source: str,
    raw_pool: pl.LazyFrame,
    signals: Mapping[str, AnnotateRows],
    cache: PlanCache,
    on_signal: OnSignal | None = None,
) -> SourcePlan:
    """Ask the signals of a source what their models would read; nothing is computed and nothing is written.

    Args:
        source: its name.
        raw_pool: its rows.
        signals: what gives each signal, over `cache` and models that nothing else uses, in the order of a run.
        cache: looks up what is known; what it was asked before, for another source, counts there.
        on_signal: told of the progress.

    Raises:
        ModelError: a model's tokenizer cannot be had.
        CacheError: a fragment of the cache is corrupt.
    """
    lines: list[PlanLine] = []
    rows = 0
    for signal, annotate_rows in signals.items():
        for batch, done, rows in row_batches(raw_pool):
            if batch:
                annotate_rows(batch)
            if on_signal is not None:
                on_signal(signal, done, rows)
        lines += [_line(signal, found) for found in cache.taken().values() if found.items]
    return SourcePlan(source, rows, lines)


def _line(signal: str, found: Missing) -> PlanLine:
    return PlanLine(signal, found.annotator, found.items, found.missing, found.tokens)

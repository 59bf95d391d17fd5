"""What plans sources: the annotators that the options ask for, over a cache that counts, and how fast they read."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from mig_dagster.annotations.cache import FragmentCache
from mig_dagster.annotations.models.shelf import ModelShelf
from mig_dagster.annotations.planning import PlanCache
from mig_dagster.annotations.scoring import OnTokens
from mig_dagster.annotations.throughput import device_name
from mig_dagster.lineage import Ledger
from mig_dagster.stages.annotate import AnnotateRows
from mig_dagster.stages.devices import model_device
from mig_dagster.stages.planning.hours import Rates, measured_rates
from mig_dagster.stages.planning.plan import OnSignal, PlanLine, SourcePlan, plan_source
from mig_dagster.stages.pool_language_model import ASSET as POOL_LANGUAGE_MODEL
from mig_dagster.stages.pool_language_model import language_model_folder, local_models
from mig_dagster.stages.pool_options import PoolOptions
from mig_dagster.stages.row_signals import BY_LANGUAGE_MODEL, SIGNALS
from mig_dagster.stages.signals import Annotators
from mig_dagster.storage import Lake

RULES = ("lexical", "constant")
"""Scorers without a model: nothing of theirs is planned."""
NOT_TRAINED = (
    "{signals} cannot be planned: the pool's own language model, which they read with, is not trained yet; materialise "
    "pool_language_model first, or name a language_model in the options file"
)


@dataclass(frozen=True)
class Planner:
    """Plans sources one after the other; what one asks for is not counted for the next.

    Attributes:
        lake: where the rows are; its store has the cache and the ledger.
        options: say which annotators.
        signals: names of `SIGNALS`, in their order.
        notes: which of the signals asked for cannot be planned, and why.
        rates: how fast annotators read on the device of the options.
    """

    lake: Lake
    options: PoolOptions
    signals: Sequence[str]
    notes: Sequence[str]
    rates: Rates
    _given: Mapping[str, AnnotateRows] = field(repr=False)
    _cache: PlanCache = field(repr=False)

    def source(self, name: str, rows: pl.LazyFrame | None = None, on_signal: OnSignal | None = None) -> SourcePlan:
        """Plan one source.

        Args:
            name: the source.
            rows: its raw_pool; None is the version that is current.
            on_signal: told of the progress.

        Raises:
            LookupError: the source has no rows yet.
            ModelError: a model's tokenizer cannot be had.
        """
        raw_pool = self.lake.scan("raw_pool", name) if rows is None else rows
        return plan_source(name, raw_pool, self._given, self._cache, on_signal)

    def document(self, plan: SourcePlan) -> dict[str, Any]:
        """Return a plan, JSON-ready."""
        return {
            "source": plan.source,
            "rows": plan.rows,
            "annotators": [self._line(line) for line in plan.lines],
            "items_missing": sum(line.missing for line in plan.lines),
            "tokens_missing": sum(line.tokens for line in plan.lines),
            "hours": self.rates.hours(plan.lines),
            "gpu_hours": self.rates.gpu_hours(plan),
        }

    def _line(self, line: PlanLine) -> dict[str, Any]:
        rate = self.rates.of(line.annotator)
        return {
            "signal": line.signal,
            "annotator": line.annotator.fingerprint,
            "name": line.annotator.name,
            "model": line.annotator.model,
            "items": line.items,
            "items_missing": line.missing,
            "tokens_missing": line.tokens,
            "tokens_per_second": rate.tokens_per_second if math.isfinite(rate.tokens_per_second) else None,
            "basis": rate.basis,
            "hours": rate.hours(line.tokens),
        }


def planner(lake: Lake, options: PoolOptions, signals: Sequence[str] = SIGNALS, device: str | None = None) -> Planner:
    """Return what plans sources of a home; models are loaded for it by none of their weights.

    Args:
        lake: of the home.
        options: of the run that is planned.
        signals: names of `SIGNALS`.
        device: torch device; None is the one that the options name.

    Raises:
        ValueError: a signal is unknown, or the options ask for an annotator without saying what it needs.
    """
    if unknown := sorted(set(signals) - set(SIGNALS)):
        raise ValueError(f"assets must be among {', '.join(SIGNALS)}, got {unknown[0]!r}")
    cache = PlanCache(lake.store)
    wanted = [name for name in SIGNALS if name in signals and not _is_rule(name, options)]
    has_model = options.language_model is not None or lake.current(POOL_LANGUAGE_MODEL, None) is not None
    lacking = [] if has_model else [name for name in wanted if name in BY_LANGUAGE_MODEL]
    notes = [NOT_TRAINED.format(signals=" and ".join(lacking))] if lacking else []
    annotators = annotators_for(lake, options, cache, device=device)
    given = {name: annotators.signal(name).annotate for name in wanted if name not in lacking}
    rates = measured_rates(Ledger(lake.store), device_name(annotators.device))
    return Planner(lake, options, [name for name in SIGNALS if name in signals], notes, rates, given, cache)


def _is_rule(signal: str, options: PoolOptions) -> bool:
    return signal == "token_counts" or (signal == "quality_scores" and options.quality_scores.scorer in RULES)


def annotators_for(
    lake: Lake,
    options: PoolOptions,
    cache: FragmentCache,
    progress: OnTokens | None = None,
    device: str | None = None,
) -> Annotators:
    """Return the annotators of a home's runs, over models of their own.

    Args:
        lake: of the home; has the pool's own language model.
        options: which annotators.
        cache: of what they say.
        progress: told how far a model has come.
        device: torch device; None is the one that the options name.
    """

    def language_model() -> Path:
        return language_model_folder(lake.scan(POOL_LANGUAGE_MODEL), local_models(lake.store))

    return Annotators(options, ModelShelf(), cache, device or model_device(options.device), language_model, progress)

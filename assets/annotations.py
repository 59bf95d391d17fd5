"""What models and rules say of each row: tags, quality scores, embeddings, IFD, indicators, numbers of tokens.

Which annotators is said by the options file (`MIG_OPTIONS`); what the Launchpad asks goes first, for one run.
"""

from dataclasses import replace
from functools import partial
from typing import Any, Literal

import dagster as dg
import polars as pl

from assets.annotation_checks import (
    IFD_SCORES_CHECKS,
    IFD_SCORES_WARNINGS,
    INDICATORS_CHECKS,
    INDICATORS_WARNINGS,
    QUALITY_SCORES_CHECKS,
    QUALITY_SCORES_WARNINGS,
    ROW_EMBEDDINGS_CHECKS,
    ROW_EMBEDDINGS_WARNINGS,
    TAGS_CHECKS,
    TAGS_WARNINGS,
    TOKEN_COUNTS_CHECKS,
    TOKEN_COUNTS_WARNINGS,
    ifd_scores_checks,
    indicators_checks,
    quality_scores_checks,
    row_embeddings_checks,
    tags_checks,
    token_counts_checks,
)
from assets.annotation_metadata import of_annotation, of_numbers, of_scores, of_tags
from assets.declare import source_asset
from assets.options import AS_CONFIGURED, Options, given
from assets.progress import logged_tokens
from assets.recorded import Outcome, inputs_of
from mig_dagster.annotations.throughput import Throughput, device_name
from mig_dagster.stages.annotate import annotate_source
from mig_dagster.stages.pool_language_model import language_model_folder, local_models
from mig_dagster.stages.row_signals import TOKEN_COLUMNS
from mig_dagster.storage import Manifest
from resources.home import MigHome
from resources.models import Models

annotation = partial(
    source_asset, "annotations", kinds={"pytorch", "parquet"}, code_version="1", pool="gpu", may_be_held=True
)
"""Declares what models say of the rows of one source."""


counting = partial(source_asset, "annotations", kinds={"parquet"}, code_version="1")
"""Declares what needs no model, and so neither a GPU nor leave to use one."""


class TagsConfig(Options):
    """Where tags come from when rows do not bring them."""

    tagger: Literal["as_configured", "nearest_label", "instagger", "endpoint"] = AS_CONFIGURED
    """`nearest_label` of a vocabulary, `instagger` or an `endpoint`: the last two need their model in the options."""
    vocabulary_path: str | None = None
    """JSON file of labels to choose from, for `nearest_label`."""


class QualityConfig(Options):
    """Which scale the scores are on, one for the whole pool."""

    scorer: str | None = None
    """`lexical` (a rule, a stand-in), deita, iqs, reward, constant, tag_count, or imported:<column>."""
    aggregation: Literal["as_configured", "turn_mean", "turn_sum"] = AS_CONFIGURED
    """How the turns of a conversation make one score: MIG's mean, DEITA's sum."""


class IfdConfig(Options):
    """How an answer is put after its question for the language model."""

    template: Literal["as_configured", "plain", "alpaca", "chat"] = AS_CONFIGURED
    """`plain` as Superfiltering has it, `alpaca` as Cherry, `chat` as IterIT."""
    span: Literal["as_configured", "offsets", "reference"] = AS_CONFIGURED
    """How the tokens of an answer are found: by their characters, or as the references count them."""


class EmbeddingConfig(Options):
    """What of a row is embedded."""

    text: Literal["as_configured", "instruction", "conversation", "vicuna", "car"] = AS_CONFIGURED
    """All user messages, all messages, or these in the prompt of DEITA's or CaR's authors."""


@annotation(blocking=TAGS_CHECKS, warning=TAGS_WARNINGS)
def tags(
    context: dg.AssetExecutionContext, config: TagsConfig, home: MigHome, models: Models, raw_pool: pl.LazyFrame
) -> Outcome:
    """What each row asks for: imported tags where the source has them, else those of the configured tagger."""
    options = models.options
    tagger = replace(options.tags, **given(tagger=config.tagger))
    vocabulary = config.vocabulary_path or options.tag_vocabulary
    manifest = _annotate(context, home, models, raw_pool, tags=tagger, tag_vocabulary=vocabulary)
    rows = home.lake.scan_versions([manifest])
    return Outcome.of(manifest, tags_checks(manifest, rows, raw_pool, home.store), of_tags(manifest, rows))


@annotation(blocking=QUALITY_SCORES_CHECKS, warning=QUALITY_SCORES_WARNINGS)
def quality_scores(
    context: dg.AssetExecutionContext, config: QualityConfig, home: MigHome, models: Models, raw_pool: pl.LazyFrame
) -> Outcome:
    """How good each row is, on one named scale; values of that scale that came with the rows are taken as they are."""
    asked = replace(models.options.quality_scores, **given(scorer=config.scorer, aggregation=config.aggregation))
    manifest = _annotate(context, home, models, raw_pool, quality_scores=asked)
    rows = home.lake.scan_versions([manifest])
    return Outcome.of(manifest, quality_scores_checks(manifest, rows, raw_pool, home.store), of_scores(manifest, rows))


@annotation(blocking=ROW_EMBEDDINGS_CHECKS, warning=ROW_EMBEDDINGS_WARNINGS)
def row_embeddings(
    context: dg.AssetExecutionContext, config: EmbeddingConfig, home: MigHome, models: Models, raw_pool: pl.LazyFrame
) -> Outcome:
    """A unit vector for each row."""
    asked = replace(models.options.row_embeddings, **given(text=config.text))
    manifest = _annotate(context, home, models, raw_pool, row_embeddings=asked)
    rows = home.lake.scan_versions([manifest])
    return Outcome.of(manifest, row_embeddings_checks(manifest, rows, raw_pool, home.store), of_annotation(manifest))


@annotation(blocking=IFD_SCORES_CHECKS, warning=IFD_SCORES_WARNINGS)
def ifd_scores(
    context: dg.AssetExecutionContext,
    config: IfdConfig,
    home: MigHome,
    models: Models,
    raw_pool: pl.LazyFrame,
    pool_language_model: pl.LazyFrame,
) -> Outcome:
    """How much a question helps a language model to predict its answer: the losses with and without it, their ratios.

    The model is the pool's own, or the one that the options name.
    """
    asked = replace(models.options.ifd_scores, **given(template=config.template, span=config.span))
    manifest = _annotate(context, home, models, raw_pool, pool_language_model, ifd_scores=asked)
    rows = home.lake.scan_versions([manifest])
    checks = ifd_scores_checks(manifest, rows, raw_pool, home.store)
    return Outcome.of(manifest, checks, of_numbers(manifest, rows, ["ifd_ppl", "ifd_loss", "ppl"]))


@annotation(blocking=INDICATORS_CHECKS, warning=INDICATORS_WARNINGS)
def indicators(
    context: dg.AssetExecutionContext,
    home: MigHome,
    models: Models,
    raw_pool: pl.LazyFrame,
    pool_language_model: pl.LazyFrame,
) -> Outcome:
    """InstructMining's indicators of each row; the distance to its neighbours is measured when a subset is chosen."""
    manifest = _annotate(context, home, models, raw_pool, pool_language_model)
    rows = home.lake.scan_versions([manifest])
    checks = indicators_checks(manifest, rows, raw_pool, home.store)
    return Outcome.of(manifest, checks, of_numbers(manifest, rows, manifest.info["columns"]))


@counting(blocking=TOKEN_COUNTS_CHECKS, warning=TOKEN_COUNTS_WARNINGS)
def token_counts(context: dg.AssetExecutionContext, home: MigHome, models: Models, raw_pool: pl.LazyFrame) -> Outcome:
    """How many tokens each row has, and on how many a trainer computes its loss: what a budget in tokens is spent on.

    The tokenizer is the sentence encoder's, without a chat template, or the one that the options name.
    """
    manifest = _annotate(context, home, models, raw_pool)
    rows = home.lake.scan_versions([manifest])
    checks = token_counts_checks(manifest, rows, raw_pool, home.store)
    return Outcome.of(manifest, checks, of_numbers(manifest, rows, TOKEN_COLUMNS))


def _annotate(
    context: dg.AssetExecutionContext,
    home: MigHome,
    models: Models,
    raw_pool: pl.LazyFrame,
    pool_language_model: pl.LazyFrame | None = None,
    **sections: Any,
) -> Manifest:
    """Write the signal of this run's asset and source, and how fast its models were.

    Args:
        context: of the step.
        home: where to.
        models: with the options.
        raw_pool: the source's rows.
        pool_language_model: its files, for signals that may read it.
        sections: of the options, as this run has them.
    """
    asset, source = context.asset_key.path[-1], context.partition_key

    def folder() -> Any:
        assert pool_language_model is not None, f"{asset} reads no language model"
        return language_model_folder(pool_language_model, local_models(home.store))

    speed = Throughput(device_name(models.device), logged_tokens(context.log.info))
    signal = models.annotators(home.cache, folder, speed.on_tokens, **sections).signal(asset)
    manifest = annotate_source(
        home.lake,
        asset,
        source,
        raw_pool,
        signal.annotate,
        values=signal.columns,
        inputs=inputs_of(context),
        info={"columns": list(signal.columns), **signal.info},
        on_batch=lambda done, total: context.log.info(f"{done:,} of {total:,} rows"),
    )
    if read := speed.lines():
        home.ledger.record("throughput", read, asset=asset, partition=source, run_id=context.run.run_id)
    return manifest

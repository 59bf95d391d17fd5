"""What models and rules say of each row: tags, quality scores, embeddings."""

from functools import partial
from pathlib import Path
from typing import Any, Literal

import dagster as dg
import polars as pl

from assets import metadata as shown
from assets.annotation_checks import (
    QUALITY_SCORES_CHECKS,
    ROW_EMBEDDINGS_CHECKS,
    TAGS_CHECKS,
    quality_scores_checks,
    row_embeddings_checks,
    tags_checks,
)
from assets.declare import source_asset
from assets.options import Options
from assets.plots import histogram
from assets.recorded import Outcome, inputs_of
from mig_dagster.annotations.embeddings import embed_rows
from mig_dagster.annotations.quality import ImportedScorer, LexicalScorer, score_rows
from mig_dagster.annotations.tagging import NearestLabelTagger, tag_rows
from mig_dagster.annotations.vocabulary import load_vocabulary
from mig_dagster.stages.annotate import AnnotateRows, OnBatch, annotate_source
from mig_dagster.storage import Manifest
from resources.home import MigHome
from resources.models import Models


class TagsConfig(Options):
    """Where tags come from when rows do not bring them."""

    vocabulary_path: str | None = None
    """JSON file of labels to choose from; null is the shipped vocabulary."""


class QualityConfig(Options):
    """Which scale the scores are on: one for the whole pool."""

    scorer: Literal["lexical", "deita"] = "lexical"
    """`lexical` is a rule, a stand-in; `deita` takes imported quality x complexity."""
    aggregation: Literal["turn_mean", "turn_sum"] = "turn_mean"
    """How the turns of a conversation make one score."""


class EmbeddingConfig(Options):
    """What of a row is embedded."""

    text: Literal["instruction", "conversation"] = "instruction"
    """All user messages, or all messages."""


@source_asset("annotations", kinds={"pytorch", "parquet"}, code_version="1", blocking=TAGS_CHECKS, pool="gpu")
def tags(
    context: dg.AssetExecutionContext, config: TagsConfig, home: MigHome, models: Models, raw_pool: pl.LazyFrame
) -> Outcome:
    """What each row asks for: imported tags where the source has them, else the nearest labels of a vocabulary."""
    vocabulary = load_vocabulary(Path(config.vocabulary_path) if config.vocabulary_path else None)
    tagger = NearestLabelTagger(models.sentence_encoder(), vocabulary)
    manifest = _annotate(context, home, raw_pool, partial(tag_rows, tagger=tagger, cache=home.cache), value="tags")
    rows = home.lake.scan_versions([manifest])
    return Outcome.of(manifest, tags_checks(manifest, rows, raw_pool), _of_tags(manifest, rows))


@source_asset("annotations", kinds={"python", "parquet"}, code_version="1", blocking=QUALITY_SCORES_CHECKS, pool="gpu")
def quality_scores(
    context: dg.AssetExecutionContext, config: QualityConfig, home: MigHome, raw_pool: pl.LazyFrame
) -> Outcome:
    """How good each row is, on one named scale; values of that scale that came with the rows are taken as they are."""
    chosen = LexicalScorer() if config.scorer == "lexical" else ImportedScorer(config.scorer)
    scorer = partial(score_rows, scorer=chosen, aggregation=config.aggregation, cache=home.cache)
    scale = {"scale": f"{config.scorer}, {config.aggregation}"}
    manifest = _annotate(context, home, raw_pool, scorer, value="score", info=scale)
    rows = home.lake.scan_versions([manifest])
    return Outcome.of(manifest, quality_scores_checks(manifest, rows, raw_pool), _of_scores(manifest, rows))


@source_asset("annotations", kinds={"pytorch", "parquet"}, code_version="1", blocking=ROW_EMBEDDINGS_CHECKS, pool="gpu")
def row_embeddings(
    context: dg.AssetExecutionContext, config: EmbeddingConfig, home: MigHome, models: Models, raw_pool: pl.LazyFrame
) -> Outcome:
    """A unit vector for each row."""
    embedder = partial(embed_rows, embedder=models.sentence_encoder(), cache=home.cache, text=config.text)
    manifest = _annotate(context, home, raw_pool, embedder, value="embedding")
    rows = home.lake.scan_versions([manifest])
    return Outcome.of(manifest, row_embeddings_checks(manifest, rows, raw_pool), _of_annotation(manifest))


def _annotate(
    context: dg.AssetExecutionContext,
    home: MigHome,
    raw_pool: pl.LazyFrame,
    annotate_rows: AnnotateRows,
    *,
    value: str,
    info: dict[str, str] | None = None,
) -> Manifest:
    """Write the signal of this run's asset and source."""
    return annotate_source(
        home.lake,
        context.asset_key.path[-1],
        context.partition_key,
        raw_pool,
        annotate_rows,
        values=[value],
        inputs=inputs_of(context),
        info=info,
        on_batch=_progress(context),
    )


def _progress(context: dg.AssetExecutionContext) -> OnBatch:
    return lambda done, total: context.log.info(f"{done:,} of {total:,} rows")


def _of_annotation(manifest: Manifest) -> dict[str, Any]:
    info = manifest.info
    return {
        "provenance": shown.counts("provenance", info["provenance"]),
        "flags": shown.counts("flag", info["flags"]),
        "annotators": shown.annotators(info["annotators"]),
    }


def _of_tags(manifest: Manifest, rows: pl.LazyFrame) -> dict[str, Any]:
    each = rows.select(pl.col("tags").explode()).drop_nulls().collect()["tags"]
    frequent = each.value_counts().sort("count", "tags", descending=[True, False]).head(20)
    return {
        **_of_annotation(manifest),
        "distinct_tags": each.n_unique(),
        "tags_per_row": each.len() / manifest.rows if manifest.rows else 0.0,
        "most_frequent": shown.counts("tag", dict(frequent.iter_rows())),
        "preview": shown.preview(rows.select("row_id", "tags", "provenance")),
    }


def _of_scores(manifest: Manifest, rows: pl.LazyFrame) -> dict[str, Any]:
    scores = rows.select("score").drop_nulls().collect()["score"]
    mean = scores.mean()
    return {
        **_of_annotation(manifest),
        "scale": manifest.info["scale"],
        "mean_score": mean if isinstance(mean, float) else 0.0,
        "histogram": histogram(scores.to_numpy(), what="score"),
    }

"""From tags to the label graph: vocabulary, embeddings, edges."""

from dataclasses import replace
from typing import Any, Literal

import dagster as dg
import polars as pl

from assets import metadata as shown
from assets.declare import pool_asset
from assets.label_checks import (
    EMBEDDING_CHECKS,
    GRAPH_CHECKS,
    GRAPH_WARNINGS,
    VOCABULARY_CHECKS,
    embedding_checks,
    graph_checks,
    vocabulary_checks,
)
from assets.options import AS_CONFIGURED, Options, given
from assets.recorded import Outcome, inputs_of
from mig_dagster.graph import Association, LabelGraph, Vocabulary, component_count, degree_histogram, top_edges
from mig_dagster.graph.merging import MERGE_DISTANCE
from mig_dagster.stages.label_space import (
    GRAPH_VALUES,
    VOCABULARY_VALUES,
    VocabularyOptions,
    embed_labels,
    embeddings_to_graph,
    read_vocabulary,
    tags_to_vocabulary,
    vocabulary_tables,
)
from mig_dagster.stages.pool_options import GraphOptions
from resources.home import MigHome
from resources.models import Models

VOCABULARY_TABLES = ["rows", "rules"]


class VocabularyConfig(Options):
    """How tags become labels; what is null is as the options file says."""

    mode: Literal["as_configured", "build", "closed", "frozen"] = AS_CONFIGURED
    """`build` normalises the pool's tags; `closed` keeps those in `list_path`; `frozen` keeps the version before."""
    min_count: int | None = None
    """Tags that fewer rows carry are dropped (build)."""
    merge_by: Literal["as_configured", "meaning", "spelling"] = AS_CONFIGURED
    """Which label names become one (build): those that mean the same, too, or only those spelt alike."""
    merge_distance: float | None = None
    """Largest cosine distance of two label names that mean the same."""
    association: bool | None = None
    """Delete labels that another label of the row implies (build)."""
    min_support: int | None = None
    """Rows that hold both sides of an association rule."""
    min_confidence: float | None = None
    """Share of the antecedent's rows that hold the consequent."""
    list_path: str | None = None
    """JSON list of tags (closed), such as MIG's valid_tag_path.json."""

    def over(self, configured: VocabularyOptions) -> VocabularyOptions:
        """Return the options as the library takes them: what is asked here, and else what is configured."""
        asked = given(mode=self.mode, min_count=self.min_count, list_path=self.list_path)
        limits = given(min_support=self.min_support, min_confidence=self.min_confidence)
        implied = configured.association is not None if self.association is None else self.association
        return replace(
            configured,
            **asked,
            merge_distance=self._distance(configured.merge_distance),
            association=replace(configured.association or Association(), **limits) if implied else None,
        )

    def _distance(self, configured: float | None) -> float | None:
        if self.merge_by == "spelling":
            return None
        asked = configured if self.merge_distance is None else self.merge_distance
        return MERGE_DISTANCE if asked is None and self.merge_by == "meaning" else asked


class LabelGraphConfig(Options):
    """How alike two labels must be to share information: one of the two, or, with neither, as the options file says."""

    threshold: float | None = None
    """Smallest cosine of an edge; MIG uses 0.9 with e5-mistral-7b-instruct."""
    target_mean_degree: float | None = None
    """Neighbours a label has on average; suits any encoder. 4 where nothing is configured."""

    def over(self, configured: GraphOptions) -> dict[str, float | None]:
        """Return the two arguments of the graph."""
        asked = self.model_dump()
        return configured.chosen() if asked == dict.fromkeys(asked) else asked


@pool_asset("label_space", kinds={"polars", "numpy"}, code_version="1", blocking=VOCABULARY_CHECKS, pool="gpu")
def label_vocabulary(
    context: dg.AssetExecutionContext, config: VocabularyConfig, home: MigHome, models: Models, tags: pl.LazyFrame
) -> Outcome:
    """What each tag becomes: a label, or nothing. Rare tags are dropped, spellings folded, synonyms merged."""
    options = config.over(models.options.label_vocabulary)
    before = _previous(home) if options.mode == "frozen" else None
    vocabulary, info = tags_to_vocabulary(tags, options, models.encode_labels(home.cache), before)
    tables = vocabulary_tables(vocabulary)
    manifest = home.lake.write(
        "label_vocabulary", tables, values=VOCABULARY_VALUES, inputs=inputs_of(context), info=info
    )
    return Outcome.of(manifest, vocabulary_checks(vocabulary), _of_vocabulary(vocabulary, tables["rows"], info))


@pool_asset(
    "label_space",
    kinds={"pytorch", "numpy"},
    code_version="1",
    blocking=EMBEDDING_CHECKS,
    pool="gpu",
    tables={"label_vocabulary": VOCABULARY_TABLES},
)
def label_embeddings(
    context: dg.AssetExecutionContext, home: MigHome, models: Models, label_vocabulary: dict[str, pl.LazyFrame]
) -> Outcome:
    """A unit vector for each label; only labels never seen before are encoded."""
    vocabulary = read_vocabulary(label_vocabulary["rows"], label_vocabulary["rules"])
    embeddings = embed_labels(vocabulary.labels, models.encode_labels(home.cache))
    annotator = models.label_encoder().annotator
    info = {"annotators": {annotator.fingerprint: annotator.as_dict()}}
    manifest = home.lake.write("label_embeddings", embeddings, inputs=inputs_of(context), info=info)
    checks = embedding_checks(embeddings, vocabulary)
    vectors = {"labels": embeddings.height, "dimension": embeddings["embedding"].to_numpy().shape[1]}
    return Outcome.of(manifest, checks, {**vectors, "annotators": shown.annotators(info["annotators"])})


@pool_asset("label_space", kinds={"numpy", "scipy"}, code_version="1", blocking=GRAPH_CHECKS, warning=GRAPH_WARNINGS)
def label_graph(
    context: dg.AssetExecutionContext,
    config: LabelGraphConfig,
    home: MigHome,
    models: Models,
    label_embeddings: pl.LazyFrame,
) -> Outcome:
    """Which labels share information, and how much: cosines of at least a threshold, in both directions."""
    graph, tables = embeddings_to_graph(label_embeddings.collect(), **config.over(models.options.label_graph))
    info = {"threshold": graph.threshold, "mean_degree": graph.mean_degree, "isolated": graph.isolated}
    manifest = home.lake.write("label_graph", tables, values=GRAPH_VALUES, inputs=inputs_of(context), info=info)
    labels = tables["labels"]["label"].to_list()
    return Outcome.of(manifest, graph_checks(graph, len(labels)), _of_graph(graph, labels))


def _previous(home: MigHome) -> Vocabulary | None:
    current = home.lake.current("label_vocabulary")
    if current is None:
        return None
    return read_vocabulary(*(home.lake.scan_versions([current], table) for table in VOCABULARY_TABLES))


def _of_vocabulary(vocabulary: Vocabulary, entries: pl.DataFrame, info: dict[str, Any]) -> dict[str, Any]:
    return {
        "tags": info["tags"],
        "labels": info["labels"],
        "rules": len(vocabulary.rules),
        "unmapped_share": info["unmapped_share"],
        "vocabulary_version": info["version"],
        "tags_by_step": shown.counts("step", info["steps"], of="tags"),
        "most_frequent": shown.preview(entries.sort("count", "tag", descending=[True, False])),
    }


def _of_graph(graph: LabelGraph, labels: list[str]) -> dict[str, Any]:
    strongest = pl.DataFrame(top_edges(graph.weights, labels, 10), schema=["label", "label_2", "weight"], orient="row")
    degrees = {str(degree): count for degree, count in degree_histogram(graph.weights).items()}
    return {
        "labels": len(labels),
        "edges": (graph.weights.nnz - len(labels)) // 2,
        "mean_degree": graph.mean_degree,
        "threshold": graph.threshold,
        "isolated": graph.isolated,
        "components": component_count(graph.weights),
        "labels_by_degree": shown.counts("neighbours", degrees, of="labels"),
        "strongest_edges": shown.preview(strongest),
    }

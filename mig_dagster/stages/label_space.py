"""Tags become a vocabulary, its labels become embeddings, and these become the label graph: frames in, frames out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import polars as pl
from pydantic import ConfigDict
from scipy.sparse import coo_array, csr_array

from mig_dagster.graph import (
    Association,
    Entry,
    LabelGraph,
    Rule,
    Vocabulary,
    closed_vocabulary,
    frozen,
    label_graph,
    vocabulary,
)
from mig_dagster.graph.merging import MERGE_DISTANCE, Encode

Tables: TypeAlias = dict[str, pl.DataFrame]
Schema: TypeAlias = dict[str, pl.DataType | type[pl.DataType]]

ENTRY_SCHEMA: Schema = {"tag": pl.String, "count": pl.Int64, "label": pl.String, "step": pl.String}
RULE_SCHEMA: Schema = {
    "antecedent": pl.List(pl.String),
    "consequent": pl.String,
    "confidence": pl.Float64,
    "support": pl.Int64,
}
EDGE_SCHEMA: Schema = {"row": pl.Int32, "column": pl.Int32, "weight": pl.Float64}

VOCABULARY_VALUES = {"rows": ["tag", "label"], "rules": ["antecedent", "consequent"]}
GRAPH_VALUES = {"rows": ["row", "column", "weight"], "labels": ["label"]}
"""What makes the data version of each: counts and statistics do not."""

NO_LABEL = (
    "the vocabulary has no label: lower min_count (Launchpad, or --config with `label_vocabulary: {min_count: 1}`), or "
    "use a list that holds some of the pool's tags"
)


@dataclass(frozen=True)
class VocabularyOptions:
    """How tags become labels.

    Attributes:
        mode: `build` normalises the pool's tags, `closed` keeps the tags of a list, `frozen` keeps the version before.
        min_count: tags that fewer rows carry are dropped (`build`).
        merge_distance: largest cosine distance of two label names that become one (`build`); None merges by spelling
            alone.
        association: limits of association merging (`build`); None leaves it out.
        list_path: JSON list of tags (`closed`).
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    mode: Literal["build", "closed", "frozen"] = "build"
    min_count: int = 2
    merge_distance: float | None = MERGE_DISTANCE
    association: Association | None = None
    list_path: str | None = None


def tags_to_vocabulary(
    tags: pl.LazyFrame, options: VocabularyOptions, encode: Encode, previous: Vocabulary | None = None
) -> tuple[Vocabulary, dict[str, Any]]:
    """Make the vocabulary of a pool's tags.

    Args:
        tags: `row_id`, `tags`; a row id that several sources share counts once.
        options: which way.
        encode: unit vectors (m, d) of m label names.
        previous: the version before this, which `frozen` keeps.

    Returns:
        The vocabulary, and what a person wants to know of it.

    Raises:
        ValueError: an option is missing or out of range.
    """
    rows = tags.filter(pl.col("tags").is_not_null()).unique("row_id", keep="first", maintain_order=True)
    if options.mode == "build" and options.association is not None:
        built = _build(rows.select("tags").collect()["tags"].to_list(), options, encode)
    else:
        built = _from_counts(_counts(rows), options, encode, previous)
    return built, _statistics(built)


def vocabulary_tables(built: Vocabulary) -> Tables:
    """Return a vocabulary as the tables `rows` (one line a tag, by tag) and `rules` (in the order of application)."""
    # By tag, not by count: counts alone must not make another data version.
    entries = [(entry.tag, entry.count, entry.label, entry.step) for entry in built.entries]
    rules = [(list(rule.antecedent), rule.consequent, rule.confidence, rule.support) for rule in built.rules]
    return {
        "rows": pl.DataFrame(entries, schema=ENTRY_SCHEMA, orient="row").sort("tag"),
        "rules": pl.DataFrame(rules, schema=RULE_SCHEMA, orient="row"),
    }


def read_vocabulary(entries: pl.LazyFrame, rules: pl.LazyFrame) -> Vocabulary:
    """Return the vocabulary that `vocabulary_tables` wrote."""
    lines = entries.select(*ENTRY_SCHEMA).sort("count", "tag", descending=[True, False]).collect().rows()
    found = rules.select(*RULE_SCHEMA).collect().rows()
    return Vocabulary(
        tuple(Entry(*line) for line in lines),
        tuple(Rule(tuple(antecedent), *rest) for antecedent, *rest in found),
    )


def embed_labels(labels: Sequence[str], encode: Encode) -> pl.DataFrame:
    """Return `label`, `embedding` (unit vectors), sorted by label: the row number is the label's index.

    Raises:
        ValueError: there is no label.
    """
    if not labels:
        raise ValueError(NO_LABEL)
    ordered = sorted(labels)
    vectors = np.asarray(encode(ordered), dtype=np.float32)
    return pl.DataFrame(
        {"label": ordered, "embedding": vectors},
        schema={"label": pl.String, "embedding": pl.Array(pl.Float32, vectors.shape[1])},
    )


def embeddings_to_graph(
    embeddings: pl.DataFrame, *, threshold: float | None = None, target_mean_degree: float | None = None
) -> tuple[LabelGraph, Tables]:
    """Connect similar labels.

    Args:
        embeddings: `label`, `embedding` as `embed_labels` gives them.
        threshold: smallest cosine of an edge; None with `target_mean_degree`.
        target_mean_degree: edges per label; None with `threshold`.

    Returns:
        The graph, and the tables `rows` (row, column, weight: both triangles and the diagonal) and `labels` (by index).
    """
    vectors = np.ascontiguousarray(embeddings["embedding"].to_numpy(), dtype=np.float32)
    graph = label_graph(vectors, threshold=threshold, target_mean_degree=target_mean_degree)
    edges = graph.weights.tocoo()
    rows = pl.DataFrame({"row": edges.row, "column": edges.col, "weight": edges.data}, schema=EDGE_SCHEMA)
    return graph, {"rows": rows, "labels": embeddings.select("label")}


def graph_weights(edges: pl.DataFrame, m: int) -> csr_array:
    """Return W (m, m) from the table `rows` of a label graph."""
    row, column = edges["row"].to_numpy(), edges["column"].to_numpy()
    weights = csr_array(coo_array((edges["weight"].to_numpy(), (row, column)), shape=(m, m)))
    weights.sort_indices()
    return weights


def _from_counts(
    counts: dict[str, int], options: VocabularyOptions, encode: Encode, previous: Vocabulary | None
) -> Vocabulary:
    if options.mode == "closed":
        if options.list_path is None:
            raise ValueError("vocabulary mode 'closed' needs list_path: a JSON file with a list of tags")
        return closed_vocabulary(counts, options.list_path)
    if options.mode == "frozen":
        if previous is None:
            raise ValueError("vocabulary mode 'frozen' keeps the version before it, and there is none: build one first")
        return frozen(previous, counts)[0]
    return _build(counts, options, encode)


def _build(tags: dict[str, int] | list[list[str]], options: VocabularyOptions, encode: Encode) -> Vocabulary:
    merging = options.merge_distance is not None
    return vocabulary(
        tags,
        min_count=options.min_count,
        encode=encode if merging else None,
        merge_distance=options.merge_distance if options.merge_distance is not None else MERGE_DISTANCE,
        association=options.association,
    )


def _counts(rows: pl.LazyFrame) -> dict[str, int]:
    """Return how many rows carry each tag."""
    tags = rows.select("row_id", "tags").explode("tags").drop_nulls("tags").unique()
    return dict(tags.group_by("tags").len().sort("tags").collect().iter_rows())


def _statistics(built: Vocabulary) -> dict[str, Any]:
    occurrences = sum(entry.count for entry in built.entries)
    mapped = sum(entry.count for entry in built.entries if entry.label is not None)
    steps: dict[str, int] = {}
    for entry in built.entries:
        steps[entry.step] = steps.get(entry.step, 0) + 1
    return {
        "tags": len(built.entries),
        "labels": len(built.labels),
        "unmapped_share": 1 - mapped / occurrences if occurrences else 0.0,
        "steps": steps,
        "version": built.version,
    }

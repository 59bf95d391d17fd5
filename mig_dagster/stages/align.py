"""Pool and signals become the arrays that a selection method takes, row by row and label by label in one order."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from mig_dagster.conversation import Conversation
from mig_dagster.graph import Vocabulary
from mig_dagster.selection.neighbours import knn_distances
from mig_dagster.stages.label_space import graph_weights
from mig_dagster.stages.row_signals import INDICATOR, SIGNALS, TOKEN_COLUMNS, join_signals, neighbours_read
from mig_dagster.stages.tag_matrix import tag_matrix
from mig_dagster.stages.wide_inputs import embedding_matrix, texts_of


@dataclass(frozen=True)
class PoolFrames:
    """What a subset is made from; what its method does not read may be None.

    Attributes:
        pool: `row_id`, `source`, `origin`, `n_turns`, `n_chars`, in the order that selection sees.
        tags: `row_id`, `tags`, `flag`, and `source` where several sources are read.
        quality_scores: `row_id`, `score`, `flag`, and `source` likewise.
        vocabulary: tags to labels.
        edges: label graph, `row`, `column`, `weight`.
        labels: the graph's labels by index.
        row_embeddings: `row_id`, `embedding` (an array column), `flag`, and `source` likewise.
        ifd_scores: `row_id`, `ifd_loss` or `ifd_ppl` or both, `flag`, and `source` likewise.
        indicators: `row_id`, one column for each indicator, `flag`, and `source` likewise.
        token_counts: `row_id`, `tokens`, `trained_tokens`, `flag`, and `source` likewise.
        raw_pool: `source`, `origin`, `row_id`, `messages`, `tools` of every source of the pool.
    """

    pool: pl.LazyFrame
    tags: pl.LazyFrame | None = None
    quality_scores: pl.LazyFrame | None = None
    vocabulary: Vocabulary | None = None
    edges: pl.LazyFrame | None = None
    labels: pl.LazyFrame | None = None
    row_embeddings: pl.LazyFrame | None = None
    ifd_scores: pl.LazyFrame | None = None
    indicators: pl.LazyFrame | None = None
    token_counts: pl.LazyFrame | None = None
    raw_pool: pl.LazyFrame | None = None


@dataclass(frozen=True)
class Aligned:
    """A method's inputs.

    Attributes:
        rows: (n,) `row_id`, `source`, `origin`, `n_chars` and the values of the signals read, in pool order.
        excluded: rows of the pool that lack a signal the method needs: `row_id`, `source`, `reason`.
        labels: the m labels by index; empty where the method reads none.
        arguments: arrays by argument name.
    """

    rows: pl.DataFrame
    excluded: pl.DataFrame
    labels: list[str]
    arguments: dict[str, Any]


def align(frames: PoolFrames, reads: Collection[str], settings: Mapping[str, Any] | None = None) -> Aligned:
    """Bring everything a method reads into one order.

    A row that lacks one of the signals is left out and said so; of `indicators`, a row that lacks one that is read.

    Args:
        frames: pool and signals.
        reads: the method's inputs, as `mig_dagster.selection.reads` lists them; under a budget in tokens also
            `token_counts`: int64 by column.
        settings: the method's options; `variant` says which ratio of `ifd_scores` is meant, `rule` and `coefficients`
            which indicators are, all of them without a rule.

    Raises:
        ValueError: a method reads what is not there, two lines speak of one row, or the graph lacks labels of the
            vocabulary.
        LookupError: a row's conversation is not in `raw_pool`.
    """
    if unknown := sorted(set(reads) - set(_MAKERS)):
        raise ValueError(f"no asset gives {unknown[0]!r}: there are {', '.join(_MAKERS)}")
    neighbours = _to_measure(frames, settings or {}) if "indicators" in reads else []
    needed = {*reads, "row_embeddings"} if neighbours else set(reads)
    signals = {name: _need(getattr(frames, name), name) for name in SIGNALS if name in needed}
    lengths = ["n_chars"] if "lengths" in reads else []
    pool = frames.pool.select("row_id", "source", "origin", *lengths).collect()
    joined = join_signals(pool, signals, settings or {})
    excluded = joined.filter(pl.col("reason").is_not_null()).select("row_id", "source", "reason")
    rows = joined.filter(pl.col("reason").is_null()).drop("reason")
    labels = _labels(frames) if "tags" in reads or "label_graph" in reads else []
    arguments = {name: _MAKERS[name](frames, rows, labels) for name in reads}
    if neighbours:
        arguments["indicators"] |= _distances(frames, rows, neighbours)
    return Aligned(rows, excluded, labels, arguments)


_MAKERS: dict[str, Callable[[PoolFrames, pl.DataFrame, list[str]], Any]] = {
    "tags": lambda frames, rows, labels: tag_matrix(rows["tags"], _need(frames.vocabulary, "label_vocabulary"), labels),
    "quality_scores": lambda _, rows, __: _floats(rows["score"]),
    "label_graph": lambda frames, _, labels: graph_weights(_need(frames.edges, "label_graph").collect(), len(labels)),
    "row_embeddings": lambda frames, rows, _: embedding_matrix(rows, _need(frames.row_embeddings, "row_embeddings")),
    "ifd_scores": lambda _, rows, __: _floats(rows["ifd"]),
    "indicators": lambda _, rows, __: {
        name.removeprefix(INDICATOR): _floats(rows[name]) for name in rows.columns if name.startswith(INDICATOR)
    },
    "token_counts": lambda _, rows, __: {name: rows[name].cast(pl.Int64).to_numpy() for name in TOKEN_COLUMNS},
    "serialized_rows": lambda frames, rows, _: _texts(frames, rows, Conversation.canonical_json),
    "responses": lambda frames, rows, _: _texts(frames, rows, lambda conversation: conversation.response),
    "row_ids": lambda _, rows, __: rows["row_id"].to_list(),
    "sources": lambda _, rows, __: rows["source"].to_list(),
    "lengths": lambda _, rows, __: rows["n_chars"].cast(pl.Int64).to_numpy(),
}
"""How each argument of a method is made from the frames, the rows that take part, and the labels."""


def _to_measure(frames: PoolFrames, settings: Mapping[str, Any]) -> list[int]:
    """Return the i of each `knn_i` that is read and that nobody measured before."""
    given = {name.lower() for name in _need(frames.indicators, "indicators").collect_schema()}
    return [i for i in neighbours_read(settings) if f"knn_{i}" not in given]


def _distances(frames: PoolFrames, rows: pl.DataFrame, neighbours: Sequence[int]) -> dict[str, Any]:
    """Return how far the i-th nearest other row lies, by the indicator's name; 0.0 everywhere in a pool of one row."""
    if rows.height < 2:
        return {f"knn_{i}": np.zeros(rows.height) for i in neighbours}
    vectors = embedding_matrix(rows, _need(frames.row_embeddings, "row_embeddings"))
    return {f"knn_{i}": knn_distances(vectors, i) for i in neighbours}


def _floats(column: pl.Series) -> np.ndarray[Any, np.dtype[np.float64]]:
    return column.cast(pl.Float64).to_numpy()


def _texts(frames: PoolFrames, rows: pl.DataFrame, text: Callable[[Conversation], str]) -> list[str]:
    return texts_of(rows, _need(frames.raw_pool, "raw_pool"), text)


def _labels(frames: PoolFrames) -> list[str]:
    """Return the labels by index: the graph's where there is one, else the vocabulary's."""
    if frames.labels is None:
        return list(_need(frames.vocabulary, "label_vocabulary").labels)
    return frames.labels.collect()["label"].to_list()


def _need(frame: Any, asset: str) -> Any:
    if frame is None:
        raise ValueError(f"the method reads {asset}, which is not there: materialise {asset} first")
    return frame

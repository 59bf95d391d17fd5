"""Pool and signals become the arrays that a selection method takes, row by row and label by label in one order."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from scipy.sparse import csr_array

from mig_dagster.graph import Vocabulary
from mig_dagster.stages.label_space import graph_weights

ROW_SIGNALS = {"tags": "tags", "quality_scores": "score"}
"""Arguments with one value a row, and the column of the asset of that name that holds it."""


@dataclass(frozen=True)
class PoolFrames:
    """What a subset is made from; what its method does not read may be None.

    Attributes:
        pool: `row_id`, `source`, `origin`, in the order that selection sees.
        tags: `row_id`, `tags`, `flag`, and `source` where several sources are read.
        quality_scores: `row_id`, `score`, `flag`, and `source` likewise.
        vocabulary: tags to labels.
        edges: label graph, `row`, `column`, `weight`.
        labels: the graph's labels by index.
    """

    pool: pl.LazyFrame
    tags: pl.LazyFrame | None = None
    quality_scores: pl.LazyFrame | None = None
    vocabulary: Vocabulary | None = None
    edges: pl.LazyFrame | None = None
    labels: pl.LazyFrame | None = None


@dataclass(frozen=True)
class Aligned:
    """A method's inputs.

    Attributes:
        rows: (n,) `row_id`, `source`, `origin` and the row signals read, in pool order.
        excluded: rows of the pool that lack a signal the method needs: `row_id`, `source`, `reason`.
        labels: the m labels by index; empty where the method reads none.
        arguments: arrays by argument name.
    """

    rows: pl.DataFrame
    excluded: pl.DataFrame
    labels: list[str]
    arguments: dict[str, Any]


def align(frames: PoolFrames, reads: Collection[str]) -> Aligned:
    """Bring everything a method reads into one order.

    Args:
        frames: pool and signals.
        reads: the method's inputs, as `mig_dagster.selection.reads` lists them.

    Raises:
        ValueError: a method reads what is not there, two lines speak of one row, or the graph lacks labels of the
            vocabulary.
    """
    joined = _join_signals(frames, [name for name in ROW_SIGNALS if name in reads])
    reason = _reason([name for name in ROW_SIGNALS if name in reads])
    excluded = joined.with_columns(reason=reason).filter(pl.col("reason").is_not_null())
    rows = joined.filter(reason.is_null()).drop([f"{name}_flag" for name in ROW_SIGNALS], strict=False)
    labels = _labels(frames) if "tags" in reads else []
    makers: dict[str, Callable[[], Any]] = {
        "tags": lambda: tag_matrix(rows["tags"], _need(frames.vocabulary, "label_vocabulary"), labels),
        "quality_scores": lambda: rows["score"].cast(pl.Float64).to_numpy(),
        "label_graph": lambda: graph_weights(_need(frames.edges, "label_graph").collect(), len(labels)),
    }
    if unknown := sorted(set(reads) - set(makers)):
        raise ValueError(f"no asset gives {unknown[0]!r} yet: this version has {', '.join(makers)}")
    arguments = {name: makers[name]() for name in reads}
    return Aligned(rows, excluded.select("row_id", "source", "reason"), labels, arguments)


def tag_matrix(tags: pl.Series, vocabulary: Vocabulary, labels: list[str]) -> csr_array:
    """Return which row carries which label, float64 0/1 (n, m).

    Args:
        tags: (n,) lists of tags.
        vocabulary: what they become.
        labels: the m labels by index.

    Raises:
        ValueError: the vocabulary has labels that are not in `labels`.
    """
    if missing := sorted(set(vocabulary.labels) - set(labels)):
        raise ValueError(
            f"label_graph lacks {len(missing)} labels of label_vocabulary ({missing[0]!r} first): "
            "materialise label_embeddings and label_graph again"
        )
    pairs = _labelled_by_rules(tags, vocabulary) if vocabulary.rules else _labelled(tags, vocabulary)
    index = pl.DataFrame(
        {"label": labels, "column": range(len(labels))}, schema={"label": pl.String, "column": pl.Int32}
    )
    ordered = pairs.join(index, on="label").unique(["row", "column"]).sort("row", "column")
    counts = np.bincount(ordered["row"].to_numpy(), minlength=len(tags))
    indptr = np.concatenate([[0], np.cumsum(counts)])
    return csr_array((np.ones(ordered.height), ordered["column"].to_numpy(), indptr), shape=(len(tags), len(labels)))


def _labelled(tags: pl.Series, vocabulary: Vocabulary) -> pl.DataFrame:
    """Return (row, label) pairs, unordered and perhaps repeated."""
    mapping = pl.DataFrame(
        list(vocabulary.mapping.items()), schema={"tag": pl.String, "label": pl.String}, orient="row"
    )
    rows = pl.DataFrame({"row": pl.int_range(len(tags), dtype=pl.Int64, eager=True), "tag": tags})
    return rows.explode("tag").join(mapping, on="tag").select("row", "label")


def _labelled_by_rules(tags: pl.Series, vocabulary: Vocabulary) -> pl.DataFrame:
    """Return (row, label) pairs where labels also depend on the row's other labels."""
    labels = pl.Series("label", [vocabulary.apply(row) for row in tags.to_list()], dtype=pl.List(pl.String))
    rows = pl.DataFrame({"row": pl.int_range(len(tags), dtype=pl.Int64, eager=True), "label": labels})
    return rows.explode("label").drop_nulls()


def labels_of(matrix: csr_array, labels: list[str], rows: np.ndarray[Any, np.dtype[np.int64]]) -> list[list[str]]:
    """Return the labels of some rows of a tag matrix, sorted."""
    names = np.array(labels, dtype=object)
    return [list(names[np.sort(matrix.indices[matrix.indptr[row] : matrix.indptr[row + 1]])]) for row in rows]


def _labels(frames: PoolFrames) -> list[str]:
    """Return the labels by index: the graph's where there is one, else the vocabulary's."""
    if frames.labels is None:
        return list(_need(frames.vocabulary, "label_vocabulary").labels)
    return frames.labels.collect()["label"].to_list()


def _join_signals(frames: PoolFrames, signals: Collection[str]) -> pl.DataFrame:
    """Return the pool with each signal's column and its flag as `<signal>_flag`."""
    given: Mapping[str, pl.LazyFrame | None] = {"tags": frames.tags, "quality_scores": frames.quality_scores}
    joined = frames.pool.select("row_id", "source", "origin").collect()
    n = joined.height
    for name in signals:
        signal = _need(given[name], name)
        # The same conversation may stand in two sources and be annotated differently: the pool's own source counts.
        keys = ["row_id", "source"] if "source" in signal.collect_schema() else ["row_id"]
        columns = signal.select(*keys, ROW_SIGNALS[name], pl.col("flag").fill_null("missing").alias(f"{name}_flag"))
        joined = joined.join(columns.collect(), on=keys, how="left", maintain_order="left")
        if joined.height != n:
            raise ValueError(
                f"{name} has {joined.height - n} rows of the pool more than once: materialise {name} again"
            )
    return joined


def _reason(signals: Collection[str]) -> pl.Expr:
    """Return why a row cannot be used: `<signal>: <flag>` of the first signal without a value, or null."""
    reasons = [
        pl.when(pl.col(ROW_SIGNALS[name]).is_null()).then(
            pl.lit(f"{name}: ") + pl.col(f"{name}_flag").fill_null("missing")
        )
        for name in signals
    ]
    return pl.coalesce(reasons) if reasons else pl.lit(None, dtype=pl.String)


def _need(frame: Any, asset: str) -> Any:
    if frame is None:
        raise ValueError(f"the method reads {asset}, which is not there: materialise {asset} first")
    return frame

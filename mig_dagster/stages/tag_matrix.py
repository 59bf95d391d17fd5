"""Lists of tags become a matrix of labels, and back."""

from typing import Any

import numpy as np
import polars as pl
from scipy.sparse import csr_array

from mig_dagster.graph import Vocabulary


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


def labels_of(matrix: csr_array, labels: list[str], rows: np.ndarray[Any, np.dtype[np.int64]]) -> list[list[str]]:
    """Return the labels of some rows of a tag matrix, sorted."""
    names = np.array(labels, dtype=object)
    return [list(names[np.sort(matrix.indices[matrix.indptr[row] : matrix.indptr[row + 1]])]) for row in rows]


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

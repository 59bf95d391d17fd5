"""Edges of the label graph: whom each label is linked with, and which edges a map shows."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import polars as pl
from scipy.sparse import csr_array

DRAWN_EDGES = 4_000
"""Edges drawn at most."""
STRONGEST = 3
"""Edges drawn of each label, those that another label keeps besides."""
NEIGHBOURS = 5
"""Neighbours named of each label."""


def neighbours(indices: Iterable[int], graph: csr_array, names: Sequence[str]) -> Iterator[str]:
    """Yield the neighbours of highest weight of some labels, with their weights, in one text each.

    Args:
        indices: of the labels.
        graph: W (m, m)
        names: of all m labels.
    """
    for at in indices:
        columns = graph.indices[graph.indptr[at] : graph.indptr[at + 1]]
        weights = graph.data[graph.indptr[at] : graph.indptr[at + 1]]
        order = [place for place in np.lexsort((columns, -weights)) if columns[place] != at and weights[place] > 0]
        yield ", ".join(f"{names[columns[place]]} ({weights[place]:.2f})" for place in order[:NEIGHBOURS])


def label_edges(labels: pl.DataFrame, graph: csr_array) -> pl.DataFrame:
    """Return all edges between some labels, each once, the heaviest first.

    Args:
        labels: `index`, `label`.
        graph: W (m, m), symmetric.

    Returns:
        `row`, `column` (indices, row < column), `weight`, `row_label`, `column_label`.
    """
    entries = graph.tocoo()
    row, column = entries.coords
    once = (row < column) & (entries.data > 0)
    frame = pl.DataFrame({"row": row[once], "column": column[once], "weight": entries.data[once]})
    names = labels.select(pl.col("index"), "label")
    for end in ("row", "column"):
        ends = names.rename({"index": end, "label": f"{end}_label"})
        frame = frame.with_columns(pl.col(end).cast(pl.Int64)).join(ends, on=end, how="inner")
    return frame.sort("weight", "row", "column", descending=[True, False, False])


def edge_lines(shown: pl.DataFrame, edges: pl.DataFrame) -> pl.DataFrame:
    """Return the ends of the edges to draw, the heaviest first: the `STRONGEST` of each label, at most `DRAWN_EDGES`.

    Args:
        shown: `index`, `x`, `y` of the labels drawn.
        edges: as `label_edges` gives them.

    Returns:
        `x`, `y`, `x2`, `y2`, `weight` and `pair`, the names of both.
    """
    ends = shown.select("index", "x", "y")
    lines = edges.join(ends, left_on="row", right_on="index", maintain_order="left").join(
        ends.rename({"x": "x2", "y": "y2"}), left_on="column", right_on="index", maintain_order="left"
    )
    pair = pl.format("{} and {}", "row_label", "column_label")
    places = pl.col("x", "y", "x2", "y2", "weight").round(3)
    return lines[_strongest(lines)].head(DRAWN_EDGES).select(places, pair=pair)


def _strongest(edges: pl.DataFrame) -> pl.Series:
    """Return the places of the edges that are among the `STRONGEST` of either label; they come heaviest first."""
    ends = pl.concat([edges.select(end).to_series() for end in ("row", "column")])
    places = pl.concat([pl.int_range(edges.height, eager=True)] * 2)
    each = pl.DataFrame({"label": ends, "edge": places}).sort("edge")
    return each.group_by("label").head(STRONGEST)["edge"].unique().sort()

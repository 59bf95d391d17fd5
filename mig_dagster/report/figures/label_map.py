"""The label graph as a map: how much of the subset's information each label holds, and how well it is covered."""

import numpy as np
import polars as pl
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from mig_dagster.report.figure import Chart, Figure, Listing
from mig_dagster.report.figures.label_map_spec import FRAME, label_map_spec
from mig_dagster.report.inputs import ReportInputs
from mig_dagster.report.label_counts import label_counts, lacking_labels
from mig_dagster.report.label_information import information_shares
from mig_dagster.report.maps.label_edges import STRONGEST, edge_lines, label_edges, neighbours
from mig_dagster.report.maps.layout import in_frame, kept_apart, label_layout
from mig_dagster.report.maps.name_layer import name_tables
from mig_dagster.report.reading.heads import head

NAME = "label_map"
TITLE = "Map of the labels"
DRAWN = 2_000
"""Labels drawn at most."""
MAPPED = 6_000
"""Labels that are given a place at most."""
NAMED = {"names_wide": 110, "names_narrow": 30}
"""Labels whose names are written at most, at the width of a desktop and of a phone."""
EXAMPLES = 500
"""Labels that come with the beginnings of two chosen rows."""
LISTED = 15
INK = 0.22
"""Share of the frame that circles cover."""
MARGIN = 50
"""Pixels of the frame without a label's middle, both sides together."""
LEAST_AREA, MOST_AREA = 14.0, 5_000.0
"""Square pixels of a circle's bounding box."""
CLIP = 3.0
"""log2 of coverage at which the colours end."""
_ABOUT = (
    "Each circle is a label. Its area is its share of the information that the chosen rows bring (under MIG's "
    "defaults; the smallest ones are drawn larger, to be seen), its colour the label's share of the chosen rows over "
    "its share of the pool's rows; a ring has no chosen row. Labels that are linked in the label graph, or that rows "
    "carry together, lie near each other; directions mean nothing. "
)


def label_map(given: ReportInputs) -> Figure:
    """Return the labels of the pool on a map, and those whose share grew or fell most."""
    tags, graph = given.pool.tags, given.pool.label_graph
    lacking = lacking_labels(given) or ("the pool has no label graph" if graph is None else "")
    if tags is None or graph is None or lacking:
        return Figure(NAME, TITLE, _ABOUT.strip(), missing=lacking)
    labels = _labels(given, tags, graph)
    edges = label_edges(labels, graph)
    drawn = _drawn(given, tags, labels, edges)
    alt = f"{TITLE}: the largest are {', '.join(labels['label'].head(8))}"
    chart = Chart(label_map_spec(CLIP, drawn["edges"]["weight"].to_list()), drawn, alt, FRAME[1])
    about = _ABOUT + _said(given, labels, edges, graph, drawn)
    return Figure(NAME, TITLE, about, [chart, *_listings(labels)], {NAME: labels, f"{NAME}_edges": edges})


def _labels(given: ReportInputs, tags: csr_array, graph: csr_array) -> pl.DataFrame:
    """Return the counts, share and place of each label that the pool has, the largest share first."""
    shares = information_shares(tags, given.pool.scores.get("score"), graph, given.chosen.rows)
    counts = label_counts(given, tags)
    known = counts.with_columns(information=pl.Series(shares[counts["index"].to_numpy()]))
    ordered = known.sort("information", "pool_rows", "index", descending=[True, True, False])
    at = ordered["index"].to_numpy()[:MAPPED]
    area = np.clip(shares[at] * INK * FRAME[0] * FRAME[1], LEAST_AREA, MOST_AREA)
    laid = label_layout(csr_array(graph[at][:, at]), csr_array(tags[:, at]))
    placed = in_frame(laid, FRAME[0] - MARGIN, FRAME[1] - MARGIN)
    placed[:DRAWN] = kept_apart(placed[:DRAWN], np.sqrt(area[:DRAWN]) / 2 + 0.5)
    log = np.log2(np.maximum(ordered["coverage"].to_numpy(), 2.0**-CLIP))
    rest = [None] * (ordered.height - len(at))
    return ordered.with_columns(
        x=pl.Series([*placed[:, 0].tolist(), *rest], dtype=pl.Float64),
        y=pl.Series([*placed[:, 1].tolist(), *rest], dtype=pl.Float64),
        area=pl.Series([*area.tolist(), *rest], dtype=pl.Float64),
        colour=pl.Series(np.clip(log, -CLIP, CLIP)),
        neighbours=pl.Series(list(neighbours(ordered["index"], graph, given.pool.labels)), dtype=pl.String),
    )


def _drawn(given: ReportInputs, tags: csr_array, labels: pl.DataFrame, edges: pl.DataFrame) -> dict[str, pl.DataFrame]:
    shown = labels.head(DRAWN)
    hover = ["label", "pool_rows", "chosen_rows", "information", "coverage", "neighbours"]
    points = shown.select(*hover, "x", "y", "area", "colour").with_columns(rows=_examples(given, tags, shown))
    rounded = pl.col("x", "y", "area", "information", "coverage", "colour").round(4)
    return {
        "labels": points.with_columns(rounded),
        "edges": edge_lines(shown, edges),
        **_names(shown),
    }


def _examples(given: ReportInputs, tags: csr_array, shown: pl.DataFrame) -> pl.Series:
    """Return the beginnings of the first two chosen rows of the largest labels, in one text each."""
    pool, rows = given.pool, given.chosen.rows
    ranked = tags[rows].tocsc()
    firsts = [
        rows[np.sort(ranked.indices[ranked.indptr[at] : ranked.indptr[at + 1]])[:2]].tolist()
        for at in shown["index"].head(EXAMPLES)
    ]
    wanted = sorted({row for each in firsts for row in each})
    said = dict(zip(wanted, map(head, pool.texts(pool.rows[wanted])), strict=True)) if wanted else {}
    texts = [" | ".join(said[row] for row in each) for each in firsts]
    return pl.Series("rows", texts + [""] * (shown.height - len(texts)), dtype=pl.String)


def _names(shown: pl.DataFrame) -> dict[str, pl.DataFrame]:
    places = shown.select("x", "y").to_numpy()
    radii = np.sqrt(shown["area"].to_numpy()) / 2
    return name_tables(places, places * 2 / FRAME, radii, shown["label"].to_list(), FRAME[1], NAMED)


def _listings(labels: pl.DataFrame) -> list[Listing]:
    columns = [
        "label",
        "rows of the pool",
        "chosen rows",
        "share of pool",
        "share of chosen",
        "coverage",
        "information",
    ]
    shown = ["label", "pool_rows", "chosen_rows", "pool_share", "chosen_share", "coverage", "information"]
    change = labels.with_columns(change=pl.col("chosen_share") - pl.col("pool_share"))
    grew = change.filter(pl.col("change") > 0).sort("change", "label", descending=[True, False])
    fell = change.filter(pl.col("change") < 0).sort("change", "label")
    headings = {"Labels whose share grew most": grew, "Labels whose share fell most": fell}
    lines = {heading: each.select(shown).head(LISTED).rows() for heading, each in headings.items()}
    return [Listing(heading, columns, each) for heading, each in lines.items() if each]


def _said(
    given: ReportInputs, labels: pl.DataFrame, edges: pl.DataFrame, graph: csr_array, drawn: dict[str, pl.DataFrame]
) -> str:
    at = labels["index"].to_numpy()
    parts, member = connected_components(graph[at][:, at], directed=False)
    sizes = np.bincount(member)
    alone = int(np.count_nonzero(sizes == 1))
    scores = "" if "score" in given.pool.scores else " The pool has no scores: every row counts 1."
    of = "" if labels.height <= drawn["labels"].height else f" of {labels.height:,}, those of most information"
    return (
        f"Drawn are {drawn['labels'].height:,} labels{of}, and {drawn['edges'].height:,} of {edges.height:,} edges, "
        f"the strongest {STRONGEST} of each label. The label graph has {parts:,} components: the largest holds "
        f"{int(sizes.max()):,} labels, {alone:,} labels stand alone.{scores}"
    )

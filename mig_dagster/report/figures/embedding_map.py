"""Where in embedding space the chosen rows lie among those of the pool, and the file that Embedding Atlas opens."""

import numpy as np
import polars as pl
from scipy.sparse import csr_array

from mig_dagster.report.figure import Chart, Figure
from mig_dagster.report.figures.embedding_map_spec import HEIGHT, embedding_map_spec
from mig_dagster.report.inputs import ReportInputs
from mig_dagster.report.label_counts import joined_labels
from mig_dagster.report.maps.name_layer import name_tables
from mig_dagster.report.maps.projection import Vectors, neighbours, project
from mig_dagster.report.maps.regions import regions
from mig_dagster.report.reading.heads import head
from mig_dagster.report.spread import spread
from mig_dagster.selection.base import Rows

NAME = "embedding_map"
TITLE = "Rows in embedding space"
IN_FILE = 100_000
"""Rows in the file at most, up to half of them chosen ones."""
LANDMARKS = 4_000
NEIGHBOURS = 15
DRAWN_POOL, DRAWN_CHOSEN = 3_500, 2_000
"""Points drawn at most."""
REGIONS = 24
NAMED = {"names_wide": REGIONS, "names_narrow": 10}
"""Regions that are named at most, at the width of a desktop and of a phone."""
HEAD = 200
DRAWN_HEAD = 70
"""Characters of a row's beginning in the file and in the picture."""
_COMMAND = f"embedding-atlas {NAME}.parquet --x projection_x --y projection_y --neighbors neighbors --text text"
_ABOUT = (
    "Rows whose embeddings are alike lie together; distances between far groups mean little. The positions are "
    "t\u2011SNE of landmark rows, and every other row lies between the landmarks that it is most like. A name is the "
    "label that is most a region's own. "
)


def embedding_map(given: ReportInputs) -> Figure:
    """Return the pool's rows in the plane, those chosen on top, and a file of them for Embedding Atlas.

    `neighbors` holds the cosine distances of the most alike rows of the file; `ids` are lines of it, from 0.
    """
    lacking = _lacking(given)
    if lacking:
        return Figure(NAME, TITLE, _ABOUT.strip(), missing=lacking)
    rows = _in_file(given)
    table = _table(given, rows)
    drawn = _drawn(table) | _names(given, rows, table)
    alt = (
        f"{TITLE}: {drawn['chosen'].height:,} chosen rows of {given.chosen.name} among {drawn['pool'].height:,} others"
    )
    return Figure(
        NAME,
        TITLE,
        _ABOUT + _said(given, table, drawn),
        [Chart(embedding_map_spec(), drawn, alt, HEIGHT)],
        {NAME: table},
        command=_COMMAND,
    )


def _lacking(given: ReportInputs) -> str:
    pool = given.pool
    if pool.embeddings is None or pool.place is None:
        return "the pool has no embeddings: no method of the report reads them and none were made"
    return "" if len(pool.embeddings) else "no row of the pool has an embedding"


def _in_file(given: ReportInputs) -> Rows:
    """Return the rows of the pool that the file holds, rising: all with an embedding, or a sample of each source."""
    pool, chosen = given.pool, given.is_chosen()
    assert pool.place is not None
    there = np.flatnonzero(pool.place >= 0)
    sources = pool.rows["source"].to_numpy()
    taken, others = there[chosen[there]], there[~chosen[there]]
    if len(there) > IN_FILE:
        taken = taken[spread(sources[taken], IN_FILE // 2)]
        others = others[spread(sources[others], IN_FILE - len(taken))]
    return np.sort(np.concatenate([taken, others]))


def _table(given: ReportInputs, rows: Rows) -> pl.DataFrame:
    pool = given.pool
    assert pool.embeddings is not None
    assert pool.place is not None
    vectors = pool.embeddings[pool.place[rows]]
    chosen = given.is_chosen()[rows]
    frame = pool.rows[rows].select("row_id", "source")
    kinds = frame["source"].rank("dense").to_numpy().astype(np.int64) * 2 + chosen
    landmarks = spread(kinds, LANDMARKS)
    plane = project(vectors, landmarks)
    ranks = np.zeros(pool.n, np.int64)
    ranks[given.chosen.rows] = np.arange(1, len(given.chosen.rows) + 1)
    score = pool.scores.get("score", np.full(pool.n, np.nan))[rows]
    ordered = ["row_id", "text", "source", "chosen", "rank", "score", "labels"]
    ordered += ["projection_x", "projection_y", "neighbors"]
    return frame.with_columns(
        projection_x=pl.Series(plane[:, 0], dtype=pl.Float32),
        projection_y=pl.Series(plane[:, 1], dtype=pl.Float32),
        neighbors=_neighbours(vectors, landmarks),
        chosen=pl.Series(chosen),
        rank=pl.Series(ranks[rows]).replace(0, None),
        score=pl.Series(score, dtype=pl.Float64).fill_nan(None),
        labels=joined_labels(pool, rows),
        text=pl.Series([head(each, HEAD) for each in pool.texts(pool.rows[rows])], dtype=pl.String),
    ).select(ordered)


def _neighbours(vectors: Vectors, landmarks: Rows) -> pl.Series:
    ids, distances = neighbours(vectors, landmarks, NEIGHBOURS)
    columns = {
        "ids": pl.Series(ids.tolist(), dtype=pl.List(pl.Int64)),
        "distances": pl.Series(distances.tolist(), dtype=pl.List(pl.Float64)),
    }
    return pl.DataFrame(columns).to_struct("neighbors")


def _drawn(table: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Return the points drawn, of the chosen rows and of the others."""
    columns = ["projection_x", "projection_y", "source", "score", "labels", "rank", "text"]
    short = pl.col("text", "labels").str.slice(0, DRAWN_HEAD)
    parts = {}
    for name, flag, most in (("pool", False, DRAWN_POOL), ("chosen", True, DRAWN_CHOSEN)):
        part = table.filter(pl.col("chosen") == flag)
        shown = part[spread(part["source"].to_numpy(), most)].select(columns)
        parts[name] = shown.with_columns(short, pl.col("projection_x", "projection_y", "score").round(4))
    return parts


def _names(given: ReportInputs, rows: Rows, table: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Return the names of regions that find room, at the width of a desktop and of a phone."""
    tags = given.pool.tags
    plane = table.select("projection_x", "projection_y").to_numpy().astype(np.float64)
    found = [] if tags is None else regions(plane, csr_array(tags[rows]), REGIONS)
    places = np.array([[each.x, each.y] for each in found]).reshape(-1, 2)
    names = [given.pool.labels[each.label] for each in found]
    return name_tables(places, places * [1, -1], np.zeros(len(names)), names, HEIGHT, NAMED)


def _said(given: ReportInputs, table: pl.DataFrame, drawn: dict[str, pl.DataFrame]) -> str:
    pool = given.pool
    assert pool.place is not None
    embedded = int(np.count_nonzero(pool.place >= 0))
    chosen = int(table["chosen"].sum())
    whole = "all" if table.height == embedded else f"a sample of each source, {table.height:,}"
    without = f" Rows without an embedding: {pool.n - embedded:,}." if embedded < pool.n else ""
    return (
        f"Drawn are {drawn['chosen'].height:,} of {len(given.chosen.rows):,} chosen rows and "
        f"{drawn['pool'].height:,} of {pool.n - len(given.chosen.rows):,} others, some of every source.{without} "
        f"{NAME}.parquet holds {whole} of the {embedded:,} rows with an embedding ({chosen:,} chosen), and opens in "
        "Embedding Atlas:"
    )

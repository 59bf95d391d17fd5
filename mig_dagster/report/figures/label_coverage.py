"""How many labels the rows of each subset reach, and which labels the report's own reaches least."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl
from scipy.sparse import csc_array, csr_array

from mig_dagster.report.charts.colours import METHODS, POOL
from mig_dagster.report.figure import Chart, Figure, Listing, Part, Reading, Readings
from mig_dagster.report.figures.information_curve import budgets
from mig_dagster.report.inputs import ReportInputs, ReportSubset
from mig_dagster.report.label_counts import example_row, label_counts, lacking_labels
from mig_dagster.report.reading.excerpts import turns
from mig_dagster.selection.base import Rows

NAME = "label_coverage"
TITLE = "Labels covered against budget"
LEAST = 30
"""Labels that are listed and shown with a row."""
TURN_CHARS = 600
"""Most characters of a turn that are shown."""
_CURVE = {"subset": pl.String, "method": pl.String, "rows": pl.Int64, "labels": pl.Int64, "share": pl.Float64}
_ABOUT = (
    "How many of the pool's labels the first rows of each subset carry, by rank; a subset whose beginning is not the "
    "choice for a smaller budget is one point. Coverage is a label's share of the chosen rows over its share of the "
    "pool's rows: 1 is as much as in the pool, 0 is none. "
)


def label_coverage(given: ReportInputs) -> Figure:
    """Return the labels that every subset's beginnings reach, and the least covered ones with a row of each."""
    tags = given.pool.tags
    if tags is None or lacking_labels(given):
        return Figure(NAME, TITLE, _ABOUT.strip(), missing=lacking_labels(given))
    counts = label_counts(given, tags).sort("coverage", "pool_rows", "index", descending=[False, True, False])
    curve = pl.concat([_curve(tags, subset, counts.height) for subset in given.subsets])
    chart = Chart(_spec(given.subsets), {"curve": curve, "whole": _whole(counts.height)}, _alt(curve), 340)
    least = counts.head(LEAST)
    rows = _examples(given, tags, least)
    parts: list[Part] = [chart, _listing(least), _readings(given, least, rows)]
    listed = least.with_columns(example=given.pool.rows["row_id"][rows])
    tables = {NAME: curve, f"{NAME}_labels": counts, f"{NAME}_least": listed}
    return Figure(NAME, TITLE, _ABOUT + _said(counts, tags), parts, tables)


def _curve(tags: csr_array, subset: ReportSubset, labels: int) -> pl.DataFrame:
    """Return how many labels each beginning of a subset reaches; `share` is that of the pool's labels."""
    k = len(subset.rows)
    ends = budgets(k) if subset.info.get("nested", True) else [k]
    reached = np.sort(_first_ranks(tags[subset.rows]))
    covered = np.searchsorted(reached, ends, side="left")
    frame = pl.DataFrame({"rows": ends, "labels": covered, "share": covered / labels})
    named = frame.with_columns(subset=pl.lit(subset.name), method=pl.lit(subset.method))
    return named.select(pl.col(name).cast(kind) for name, kind in _CURVE.items())


def _first_ranks(tags: csr_array) -> Rows:
    """Return, for each label that some row carries, the first of the rows that does."""
    ranks = np.repeat(np.arange(tags.shape[0]), np.diff(tags.indptr))
    first = np.full(tags.shape[1], tags.shape[0], np.int64)
    first[tags.indices[::-1]] = ranks[::-1]  # what is written last stays: the lowest rank
    return first[first < tags.shape[0]]


def _whole(labels: int) -> pl.DataFrame:
    return pl.DataFrame({"labels": [labels], "mark": [f"all {labels:,} labels of the pool"]})


def _examples(given: ReportInputs, tags: csr_array, least: pl.DataFrame) -> list[int]:
    carriers = csc_array(tags[:, least["index"].to_numpy()])
    taken = given.is_chosen()
    bounds = carriers.indptr.tolist()
    rows = [np.sort(carriers.indices[start:end]).astype(np.int64) for start, end in pairwise(bounds)]
    return [example_row(given.pool, each, taken) for each in rows]


def _listing(least: pl.DataFrame) -> Listing:
    columns = ["label", "rows of the pool", "chosen rows", "coverage"]
    return Listing(
        f"The {least.height} least covered labels",
        columns,
        least.select("label", "pool_rows", "chosen_rows", "coverage").rows(),
    )


def _readings(given: ReportInputs, least: pl.DataFrame, rows: list[int]) -> Readings:
    pool, taken = given.pool, given.is_chosen()
    shown = pool.texts(pool.rows[rows])
    score = pool.scores.get("score")
    items = []
    for row, text, label in zip(rows, shown, least.iter_rows(named=True), strict=True):
        facts = {"row": pool.rows["row_id"][row], "source": pool.rows["source"][row], "chosen": _yes(taken[row])}
        if score is not None:
            facts["score"] = float(score[row])
        heading = f"{label['label']} ({label['chosen_rows']:,} of {label['pool_rows']:,} rows chosen)"
        items.append(Reading(heading, turns(text, TURN_CHARS), facts))
    return Readings(
        "A row of the pool for each of them: the highest score that was left out, or of all where none was", items
    )


def _yes(flag: bool) -> str:
    return "yes" if flag else "no"


def _said(counts: pl.DataFrame, tags: csr_array) -> str:
    none = counts.filter(pl.col("chosen_rows") == 0)
    if not none.height:
        return f"Every one of the pool's {counts.height:,} labels has a chosen row."
    rows = np.count_nonzero(np.diff(csr_array(tags[:, none["index"].to_numpy()]).indptr))
    return f"Of {counts.height:,} labels {none.height:,} have no chosen row; {rows:,} rows of the pool carry those."


def _alt(curve: pl.DataFrame) -> str:
    last = curve.group_by("subset", maintain_order=True).last()
    reached = ", ".join(f"{name} {count:,} with {rows:,} rows" for name, _, rows, count, _ in last.iter_rows())
    return f"{TITLE}: {reached}"


def _spec(subsets: Sequence[ReportSubset]) -> dict[str, Any]:
    x = {"field": "rows", "type": "quantitative", "title": "rows taken"}
    y = {"field": "labels", "type": "quantitative", "title": "labels covered"}
    names = [subset.name for subset in subsets]
    scale = {"domain": names, "range": [METHODS.get(subset.method, POOL) for subset in subsets]}
    colour = {"field": "subset", "type": "nominal", "scale": scale, "legend": {"title": None}}
    own = {"test": {"field": "subset", "equal": names[0]}, "value": 3.5}
    tooltip = [
        {"field": "subset"},
        {"field": "rows", "type": "quantitative", "format": ",", "title": "rows"},
        {"field": "labels", "type": "quantitative", "format": ",", "title": "labels"},
        {"field": "share", "type": "quantitative", "format": ".1%", "title": "of the pool's"},
    ]
    line = {
        "data": {"name": "curve"},
        "mark": {"type": "line"},
        "encoding": {"x": x, "y": y, "color": colour, "size": {"condition": own, "value": 1.5}},
    }
    points = {
        "data": {"name": "curve"},
        "transform": [{"filter": "datum.rows > 0"}],
        "mark": {"type": "point", "filled": True, "size": 26},
        "encoding": {"x": x, "y": y, "color": colour, "tooltip": tooltip},
    }
    rule = {
        "data": {"name": "whole"},
        "mark": {"type": "rule", "strokeDash": [4, 4]},
        "encoding": {"y": y, "color": {"value": POOL}},
    }
    text = {
        "data": {"name": "whole"},
        "mark": {"type": "text", "align": "left", "baseline": "bottom", "dx": 4, "dy": -4},
        "encoding": {"x": {"value": 0}, "y": y, "text": {"field": "mark"}},
    }
    return {"layer": [rule, line, points, text]}

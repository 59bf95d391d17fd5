"""What the UI shows of selection_report."""

from collections.abc import Mapping
from typing import Any

import dagster as dg
import numpy as np
import polars as pl

from assets.metadata import table
from assets.plots import heat_map
from mig_dagster.stages.compare.files import SHOWN

_MEASURES = (
    "tokens",
    "mean_score",
    "labels_covered",
    "information",
    "facility_location_share",
    "nearest_distance",
)
"""Measures in the table; how each is written is that of every comparison (`compare.files.SHOWN`)."""


def report_metadata(tables: Mapping[str, pl.DataFrame]) -> dict[str, Any]:
    """Return what the UI shows of a comparison."""
    made = tables["rows"].filter(pl.col("error").is_null())
    return {
        "comparison": _comparison(made, tables["random_spread"]),
        "overlap": _overlap(made["name"].to_list(), tables["overlap"]),
        "not_compared": tables["rows"].filter(pl.col("error").is_not_null())["name"].to_list(),
        "tokenizer": next(iter(made["tokenizer"].drop_nulls().unique()), "none"),
    }


def _comparison(made: pl.DataFrame, spread: pl.DataFrame) -> dg.MarkdownMetadataValue:
    """Return every subset's measures, and below them what random subsets of the same sizes have."""
    lines = [
        [line["name"], f"{line['rows']:,}", *_measures(line), _written("seconds", line["seconds"])]
        for line in made.to_dicts()
    ]
    for (size,), drawn in spread.group_by("rows", maintain_order=True):
        mean, sd = (_measures(dict(drawn.select("measure", column).iter_rows())) for column in ("mean", "sd"))
        chance = [f"{middle} ± {width}" for middle, width in zip(mean, sd, strict=True)]
        lines.append([f"random, {drawn['seeds'][0]} seeds", f"{size:,}", *chance, ""])
    return table(["subset", "rows", *(name.replace("_", " ") for name in _MEASURES), "seconds"], lines)


def _overlap(names: list[str], overlap: pl.DataFrame) -> dg.MarkdownMetadataValue:
    place = {name: index for index, name in enumerate(names)}
    shares = np.full((len(names), len(names)), np.nan)
    for line in overlap.to_dicts():
        shares[place[line["name"]], place[line["other"]]] = np.nan if line["jaccard"] is None else line["jaccard"]
    short = [name.removesuffix("_subset") for name in names]
    return heat_map(shares, short, what="rows that two subsets share, of those in either (Jaccard)")


def _measures(line: Mapping[str, Any]) -> list[str]:
    return [_written(name, line[name]) for name in _MEASURES]


def _written(name: str, value: float | None) -> str:
    return "" if value is None else SHOWN[name][1](value)

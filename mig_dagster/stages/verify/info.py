"""What is stored beside the rows of a subset, compared with what a choice that was made again says."""

import json
from collections.abc import Mapping
from typing import Any

import polars as pl

from mig_dagster.stages.stored_subset import StoredSubset
from mig_dagster.stages.subset import Subset

_NOT_OF_THE_CHOICE = frozenset({"environment", "warnings"})
"""Compared elsewhere, or told by others as well."""
_FACTS = ("source", "origin", "score", "labels")


def other_words(stored: StoredSubset, again: Subset) -> list[str]:
    """Return what a stored subset says of the same rows that the choice made again does not: tables, and numbers.

    Args:
        stored: the subset.
        again: the same rows, chosen in the same environment.
    """
    tables, info = again.tables(), _as_stored(again.info)
    tables_apart = [
        f"the table {name} is not that of the choice made again"
        for name in stored.manifest.tables
        if name not in tables or not tables[name].equals(_table(stored, name))
    ]
    return tables_apart + [
        f"{key}={stored.info.get(key)!r:.80} is stored, of the choice made again it is {value!r:.80}"
        for key, value in info.items()
        if key not in _NOT_OF_THE_CHOICE and stored.info.get(key) != value
    ]


def other_facts(stored: pl.DataFrame, now: pl.DataFrame) -> list[str]:
    """Return which facts of rows that two choices share are not the same: they are inputs, no machine computes them.

    Args:
        stored: `subset.SUBSET_SCHEMA`.
        now: likewise.
    """
    both = stored.join(now, on="row_id", suffix="_now")
    apart = {name: both.filter(pl.col(name).ne_missing(pl.col(f"{name}_now")))["row_id"] for name in _FACTS}
    return [
        f"{len(rows)} rows have another {name} than is stored, {rows[0]} first"
        for name, rows in apart.items()
        if len(rows)
    ]


def _table(stored: StoredSubset, name: str) -> Any:
    return stored.rows if name == "rows" else stored.table(name)


def _as_stored(info: Mapping[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(json.dumps(info))
    return told

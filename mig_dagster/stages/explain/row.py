"""A row that somebody asks about: where it stands in the pool that a subset was chosen from, or why it is not there."""

import re
from dataclasses import dataclass
from typing import Any

import polars as pl

from mig_dagster.stages.stored_frames import stored_manifests
from mig_dagster.stages.stored_subset import StoredSubset
from mig_dagster.storage import Manifest

SHOWN = 5
"""Row ids that a message names where a prefix is not unique."""

_ROW_ID = re.compile(r"[0-9a-f]{1,32}")
_PLACE = ("source", "origin", "row_id")


@dataclass(frozen=True)
class Asked:
    """What a name stands for.

    Attributes:
        source: of the row.
        origin: of the row.
        row_id: None of a record that was rejected.
        instead: of a duplicate: `source`, `origin`, `row_id` of the row of the pool that stands for it, and `kind`.
        rejected: of a record that is no row: `reason` and `detail`.
    """

    source: str
    origin: str
    row_id: str | None
    instead: dict[str, str] | None = None
    rejected: dict[str, str] | None = None


def find_row(name: str, subset: StoredSubset) -> Asked:
    """Find a row of the sources that a subset was chosen from.

    Args:
        name: a row id, enough of its first digits to be unique, or `source/origin`.
        subset: whose pool is meant, as it was.

    Raises:
        LookupError: no such row, or several that begin so; the message says what to do.
    """
    made = stored_manifests(subset.lake, subset.manifest.inputs)
    by_place = "/" in name
    if not by_place and not _ROW_ID.fullmatch(name):
        raise LookupError(f"row_id={name!r}: expected up to 32 hex digits (0-9, a-f), or source/origin")
    source, _, origin = name.partition("/")
    wanted = (
        (pl.col("source") == source) & (pl.col("origin") == origin)
        if by_place
        else pl.col("row_id").str.starts_with(name)
    )
    in_pool = subset.lake.scan_versions(made["pool"]).filter(wanted).select(_PLACE).collect()
    left_out = subset.lake.scan_versions(made["pool"], "duplicates").filter(wanted).collect()
    found = sorted({*in_pool["row_id"], *left_out["row_id"]})
    if len(found) > 1:
        more = " ..." if len(found) > SHOWN else ""
        raise LookupError(f"several rows begin with {name!r}: {', '.join(found[:SHOWN])}{more}: give more digits")
    if not in_pool.is_empty():
        return Asked(**in_pool.row(0, named=True))
    if not left_out.is_empty():
        return _duplicate(left_out.row(0, named=True))
    return _outside(name, source, origin, subset, made.get("raw_pool", []) if by_place else [])


def _duplicate(line: dict[str, Any]) -> Asked:
    instead = {key: line[f"kept_{key}"] for key in _PLACE} | {"kind": line["kind"]}
    return Asked(line["source"], line["origin"], line["row_id"], instead=instead)


def _outside(name: str, source: str, origin: str, subset: StoredSubset, raw_pool: list[Manifest]) -> Asked:
    """Return a record that was rejected, or say what to do about a row that is not there."""
    for manifest in raw_pool:
        if manifest.partition == source and "rejected" in manifest.tables:
            rejected = subset.lake.scan_versions([manifest], "rejected").filter(pl.col("origin") == origin).collect()
            if not rejected.is_empty():
                return Asked(source, origin, None, rejected=rejected.select("reason", "detail").row(0, named=True))
    raise LookupError(
        f"no row {name!r} in the pool of {subset.info['pool_rows']} rows that {subset.name} was chosen from: see "
        "whether `mig-dagster trace` knows it; for a row that came later choose the subset again"
    )

"""A subset with its conversations, and the lock that pins how it was made."""

import inspect
import platform
import zlib
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import polars as pl

from mig_dagster.selection import METHODS

TIES = "of equal gains the row with the lowest pool index; pool order is source, then origin"
_KEPT = (
    "method",
    "budget",
    "options",
    "k",
    "rows",
    "pool_rows",
    "excluded",
    "objective",
    "shortfall",
    "nested",
    "warnings",
)
_PINNED = ("mig-dagster", "numpy", "scipy", "polars")


def with_conversations(subset: pl.LazyFrame, raw_pool: pl.LazyFrame) -> pl.DataFrame:
    """Return a subset's rows with their `messages` and `tools`, by rank.

    Args:
        subset: the columns of `subset.SUBSET_SCHEMA`.
        raw_pool: the rows of every source the subset may hold.

    Raises:
        LookupError: a row of the subset is not in `raw_pool` (any more).
    """
    chosen = subset.collect()
    texts = raw_pool.select("source", "origin", "row_id", "messages", "tools")
    keys = ["source", "origin", "row_id"]
    found = texts.join(chosen.lazy().select(keys), on=keys, how="semi").collect(engine="streaming")
    rows = chosen.join(found, on=keys, how="inner").sort("rank")
    if rows.height != chosen.height:
        lost = chosen.join(found, on=keys, how="anti")
        raise LookupError(
            f"{lost.height} rows of the subset are not in raw_pool, as {lost['source'][0]}/{lost['origin'][0]}: the "
            "source changed since; materialise pool and the subset again"
        )
    return rows


def selection_lock(
    name: str,
    info: Mapping[str, Any],
    *,
    kept: Mapping[str, str],
    inputs: Mapping[str, str],
    annotators: Mapping[str, Mapping[str, Any]],
    licences: Mapping[str, str | None],
    scorer: str,
    pool_options: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return what pins a subset, JSON-ready.

    Args:
        name: of the subset.
        info: what `choose_subset` says of it.
        kept: where it is kept, as `stored_subset.kept_in` says it.
        inputs: data version (or content hash) of everything it was made from.
        annotators: who annotated, by fingerprint.
        licences: of each source; None where its owner states none.
        scorer: the name of the scale of `quality_scores`; "not used" for a method that reads none.
        pool_options: everything that was set before the method; None where `inputs` are versions of assets that keep
            their own settings.

    Raises:
        ValueError: `info` lacks what a lock holds.
    """
    if lost := [key for key in _KEPT if key not in info]:
        raise ValueError(
            f"what is stored with subset {name} lacks {lost[0]!r}: an earlier version made it; materialise the subset "
            "again"
        )
    return {
        "name": name,
        "kept": dict(kept),
        **{key: info[key] for key in _KEPT},
        **({} if pool_options is None else {"pool_options": dict(pool_options)}),
        "scorer": scorer,
        "annotators": dict(annotators),
        "licences": dict(licences),
        "inputs": dict(inputs),
        "ties": TIES,
        "versions": _versions(str(info["method"])),
    }


def _versions(method: str) -> dict[str, str]:
    """Return the versions of all that a method computes with: compressed sizes and sums of floats depend on builds."""
    torch = ("torch",) if "device" in inspect.signature(METHODS[method]).parameters else ()
    pinned = {package: version(package) for package in (*_PINNED, *torch)}
    compressor = {"zlib": zlib.ZLIB_RUNTIME_VERSION} if method == "zip" else {}
    return {"python": platform.python_version(), **pinned, **compressor}

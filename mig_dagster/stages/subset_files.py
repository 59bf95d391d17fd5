"""A subset with its conversations, and the lock that pins how it was made."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import polars as pl

from mig_dagster.stages.stored_frames import stored_manifests
from mig_dagster.storage import Lake, Manifest

TIES = "of equal gains the row with the lowest pool index; pool order is source, then origin"
KEPT = (
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
    "near_ties",
    "warnings",
)
"""What a lock says of a subset in the words of its `info`."""
_NEEDED = (*KEPT, "environment")


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
    shards: Mapping[str, str],
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
        shards: of each version it was made from, as `shard_digests` gives them.
        annotators: who annotated, by fingerprint.
        licences: of each source; None where its owner states none.
        scorer: the name of the scale of `quality_scores`; "not used" for a method that reads none.
        pool_options: everything that was set before the method; None where `inputs` are versions of assets that keep
            their own settings.

    Raises:
        ValueError: `info` lacks what a lock holds.
    """
    if lost := [key for key in _NEEDED if key not in info]:
        raise ValueError(
            f"what is stored with subset {name} lacks {lost[0]!r}: an earlier version made it; materialise the subset "
            "again"
        )
    return {
        "name": name,
        "kept": dict(kept),
        **{key: info[key] for key in KEPT},
        "tokens": info.get("tokens"),  # no subset from before there were budgets in tokens has one
        **({} if pool_options is None else {"pool_options": dict(pool_options)}),
        "scorer": scorer,
        "annotators": dict(annotators),
        "licences": dict(licences),
        "inputs": dict(inputs),
        "shards": dict(shards),
        "ties": TIES,
        "versions": dict(info["environment"]),
    }


def shard_digests(lake: Lake, kept: Manifest) -> dict[str, str]:
    """Return a digest of the shards of a stored subset and of every version that it was chosen from, by name.

    A digest is the sha256, in 64 hex digits, over the lines `<table> <sha256 of the shard>` of a version's tables in
    the order of their names, and their shards in row order.

    Raises:
        LookupError: a version is not there any more.
    """
    found = [kept, *(each for group in stored_manifests(lake, kept.inputs).values() for each in group)]
    return {manifest.name: shard_digest(manifest) for manifest in sorted(found, key=lambda each: each.name)}


def shard_digest(manifest: Manifest) -> str:
    """Return the digest of one version's shards, as `shard_digests` defines it."""
    lines = (f"{table} {shard.sha256}\n" for table in sorted(manifest.tables) for shard in manifest.tables[table])
    return sha256("".join(lines).encode()).hexdigest()

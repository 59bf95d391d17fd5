"""A subset that was chosen before, written for the tools that train on it."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from mig_dagster.export import Exported, check_formats, export_to
from mig_dagster.export.citations import published_at
from mig_dagster.export.seal import SEAL
from mig_dagster.lineage import Ledger
from mig_dagster.stages.scale import annotators_of
from mig_dagster.stages.stored_frames import stored_manifests
from mig_dagster.stages.stored_subset import StoredSubset, find_subset, kept_in
from mig_dagster.stages.subset_files import selection_lock, shard_digests, with_conversations
from mig_dagster.storage import Store

_ANNOTATED = ("tags", "quality_scores")


def export_subset(
    name: str,
    output: Path,
    *,
    formats: Sequence[str],
    home: str,
    first: int | None = None,
    on_progress: Callable[[str, int, int | None], None] = lambda *_: None,
) -> list[Exported]:
    """Write a subset for some consumers, each into its own folder in `output`.

    Args:
        name: as `find_subset` takes it.
        output: made when missing.
        formats: names of `FORMATS`.
        home: folder or URI of the lake.
        first: only so many rows, by rank; None takes all.
        on_progress: told what is being done.

    Raises:
        LookupError: there is no such subset, or its conversations are no longer in the home.
        ValueError: an unknown format, an output that is a file, or first rows that are no choice of their own.
        OSError: what was written does not read back.
    """
    wanted = check_formats(formats)
    if output.exists() and not output.is_dir():
        raise ValueError(f"{output} is a file; name a folder")
    on_progress("reading the subset", 0, None)
    rows, lock = stored_rows(name, home, first)
    done = []
    for form in wanted:
        on_progress(f"writing {form}", 0, None)
        done.append(export_to(output / form, form, rows, lock))
    return done


def stored_rows(name: str, home: str, first: int | None = None) -> tuple[pl.DataFrame, dict[str, Any]]:
    """Return what an export is made of: a subset's rows by rank with their conversations, and its lock.

    Args:
        name: as `find_subset` takes it.
        home: folder or URI of the lake.
        first: as `export_subset` takes it.

    Raises:
        LookupError: there is no such subset, or its conversations are no longer in the home.
        ValueError: a number of first rows that are no choice of their own.
    """
    subset = find_subset(name, home)
    rows = first_rows(subset, first)
    raw_pool = subset.frames().raw_pool
    assert raw_pool is not None, "a stored subset leads to the conversations of its pool"
    lock = lock_of(subset, **where_from(home))
    if first is not None:
        lock |= {"name": f"{lock['name']}-first-{first}", "first_rows": first}
    return with_conversations(rows.lazy(), raw_pool), lock


def first_rows(subset: StoredSubset, first: int | None) -> pl.DataFrame:
    """Return a subset's first rows by rank, or all.

    Raises:
        ValueError: the first rows are not the method's choice for that budget, or the subset has fewer.
    """
    if first is None:
        return subset.rows
    if not subset.info["nested"]:
        raise ValueError(
            f"rows={first}: the first rows of a subset by {subset.method} are not its choice for a smaller budget; "
            f"choose again with --budget {first}"
        )
    if not 1 <= first <= subset.rows.height:
        raise ValueError(f"rows={first}: expected 1 to {subset.rows.height}, the rows of the subset")
    return subset.rows.head(first)


def lock_of(subset: StoredSubset, *, licences: Mapping[str, str | None], uris: Mapping[str, str]) -> dict[str, Any]:
    """Return what pins a subset: the lock of its folder, or what its version in the lake says.

    Args:
        subset: found by its folder or by its name.
        licences: of sources, where there is no lock that states them.
        uris: where sources are, for citations.
    """
    sources = sorted(subset.info["pool_mix"])
    places = {"published_at": published_at({name: uris[name] for name in sources if name in uris})}
    if subset.lock:
        return places | {name: value for name, value in subset.lock.items() if name not in ("files", SEAL)}
    manifest = subset.manifest
    found = stored_manifests(subset.lake, manifest.inputs)
    lock = selection_lock(
        manifest.asset,
        manifest.info,
        kept=kept_in(manifest),
        inputs={manifest.asset: manifest.data_version, **manifest.inputs},
        shards=shard_digests(subset.lake, manifest),
        annotators=annotators_of(each for signal in _ANNOTATED for each in found.get(signal, [])),
        licences={name: licences[name] for name in sources if name in licences},
        scorer=manifest.info.get("scale") or "not used",
    )
    return lock | places


def where_from(home: str) -> dict[str, dict[str, Any]]:
    """Return licence and URI of every source that a home has read, as the ledger has them."""
    lines = Ledger(Store(home)).read("revisions").select("source", "licence", "uri").rows()
    return {
        "licences": {source: licence for source, licence, _ in lines},
        "uris": {source: uri for source, _, uri in lines},
    }

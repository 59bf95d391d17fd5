"""The whole story of one row: where it came from, what was said of it, what it duplicates, whether it was chosen."""

import json
import os
import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import polars as pl

from mig_dagster.lineage.published_catalog import CATALOG, open_catalog
from mig_dagster.storage import Lake, Store

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_ROW_ID = re.compile(r"[0-9a-f]{1,32}")

Database: TypeAlias = "DuckDBPyConnection"
Story = dict[str, Any]


def trace_home(home: str | os.PathLike[str], row_id: str) -> Story:
    """Trace a row in the catalog and the lake of a home folder; see `trace`."""
    store = Store(home)
    return trace(store.uri(CATALOG), Lake(store), row_id)


def trace(catalog: str | os.PathLike[str], lake: Lake, row_id: str) -> Story:
    """Tell the story of a row.

    Args:
        catalog: the lineage catalog.
        lake: where the texts are.
        row_id: 32 hex digits, or enough of the first ones to be unique; or `source/origin`, which also finds records
            that were rejected.

    Returns:
        `row_id`, `messages`, `tools`, `n_turns`, `n_chars`; `found_in`: every place that has the row, with revision,
        licence, URI and `meta`, the record's other columns there; `annotations`, each with its annotator spelled out;
        `labels`: what became of its tags; `duplicates`: whom it stands for, and who stands for it; `subsets`: rank,
        gain and why it was chosen, or why not; `runs`: what made all this. For a rejected record: `row_id` None,
        `rejected` and `runs`.

    Raises:
        LookupError: no such row, or several that begin so; the message says what to do.
    """
    with open_catalog(catalog) as database:
        if "/" in row_id:
            source, _, origin = row_id.partition("/")
            found = _one_column(database, "select row_id from rows where source = ? and origin = ?", source, origin)
            if not found:
                return _rejected(database, source, origin)
            row_id = found[0]
        else:
            row_id = _full_row_id(database, row_id)
        return _story(database, lake, row_id)


def _full_row_id(database: Database, prefix: str) -> str:
    if not _ROW_ID.fullmatch(prefix):
        raise LookupError(f"row_id={prefix!r}: expected up to 32 hex digits (0-9, a-f), or source/origin")
    query = "select distinct row_id from rows where starts_with(row_id, ?) order by row_id limit 6"
    matches = _one_column(database, query, prefix)
    if not matches:
        raise LookupError(
            f"no row has an id that begins with {prefix!r}: look it up in a subset or in the catalog's table rows, and "
            "materialise lineage_catalog if the row is newer than the catalog"
        )
    if len(matches) > 1:
        more = " ..." if len(matches) > 5 else ""
        raise LookupError(f"several rows begin with {prefix!r}: {', '.join(matches[:5])}{more}: give more digits")
    return str(matches[0])


def _story(database: Database, lake: Lake, row_id: str) -> Story:
    places = _lines(
        database,
        "select r.source, r.origin, r.n_turns, r.n_chars, r.in_pool, s.uri, s.licence, s.revision, s.registered, "
        "s.removed_at from rows r left join sources s using (source) where row_id = ? order by r.source, r.origin",
        row_id,
    )
    size = {name: [place.pop(name) for place in places].pop() for name in ("n_turns", "n_chars")}
    kept = _stands_for_it(database, row_id)
    return {
        "row_id": row_id,
        **_texts(lake, row_id, places),
        **size,
        "found_in": places,
        "annotations": _annotations(database, row_id),
        "labels": _labels(database, row_id),
        "duplicates": {"stands_for": _stands_for(database, row_id), "kept_instead": kept},
        "subsets": _subsets(database, row_id, kept),
        "runs": _runs(database, {place["source"] for place in places}),
    }


def _texts(lake: Lake, row_id: str, places: Sequence[Story]) -> Story:
    """Return what was said, and add to each place its `meta`; None where the lake has moved on since the catalog."""
    sources = list(dict.fromkeys(place["source"] for place in places))
    columns = ["source", "origin", "messages", "tools", "meta"]
    found = lake.scan("raw_pool", sources).filter(pl.col("row_id") == row_id).select(columns).collect()
    meta = {(source, origin): text for source, origin, text in found.select("source", "origin", "meta").iter_rows()}
    for place in places:
        place["meta"] = _parsed(meta.get((place["source"], place["origin"])))
    if found.is_empty():
        return {"messages": None, "tools": None}
    texts = found.select("messages", "tools").row(0, named=True)
    return texts | {"messages": [{k: v for k, v in turn.items() if v is not None} for turn in texts["messages"]]}


def _annotations(database: Database, row_id: str) -> list[Story]:
    lines = _lines(
        database,
        "select n.signal, n.value, n.flag, n.provenance, list(n.source order by n.source) as sources, n.annotator, "
        "a.name, a.model, a.revision, a.prompt_version, a.parameters "
        "from annotations n left join annotators a using (annotator) where row_id = ? group by all order by all",
        row_id,
    )
    about = ("name", "model", "revision", "prompt_version", "parameters")
    for line in lines:
        line["value"] = _parsed(line["value"])
        line["parameters"] = _parsed(line["parameters"])
        line["annotator"] = {"fingerprint": line["annotator"], **{name: line.pop(name) for name in about}}
    return lines


def _labels(database: Database, row_id: str) -> list[Story]:
    """Return the row's tags, each with the label it is counted as."""
    return _lines(
        database,
        "with mine as (select distinct unnest(tags) as tag from annotations where row_id = ? and signal = 'tags') "
        "select mine.tag, l.label, l.step from mine left join labels l using (tag) order by mine.tag",
        row_id,
    )


def _stands_for(database: Database, row_id: str) -> list[Story]:
    """Return the rows that the pool left out because it has this one."""
    query = "select kind, source, origin, row_id from duplicates where kept_row_id = ? order by source, origin"
    return _lines(database, query, row_id)


def _stands_for_it(database: Database, row_id: str) -> Story | None:
    """Return the row that the pool has instead of this one, None where it has this one."""
    query = (
        "select any_value(kind) as kind, kept_source as source, kept_origin as origin, kept_row_id as row_id "
        "from duplicates where row_id = $1 and kept_row_id != $1 group by all"
    )
    found = _lines(database, query, row_id)
    return found[0] if found else None


def _subsets(database: Database, row_id: str, kept: Story | None) -> list[Story]:
    """Return for every subset the row's rank and gain and `why` it was chosen, or why it is not in it."""
    lines = _lines(
        database,
        "with names as (select asset as subset from versions where ends_with(asset, '_subset')) "
        "select subset, s.rank, s.gain, s.score, s.labels, e.reason as excluded, w.reason as why from names "
        "left join (from subsets where row_id = $1) s using (subset) "
        "left join (from excluded where row_id = $1) e using (subset) "
        "left join (from reasons where row_id = $1) w using (subset) order by subset",
        row_id,
    )
    for line in lines:
        excluded = line.pop("excluded")
        line["chosen"] = line["rank"] is not None
        if not line["chosen"]:
            stand_in = f"the pool has {kept['row_id']} instead" if kept else "considered, not chosen"
            line["why"] = f"excluded: {excluded}" if excluded else stand_in
    return [{name: value for name, value in line.items() if value is not None} for line in lines]


def _runs(database: Database, sources: Iterable[str], assets: Sequence[str] | None = None) -> list[Story]:
    """Return the last run of each current version of these sources, and of what all share, as they were created."""
    return _lines(
        database,
        "select v.asset, v.partition, r.run_id, r.started_at, r.ended_at, v.data_version, r.version, r.code_version "
        "from versions v left join runs r on r.asset = v.asset and r.partition is not distinct from v.partition "
        "and r.data_version = v.data_version "
        "where (v.partition is null or list_contains($1, v.partition)) and ($2 is null or list_contains($2, v.asset)) "
        "qualify row_number() over (partition by v.asset, v.partition order by r.recorded_at desc nulls last) = 1 "
        "order by v.created_at, v.asset, v.partition",
        sorted(sources),
        assets,
    )


def _rejected(database: Database, source: str, origin: str) -> Story:
    """Return the story of a record that never became a row."""
    query = "select source, origin, reason, detail, raw from rejected_rows where source = ? and origin = ?"
    found = _lines(database, query, source, origin)
    if not found:
        raise LookupError(
            f"source {source!r} has no record at {origin!r}, accepted or rejected: an origin is file:position with "
            "nine digits, as in the column origin of the catalog's tables rows and rejected_rows"
        )
    return {"row_id": None, "rejected": found[0], "runs": _runs(database, {source}, ["raw_pool"])}


def _lines(database: Database, query: str, *parameters: Any) -> list[Story]:
    cursor = database.execute(query, parameters)
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, line, strict=True)) for line in cursor.fetchall()]


def _one_column(database: Database, query: str, *parameters: Any) -> list[Any]:
    return [value for (value,) in database.execute(query, parameters).fetchall()]


def _parsed(text: str | None) -> Any:
    return None if text is None else json.loads(text)

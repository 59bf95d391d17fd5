"""Fill the tables of the catalog from the lake and the ledger; every step is one SQL statement over Parquet files."""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import polars as pl

from mig_dagster.lineage.catalog_inputs import CatalogInputs

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

SIGNALS: Mapping[str, Sequence[str] | None] = {
    "tags": ("tags", "to_json(tags) as value"),
    "quality_scores": ("score", "to_json(score) as value"),
    "row_embeddings": (),
    "ifd_scores": None,
    "indicators": None,
    "token_counts": None,
}
"""Assets that say something of rows, with what `annotations` shows of their values; None is all of their columns."""

OF_SUBSETS = ("excluded", "clusters", "reasons", "label_gains")
"""What subsets have beside their rows, where their methods give it: tables of the same name."""

_OF_EVERY_SIGNAL = ("row_id", "annotator", "provenance", "flag")
_OF_READING = frozenset({"partition_", "line_", "filename", "file_row_number"})

Database: TypeAlias = "DuckDBPyConnection"


def versions(database: Database, inputs: CatalogInputs) -> None:
    """Fill `versions`."""
    lines = [
        {
            "asset": manifest.asset,
            "partition": manifest.partition,
            "data_version": manifest.data_version,
            "rows": manifest.rows,
            "inputs": _json(manifest.inputs),
            "info": _json(manifest.info),
            "created_at": manifest.created_at,
            "manifest": manifest.path,
        }
        for manifest in inputs.manifests
    ]
    _insert_lines(database, "versions", lines, "* replace (created_at::timestamptz as created_at)")


def annotators(database: Database, inputs: CatalogInputs) -> None:
    """Fill `annotators` from the notes of the versions, and with bare fingerprints where there are none."""
    known: dict[str, Mapping[str, Any]] = {}
    for manifest in inputs.manifests:
        known |= manifest.info.get("annotators", {})
    names = ("name", "model", "revision", "prompt_version")
    lines = [
        {"annotator": key, **{name: about.get(name) for name in names}, "parameters": _json(about.get("parameters"))}
        for key, about in sorted(known.items())
    ]
    _insert_lines(database, "annotators", lines)
    database.execute(
        "insert into annotators by name select distinct annotator from annotations "
        "where annotator is not null and annotator not in (select annotator from annotators) order by annotator"
    )


def rows(database: Database, inputs: CatalogInputs) -> None:
    """Fill `rows`."""
    raw_pool, pool = inputs.table("raw_pool"), inputs.table("pool")
    if raw_pool is None:
        return
    in_pool, joined = "null::boolean", ""
    if pool is not None:
        in_pool = "pool.source is not null"
        joined = f"left join {pool} pool on pool.source = raw.source and pool.origin = raw.origin"
    database.execute(
        f"insert into rows by name select raw.row_id, raw.source, raw.origin, raw.n_turns, raw.n_chars, "
        f"{in_pool} as in_pool from {raw_pool} raw {joined} order by raw.source, raw.origin"
    )


def rejected_rows(database: Database, inputs: CatalogInputs) -> None:
    """Fill `rejected_rows`."""
    _copy(database, "rejected_rows", inputs.table("raw_pool", "rejected"), "source, origin")


def duplicates(database: Database, inputs: CatalogInputs) -> None:
    """Fill `duplicates`."""
    _copy(database, "duplicates", inputs.table("pool", "duplicates"), "source, origin")


def annotations(database: Database, inputs: CatalogInputs) -> None:
    """Fill `annotations`, one signal after the other."""
    for signal, values in SIGNALS.items():
        table = inputs.table(signal)
        if table is None:
            continue
        there = _columns(database, table)
        shared = [name for name in _OF_EVERY_SIGNAL if name in there]
        shown = [_as_object(there.difference(_OF_EVERY_SIGNAL, _OF_READING))] if values is None else values
        database.execute(
            f"insert into annotations by name select '{signal}' as signal, partition_ as source, "
            f"{', '.join([*shared, *shown])} from {table} order by source, line_"
        )


def _as_object(columns: Collection[str]) -> str:
    """Return SQL for all of some columns as one JSON object; null where none of them has a value."""
    names = [f'"{name}"' for name in sorted(columns)]
    known = " or ".join(f"{name} is not null" for name in names)
    return (
        f"case when {known} then to_json(struct_pack({', '.join(f'{name} := {name}' for name in names)})) end as value"
    )


def labels(database: Database, inputs: CatalogInputs) -> None:
    """Fill `labels`."""
    _copy(database, "labels", inputs.table("label_vocabulary"), "tag")


def edges(database: Database, inputs: CatalogInputs) -> None:
    """Fill `edges`: the graph's upper triangle, its row and column numbers replaced by labels."""
    weights, names = inputs.table("label_graph"), inputs.table("label_graph", "labels")
    if weights is None or names is None:
        return
    database.execute(
        "insert into edges select a.label, b.label, w.weight "
        f'from {weights} w join {names} a on a.line_ = w."row" join {names} b on b.line_ = w."column" '
        'where w."row" < w."column" order by w."row", w."column"'
    )


def subsets(database: Database, inputs: CatalogInputs) -> None:
    """Fill `subsets` and the tables of `OF_SUBSETS` from every asset whose name ends in `_subset`."""
    for asset in inputs.assets("_subset"):
        _copy(database, "subsets", inputs.table(asset), "rank", subset=asset)
        for table in OF_SUBSETS:
            _copy(database, table, inputs.table(asset, table), "line_", subset=asset)


def comparison(database: Database, inputs: CatalogInputs) -> None:
    """Fill `comparison` and the tables that go with it."""
    for table in ("rows", "source_mix", "overlap", "random_spread"):
        found = inputs.table("selection_report", table)
        into = "comparison" if table == "rows" else f"comparison_{table}"
        if found is not None and "name" in _columns(database, found):
            found = f"(select * exclude (name), name as subset from {found})"
        _copy(database, into, found, "line_")


def runs(database: Database, inputs: CatalogInputs) -> None:
    """Fill `runs`; of several lines for one step the one recorded last counts."""
    lines = inputs.recorded("runs")
    database.execute(
        "insert into runs by name select * replace "
        "(started_at::timestamptz as started_at, ended_at::timestamptz as ended_at) "
        f"from {lines} qualify row_number() over "
        "(partition by run_id, asset, partition order by recorded_at desc) = 1 "
        "order by started_at, asset, partition"
    )


def comparison_seconds(database: Database, inputs: CatalogInputs) -> None:
    """Add to `comparison` how long each method took, from the last run that made the compared version of its subset."""
    database.execute(
        "update comparison set seconds = measured.seconds from "
        "(select r.asset, arg_max(r.seconds, r.recorded_at) as seconds from runs r join versions v "
        "    on v.asset = 'selection_report' and r.data_version = v.inputs ->> r.asset "
        "    where r.seconds is not null group by r.asset) measured "
        "where measured.asset = comparison.subset"
    )


def revisions(database: Database, inputs: CatalogInputs) -> None:
    """Fill `revisions`; a revision that was recorded several times is there once, as it was recorded first."""
    lines = inputs.recorded("revisions")
    database.execute(
        f"insert into revisions by name select * exclude (asset, partition) from {lines} "
        "qualify row_number() over (partition by source, revision order by recorded_at) = 1 "
        "order by recorded_at, source"
    )


def removals(database: Database, inputs: CatalogInputs) -> None:
    """Fill `removals`."""
    lines = inputs.recorded("removals")
    database.execute(
        f"insert into removals by name select * exclude (asset, partition) from {lines} order by recorded_at"
    )


def failures(database: Database, inputs: CatalogInputs) -> None:
    """Fill `failures`."""
    lines = inputs.recorded("failures")
    database.execute(
        f"insert into failures by name select * exclude (partition) from {lines} order by recorded_at, asset"
    )


def discoveries(database: Database, inputs: CatalogInputs) -> None:
    """Fill `discoveries`; of several lines for one URI the one recorded last counts."""
    lines = inputs.recorded("discoveries")
    database.execute(
        "insert into discoveries by name select * exclude (asset, partition, run_id, event), event as outcome "
        f"from {lines} qualify row_number() over (partition by uri order by recorded_at desc) = 1 "
        "order by recorded_at, source"
    )


def throughput(database: Database, inputs: CatalogInputs) -> None:
    """Fill `throughput`."""
    lines = inputs.recorded("throughput")
    database.execute(
        "insert into throughput by name select * exclude (asset, partition), asset as signal, partition as source "
        f"from {lines} order by recorded_at, annotator"
    )


def sources(database: Database, inputs: CatalogInputs) -> None:
    """Fill `sources`: the registered ones, and those of which only rows or revisions are left."""
    lines = [
        {
            "source": source["name"],
            **{name: source.get(name) for name in ("uri", "format", "licence")},
            "priority": source.get("priority", 0),
            "columns": _json(source.get("columns") or {}),
        }
        for source in inputs.registry
    ]
    texts = ("source", "uri", "format", "licence", "columns")
    schema = {**dict.fromkeys(texts, pl.String), "priority": pl.Int64}
    database.register("registered_", pl.DataFrame(lines, schema=schema).to_arrow())
    database.execute(
        "insert into sources by name "
        "with known as (select source from registered_ union select source from revisions "
        "    union select partition from versions where asset = 'raw_pool'), "
        "last as (from revisions qualify row_number() over (partition by source order by recorded_at desc) = 1), "
        "gone as (select source, max(recorded_at) as removed_at from removals group by source) "
        "select known.source, coalesce(r.uri, last.uri) as uri, r.format, "
        "coalesce(r.licence, last.licence) as licence, "
        "r.priority, r.columns, r.source is not null as registered, "
        "case when r.source is null then gone.removed_at end as removed_at, "
        "coalesce(v.info ->> 'revision', last.revision) as revision, v.rows, "
        "(v.info ->> 'records')::bigint - v.rows - (v.info ->> 'blank')::bigint as rejected "
        "from known left join registered_ r using (source) left join last using (source) left join gone using (source) "
        "left join versions v on v.asset = 'raw_pool' and v.partition = known.source order by known.source"
    )


FILL: Sequence[Callable[[Database, CatalogInputs], None]] = (
    versions,
    rows,
    rejected_rows,
    duplicates,
    annotations,
    annotators,
    labels,
    edges,
    subsets,
    comparison,
    runs,
    comparison_seconds,
    revisions,
    removals,
    failures,
    discoveries,
    throughput,
    sources,
)
"""In an order in which each finds what it reads."""


def _copy(database: Database, into: str, table: str | None, order: str, **constants: str) -> None:
    """Copy the columns that a table of the catalog and one of the lake have in common."""
    if table is None:
        return
    wanted = [name for name, *_ in database.execute(f"describe {into}").fetchall() if name not in constants]
    there = _columns(database, table)
    common = [f'"{name}"' for name in wanted if name in there]
    fixed = [f"'{value}' as {name}" for name, value in constants.items()]
    database.execute(f"insert into {into} by name select {', '.join([*fixed, *common])} from {table} order by {order}")


def _columns(database: Database, table: str) -> set[str]:
    return {name for name, *_ in database.execute(f"describe select * from {table}").fetchall()}


def _insert_lines(database: Database, into: str, lines: list[dict[str, Any]], select: str = "*") -> None:
    """Insert a few lines that come from manifests and not from Parquet files."""
    if lines:
        database.register("lines_", pl.DataFrame(lines, infer_schema_length=None).to_arrow())
        database.execute(f"insert into {into} by name select {select} from lines_")
        database.unregister("lines_")


def _json(value: Any) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False)

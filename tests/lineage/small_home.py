"""A small home with something in every table: two sources, duplicates, annotations, a graph, subsets, a comparison."""

import json

import polars as pl

from mig_dagster.conversation import Conversation, Message
from mig_dagster.lineage import Ledger
from mig_dagster.pool import pool, row_signatures
from mig_dagster.pool.batch import Batch
from mig_dagster.pool.schema import REJECTED
from mig_dagster.sources.records import Accepted
from mig_dagster.storage import Lake, Store

TAGGER = {"name": "tags", "model": "tagger", "revision": "1", "prompt_version": None, "parameters": {"top": 3}}
SCORER = {"name": "quality_scores", "model": "lexical", "revision": "2", "prompt_version": None, "parameters": {}}
REGISTRY = [
    {"name": "a", "uri": "a.jsonl", "format": None, "licence": "MIT", "priority": 0, "columns": {}},
    {"name": "b", "uri": "b/*.json", "format": "alpaca", "licence": None, "priority": 1, "columns": {"output": "o"}},
]


def chat(user, assistant):
    return Conversation((Message("user", user), Message("assistant", assistant)))


ADD = chat("Add 1 and 2.", "3")
ADD_LOUD = chat("ADD 1 AND 2.", "3")
SING = chat("Sing.", "La la.")
SQL = chat("All rows of t?", "select * from t")
EMPTY = chat("Say it.", "...")
SOURCES = {"a": [ADD, SING, ADD_LOUD, SING], "b": [ADD, SQL, EMPTY]}
TAGS = {ADD.row_id: ["addition", "maths"], SING.row_id: ["song"], SQL.row_id: ["sql", "rare"], ADD_LOUD.row_id: []}


class Home:
    """A lake and a ledger under one root, and where the catalog is."""

    def __init__(self, root):
        self.store = Store(root)
        self.lake = Lake(self.store)
        self.ledger = Ledger(self.store)
        self.catalog = self.store.uri("catalog/lineage.duckdb")

    def commit(self, asset, frames, partition=None, info=None, inputs=None, seconds=None):
        """Write, publish and record a version, as a run of the pipeline does."""
        manifest = self.lake.write(asset, frames, partition=partition, info=info, inputs=inputs)
        self.lake.publish(manifest)
        line = {
            "started_at": "2026-11-20T10:00:00+01:00",
            "ended_at": "2026-11-20T10:00:05+01:00",
            "data_version": manifest.data_version,
            "rows": manifest.rows,
            "config": "{}",
            "inputs": json.dumps(inputs or {}),
            "code_version": "1",
            "version": "0.1",
            "seconds": seconds,
        }
        self.ledger.record("runs", [line], asset=asset, partition=partition, run_id=f"run-{asset}-{partition}")
        return manifest


def fill(home):
    """Materialise everything."""
    for source, conversations in SOURCES.items():
        fill_source(home, source, conversations)
    fill_pool(home)
    fill_graph(home)
    fill_subset(home)
    fill_report(home)
    return home


def fill_source(home, source, conversations):
    batch = Batch(source)
    for position, conversation in enumerate(conversations, start=1):
        batch.accept(Accepted(f"{source}.jsonl:{position:09d}", conversation, {"topic": source}))
    rejected = pl.DataFrame(
        [(source, f"{source}.jsonl:000000099", "empty_answer", "no text", "{}")], REJECTED, orient="row"
    )
    info = {"revision": f"rev-{source}", "records": batch.rows().height + 2, "blank": 1}
    home.commit("raw_pool", {"rows": batch.rows(), "rejected": rejected}, source, info, {"source_revisions": "r1"})
    home.commit("row_signatures", row_signatures(home.lake.scan("raw_pool", source)), source)
    revision = {"source": source, "uri": f"{source}.jsonl", "revision": f"rev-{source}", "files": "[]", "bytes": 10}
    home.ledger.record("revisions", [revision], asset="raw_pool", partition=source, run_id=f"run-{source}")
    ids = list(dict.fromkeys(conversation.row_id for conversation in conversations))
    known = [row_id != EMPTY.row_id for row_id in ids]
    imported = ["imported" if row_id == SING.row_id else "computed" for row_id in ids]
    flags = [None if there else "empty_output" for there in known]
    common = {"row_id": ids, "provenance": imported, "flag": flags}
    tags = {**common, "tags": [TAGS.get(row_id) for row_id in ids], "annotator": "t" * 16}
    scores = {**common, "score": [2.0 + i if there else None for i, there in enumerate(known)], "annotator": "s" * 16}
    vectors = {"row_id": ids, "embedding": [[1.0, 0.0]] * len(ids), "annotator": "e" * 16, "flag": None}
    home.commit(
        "tags", pl.DataFrame(tags, schema_overrides={"flag": pl.String}), source, {"annotators": {"t" * 16: TAGGER}}
    )
    home.commit(
        "quality_scores",
        pl.DataFrame(scores, schema_overrides={"flag": pl.String}),
        source,
        {"annotators": {"s" * 16: SCORER}},
    )
    types = {"embedding": pl.Array(pl.Float32, 2), "flag": pl.String}
    home.commit("row_embeddings", pl.DataFrame(vectors, schema_overrides=types), source)


def fill_pool(home):
    signatures = home.lake.scan("row_signatures", home.lake.partitions("row_signatures"))
    rows, duplicates = pool(signatures, {source["name"]: source["priority"] for source in REGISTRY})
    home.commit("pool", {"rows": rows, "duplicates": duplicates})


def fill_graph(home):
    tags = ["addition", "maths", "rare", "song", "sql"]
    labels = ["maths", "maths", None, "song", "sql"]
    steps = ["merged", "kept", "rare", "kept", "kept"]
    home.commit(
        "label_vocabulary", pl.DataFrame({"tag": tags, "count": [2, 2, 1, 1, 1], "label": labels, "step": steps})
    )
    weights = {
        "row": [0, 1, 2, 0, 2, 1, 2],
        "column": [0, 1, 2, 2, 0, 2, 1],
        "weight": [1.0, 1.0, 1.0, 0.9, 0.9, 0.5, 0.5],
    }
    frame = pl.DataFrame(weights, schema={"row": pl.Int32, "column": pl.Int32, "weight": pl.Float64})
    home.commit("label_graph", {"rows": frame, "labels": pl.DataFrame({"label": ["maths", "song", "sql"]})})


def fill_subset(home):
    chosen = {
        "rank": [1, 2],
        "row_id": [ADD.row_id, SQL.row_id],
        "source": ["b", "b"],
        "origin": ["b.jsonl:000000001", "b.jsonl:000000002"],
        "gain": [1.5, 0.5],
        "score": [2.0, 3.0],
        "labels": [["maths"], ["sql"]],
    }
    excluded = pl.DataFrame({"row_id": [EMPTY.row_id], "source": ["b"], "reason": ["quality_scores: empty_output"]})
    ids = {"rank": [1, 2], "row_id": [ADD.row_id, SQL.row_id]}
    why = {"reasons": ids | {"reason": ["Raised maths.", "Raised sql."], "details": ['{"gain": 1.5}', '{"gain": 0.5}']}}
    told = {"label": ["maths", None], "labels": [1, 2], "direct": [1.0, 0.3], "propagated": [0.5, 0.2]}
    why["label_gains"] = ids | told | {"before": [0.0, None], "gain": [1.5, 0.5]}
    tables = {"rows": pl.DataFrame(chosen), "excluded": excluded} | {k: pl.DataFrame(v) for k, v in why.items()}
    home.commit("mig_subset", tables, seconds=0.5)
    home.commit("random_subset", {"rows": pl.DataFrame(chosen).head(1), "excluded": excluded.clear()}, seconds=0.1)
    others = pl.DataFrame(chosen).tail(1).with_columns(rank=1, row_id=pl.lit(SING.row_id), gain=pl.lit(2.0))
    clusters = pl.DataFrame({"row_id": [ADD.row_id, SQL.row_id, SING.row_id], "cluster": [0, 0, 1]})
    home.commit("car_subset", {"rows": others, "excluded": excluded.clear(), "clusters": clusters})


def fill_report(home):
    names = ["mig_subset", "random_subset", "car_subset", "ifd_subset"]
    rows = {
        "name": names,
        "method": [name.removesuffix("_subset") for name in names],
        "seed": [None, 42, None, None],
        "rows": [2, 1, 1, None],
        "information": [7.5, 3.0, 5.0, None],
        "options": ['{"gain": "exact"}', '{"seed": 42}', "{}", None],
        "error": [None, None, None, "no annotator"],
    }
    mix = {"name": names[:2], "source": ["b", "b"], "rows": [2, 1], "share": [1.0, 1.0]}
    overlap = {"name": names[:2], "other": names[1::-1], "shared": [1, 1], "jaccard": [0.5, 0.5]}
    drawn = {"rows": [1, 2], "measure": ["information"] * 2, "mean": [4.0, 6.0], "sd": [0.5, 0.0], "seeds": [5, 5]}
    frames = {"rows": rows, "source_mix": mix, "overlap": overlap, "random_spread": drawn}
    compared = {name: home.lake.current(name).data_version for name in names[:3]}
    home.commit("selection_report", {name: pl.DataFrame(table) for name, table in frames.items()}, inputs=compared)

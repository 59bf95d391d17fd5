"""The catalog: complete over whole and partial lakes, and swapped in whole."""

import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import duckdb
import polars as pl
import pytest

from mig_dagster.lineage import catalog as building
from mig_dagster.lineage import open_catalog, publish_catalog
from tests.lineage.small_home import ADD, EMPTY, REGISTRY, SING, Home, fill, fill_pool, fill_source
from tests.storage.roots import ROOTS, new_root

TABLES = {
    "annotations",
    "annotators",
    "clusters",
    "comparison",
    "comparison_overlap",
    "comparison_random_spread",
    "comparison_source_mix",
    "discoveries",
    "duplicates",
    "edges",
    "excluded",
    "failures",
    "label_gains",
    "labels",
    "reasons",
    "rejected_rows",
    "removals",
    "revisions",
    "rows",
    "runs",
    "sources",
    "subsets",
    "throughput",
    "versions",
}


def lines(catalog, query, *parameters):
    with open_catalog(catalog) as database:
        return database.execute(query, parameters).fetchall()


def rebuilt(home, registry=REGISTRY):
    return publish_catalog(home.lake, home.ledger, registry)


def test_every_table_has_what_lake_and_ledger_have(tmp_path):
    home = fill(Home(tmp_path))
    assert rebuilt(home) == {
        "annotations": 18,
        "annotators": 3,
        "clusters": 3,
        "comparison": 4,
        "comparison_overlap": 2,
        "comparison_random_spread": 2,
        "comparison_source_mix": 2,
        "discoveries": 0,
        "duplicates": 3,
        "edges": 2,
        "excluded": 1,
        "failures": 0,
        "label_gains": 2,
        "labels": 5,
        "reasons": 2,
        "rejected_rows": 2,
        "removals": 0,
        "revisions": 2,
        "rows": 7,
        "runs": 17,
        "sources": 2,
        "subsets": 4,
        "throughput": 0,
        "versions": 17,
    }


@pytest.fixture(params=ROOTS[1:])
def remote(request, monkeypatch):
    return fill(Home(new_root(request, monkeypatch)))


def test_a_catalog_in_a_home_elsewhere_is_the_same(home, remote):
    with pytest.raises(LookupError, match=r"no lineage catalog at \w+://.*: materialise lineage_catalog first"):
        lines(remote.catalog, "from rows")
    rebuilt(remote)
    for table in TABLES - {"versions", "revisions", "runs"}:  # these hold times
        assert lines(remote.catalog, f"from {table}") == lines(home.catalog, f"from {table}")


def test_rows_know_whether_they_are_in_the_pool(home):
    query = "select source, origin, in_pool from rows where row_id = ? order by source"
    assert lines(home.catalog, query, ADD.row_id) == [
        ("a", "a.jsonl:000000001", False),
        ("b", "b.jsonl:000000001", True),
    ]


def test_annotations_are_one_line_a_row_source_and_signal(home):
    query = "select signal, source, value, score, tags, provenance, flag from annotations where row_id = ? order by all"
    assert lines(home.catalog, query, SING.row_id) == [
        ("quality_scores", "a", "3.0", 3.0, None, "imported", None),
        ("row_embeddings", "a", None, None, None, None, None),
        ("tags", "a", '["song"]', None, ["song"], "imported", None),
    ]
    assert lines(home.catalog, query, EMPTY.row_id) == [
        ("quality_scores", "b", None, None, None, "computed", "empty_output"),
        ("row_embeddings", "b", None, None, None, None, None),
        ("tags", "b", None, None, None, "computed", "empty_output"),
    ]


def test_annotators_are_spelled_out_where_their_versions_did(home):
    assert lines(home.catalog, "select annotator, name, model, revision, parameters from annotators order by 1") == [
        ("e" * 16, None, None, None, None),
        ("s" * 16, "quality_scores", "lexical", "2", "{}"),
        ("t" * 16, "tags", "tagger", "1", '{"top": 3}'),
    ]


def test_a_discovery_is_one_line_with_its_card_as_it_was_written(tmp_path):
    """A round that is broken off may have left a snapshot of a find under another name."""
    home = fill(Home(tmp_path))
    card = "# Rows\n<script>alert(1)</script>\x1b[31m\x00"
    found = {"uri": "hf://datasets/org/rows", "rule": "hub", "event": "proposed", "likes": 7, "card": card}
    for name in ("org--rows", "org--rows-123abc"):
        line = {**found, "source": name, "card_metadata": '{"license": "mit"}'}
        home.ledger.record("discoveries", [line], asset="source_revisions", partition=name, run_id="discovery-1")
    rebuilt(home)
    query = "select source, outcome, likes, card, card_metadata ->> 'license' from discoveries"
    assert lines(home.catalog, query) == [("org--rows-123abc", "proposed", 7, card, "mit")]


def test_a_failure_says_what_was_not_made_and_what_to_do(tmp_path):
    home = fill(Home(tmp_path))
    line = {"source": "b", "job": "ingest", "failed_at": "2026-01-02T03:04:05+00:00", "message": "no", "remedy": "mend"}
    home.ledger.record("failures", [line], asset="raw_pool", partition="b", run_id="9")
    rebuilt(home)
    query = "select asset, source, job, message, remedy, run_id, failed_at::varchar from failures"
    assert lines(home.catalog, query) == [("raw_pool", "b", "ingest", "no", "mend", "9", "2026-01-02 03:04:05")]


def test_throughput_says_what_read_how_fast_and_where(tmp_path):
    home = fill(Home(tmp_path))
    line = {"annotator": "t" * 16, "name": "tags", "model": "tagger", "device": "cpu", "items": 3, "tokens": 30}
    home.ledger.record("throughput", [line | {"seconds": 1.5}], asset="tags", partition="b", run_id="9")
    rebuilt(home)
    query = "select signal, source, annotator, device, items, tokens / seconds, run_id from throughput"
    assert lines(home.catalog, query) == [("tags", "b", "t" * 16, "cpu", 3, 20.0, "9")]


def test_edges_name_labels_once_a_pair(home):
    assert lines(home.catalog, "from edges") == [("maths", "sql", 0.9), ("song", "sql", 0.5)]


def test_labels_of_several_shards_keep_their_numbers(tmp_path, monkeypatch):
    home = Home(tmp_path)
    monkeypatch.setattr("mig_dagster.storage.writer.SHARD_ROWS", 2)
    labels = pl.DataFrame({"label": list("abcde")})
    pairs = pl.DataFrame({"row": [0, 1, 3], "column": [4, 2, 4], "weight": [1.0, 0.5, 0.25]})
    home.commit("label_graph", {"rows": pairs, "labels": labels})
    rebuilt(home)
    assert lines(home.catalog, "from edges") == [("a", "e", 1.0), ("b", "c", 0.5), ("d", "e", 0.25)]


def test_the_comparison_names_subsets_as_all_other_tables_do(home):
    query = "select subset, method, rows, information, tokens, error from comparison order by all"
    assert lines(home.catalog, query) == [
        ("car_subset", "car", 1, 5.0, None, None),
        ("ifd_subset", "ifd", None, None, None, "no annotator"),
        ("mig_subset", "mig", 2, 7.5, None, None),
        ("random_subset", "random", 1, 3.0, None, None),
    ]
    assert lines(home.catalog, "from comparison_overlap order by all") == [
        ("mig_subset", "random_subset", 1, 0.5),
        ("random_subset", "mig_subset", 1, 0.5),
    ]
    assert lines(home.catalog, "select options ->> 'gain' from comparison where subset = 'mig_subset'") == [("exact",)]


def test_a_method_took_as_long_as_in_the_last_run_that_gave_the_compared_subset(tmp_path):
    home = fill(Home(tmp_path))
    version = home.lake.current("mig_subset").data_version
    for run, minute, same, seconds in (("2", 20, version, 0.25), ("3", 30, version, None), ("4", 40, "other", 9.0)):
        line = {"started_at": f"2026-11-20T12:{minute}:00Z", "ended_at": f"2026-11-20T12:{minute}:09Z"}
        line |= {"data_version": same, "seconds": seconds}
        home.ledger.record("runs", [line], asset="mig_subset", partition=None, run_id=run)
    rebuilt(home)
    told = lines(home.catalog, "select subset, seconds from comparison order by all")
    assert told == [("car_subset", None), ("ifd_subset", None), ("mig_subset", 0.25), ("random_subset", 0.1)]


def test_reasons_belong_to_the_subset_that_gives_them(home):
    assert lines(home.catalog, "select subset, rank, reason, details ->> 'gain' from reasons order by rank") == [
        ("mig_subset", 1, "Raised maths.", "1.5"),
        ("mig_subset", 2, "Raised sql.", "0.5"),
    ]
    told = "select subset, rank, label, labels, direct, propagated, before, gain from label_gains order by rank"
    assert lines(home.catalog, told) == [
        ("mig_subset", 1, "maths", 1, 1.0, 0.5, 0.0, 1.5),
        ("mig_subset", 2, None, 2, 0.3, 0.2, None, 0.5),
    ]


def test_clusters_belong_to_the_subset_whose_method_made_them(home):
    assert lines(home.catalog, "select subset, cluster, count(*) from clusters group by all order by all") == [
        ("car_subset", 0, 2),
        ("car_subset", 1, 1),
    ]


def test_times_are_utc(home):
    ((started, ended),) = lines(home.catalog, "select started_at, ended_at from runs where asset = 'pool'")
    assert (started.isoformat(), ended.isoformat()) == ("2026-11-20T09:00:00", "2026-11-20T09:00:05")


def test_a_step_that_was_tried_again_counts_once(tmp_path):
    home = fill(Home(tmp_path))
    line = {"started_at": "2026-11-20T12:00:00Z", "ended_at": "2026-11-20T12:00:09Z", "rows": 99}
    home.ledger.record("runs", [line], asset="pool", partition=None, run_id="run-pool-None")
    assert rebuilt(home)["runs"] == 17
    assert lines(home.catalog, "select rows from runs where asset = 'pool'") == [(99,)]


def test_an_empty_lake_gives_empty_tables_with_their_columns(tmp_path):
    home = Home(tmp_path)
    counts = rebuilt(home, [])
    assert counts == dict.fromkeys(TABLES, 0)
    filled = fill(Home(tmp_path / "filled"))
    rebuilt(filled)
    described = "select table_name, column_name, data_type from information_schema.columns order by all"
    assert lines(home.catalog, described) == lines(filled.catalog, described)


def test_a_partial_lake_gives_what_is_there(tmp_path):
    home = Home(tmp_path)
    fill_source(home, "a", [ADD, SING])
    counts = rebuilt(home)
    assert {table for table, count in counts.items() if not count} == {
        "clusters",
        "comparison",
        "comparison_overlap",
        "comparison_random_spread",
        "comparison_source_mix",
        "discoveries",
        "duplicates",
        "edges",
        "excluded",
        "failures",
        "label_gains",
        "labels",
        "reasons",
        "removals",
        "subsets",
        "throughput",
    }
    assert lines(home.catalog, "select distinct in_pool from rows") == [(None,)]
    assert lines(home.catalog, "select source, registered, rows from sources") == [("a", True, 2), ("b", True, None)]
    fill_pool(home)
    rebuilt(home)
    assert lines(home.catalog, "select distinct in_pool from rows") == [(True,)]


def test_a_removed_source_stays_marked(tmp_path):
    home = fill(Home(tmp_path))
    home.ledger.record("removals", [{"source": "b"}], asset="source_revisions", partition="b", run_id="1")
    rebuilt(home, REGISTRY[:1])
    found = lines(home.catalog, "select source, registered, removed_at is not null, uri, revision, rows from sources")
    assert found == [("a", True, False, "a.jsonl", "rev-a", 4), ("b", False, True, "b.jsonl", "rev-b", 3)]
    rebuilt(home, REGISTRY)  # registered again
    assert lines(home.catalog, "select registered, removed_at from sources where source = 'b'") == [(True, None)]


def test_the_state_of_sources_adds_up(home):
    query = "select source, uri, format, licence, priority, columns, revision, rows, rejected from sources"
    assert lines(home.catalog, query) == [
        ("a", "a.jsonl", None, "MIT", 0, "{}", "rev-a", 4, 1),
        ("b", "b/*.json", "alpaca", None, 1, '{"output": "o"}', "rev-b", 3, 1),
    ]


def test_an_open_reader_keeps_its_catalog_while_another_is_published(tmp_path):
    home = fill(Home(tmp_path))
    rebuilt(home)
    with open_catalog(home.catalog) as reader:
        fill_source(home, "a", [ADD])
        assert rebuilt(home)["rows"] == 4
        assert reader.execute("select count(*) from rows").fetchone() == (7,)
    assert lines(home.catalog, "select count(*) from rows") == [(4,)]


def test_a_build_that_fails_leaves_the_catalog_before_it_and_no_files(tmp_path, monkeypatch):
    home = fill(Home(tmp_path))
    rebuilt(home)
    before = Path(home.catalog).read_bytes()

    def broken(database, inputs):
        raise duckdb.IOException("disk full")

    monkeypatch.setattr(building, "FILL", [broken])
    with pytest.raises(duckdb.IOException, match="disk full"):
        rebuilt(home)
    assert Path(home.catalog).read_bytes() == before
    assert [path.name for path in Path(home.catalog).parent.iterdir()] == ["lineage.duckdb"]


BUILD = """
    import sys
    from mig_dagster.lineage import Ledger, catalog, publish_catalog
    from mig_dagster.storage import Lake, Store

    store = Store(sys.argv[1])
    step = int(sys.argv[2])

    def stop(database, inputs):
        print("here", flush=True)
        sys.stdin.readline()

    catalog.FILL = [*catalog.FILL[:step], stop]
    publish_catalog(Lake(store), Ledger(store), [])
"""


@pytest.mark.parametrize("step", [0, 5, 12])
def test_a_killed_build_leaves_the_catalog_before_it(tmp_path, step):
    home = fill(Home(tmp_path))
    before = rebuilt(home)
    command = [sys.executable, "-c", textwrap.dedent(BUILD), home.store.root, str(step)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"here\n"
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    with open_catalog(home.catalog) as database:
        assert {name: len(database.table(name)) for name in before} == before
    assert rebuilt(home) == before


def test_what_a_killed_build_left_goes_when_it_is_old(tmp_path):
    home = fill(Home(tmp_path))
    old, young = tmp_path / ".tmp" / "old", tmp_path / ".tmp" / "young"
    for folder in (old, young):
        folder.mkdir()
        (folder / "lineage.duckdb").write_bytes(b"half")
    for path in (old / "lineage.duckdb", old):
        os.utime(path, (1, 1))
    rebuilt(home)
    assert [path.name for path in (tmp_path / ".tmp").iterdir()] == ["young"]


def test_opening_a_catalog_that_was_never_built_says_what_to_do(tmp_path):
    with (
        pytest.raises(LookupError, match=r"no lineage catalog at .*: materialise lineage_catalog first"),
        open_catalog(tmp_path / "none.duckdb"),
    ):
        pass


@pytest.mark.parametrize("name", ["it's here", "data[1]", "all*"])
def test_paths_with_quotes_or_brackets_are_paths(tmp_path, name):
    home = fill(Home(tmp_path / name))
    assert rebuilt(home)["rows"] == 7


def test_the_config_of_runs_is_json_that_sql_can_read(home):
    ((inputs,),) = lines(home.catalog, "select inputs from runs where asset = 'raw_pool' and partition = 'a'")
    assert json.loads(inputs) == {"source_revisions": "r1"}


def test_a_database_that_is_no_catalog_is_refused_with_the_remedy(tmp_path):
    with duckdb.connect(str(tmp_path / "other.duckdb")) as other:
        other.execute("create table something (n integer)")
    with pytest.raises(LookupError, match="materialise lineage_catalog again"), open_catalog(tmp_path / "other.duckdb"):
        pass

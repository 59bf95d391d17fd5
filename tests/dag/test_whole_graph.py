import json
import os
from pathlib import Path

import duckdb
import polars as pl

from assets.jobs import BY_SOURCE, COMPARED, LANGUAGE_MODEL, PARTITIONED
from mig_dagster.lineage import trace
from mig_dagster.stages.row_signals import SIGNALS
from tests.dag.tiny import (
    POOL_LEVEL,
    SOURCES,
    alpaca,
    failure,
    materialise,
    materialise_all,
    messages,
    versions,
)

EXPORTED = {
    "README.md",
    "reasons.parquet",
    "selection.lock.json",
    "subset.parquet",
    "train.jsonl",
    "llama-factory/dataset_info.json",
    "llama-factory/mig_subset.jsonl",
    "llama-factory/mig_subset.train.yaml",
    "trl/mig_subset.parquet",
    "trl/mig_subset.train.yaml",
}


def files_under(folder) -> dict[str, int]:
    """Return every file with its inode: one that is written again gets another."""
    return {str(path): path.stat().st_ino for path in sorted(folder.rglob("*")) if path.is_file()}


def test_every_asset_materialises_and_every_check_passes(finished):
    _, _, results = finished
    assert "".join(map(failure, results.values())) == ""
    checks = [check for result in results.values() for check in result.get_asset_check_evaluations()]
    assert {check.asset_key.to_user_string() for check in checks} == {
        *PARTITIONED,
        *LANGUAGE_MODEL,
        *POOL_LEVEL,
        *COMPARED,
    }
    failed = {(check.asset_key.to_user_string(), check.check_name) for check in checks if not check.passed}
    assert failed == {("indicators", "not_constant")}  # a warning: one source's answers are equally diverse


def test_the_subset_is_five_percent_of_the_pool_without_duplicates(finished):
    place, _, _ = finished
    lake = place.home.lake
    pool = lake.scan("pool").collect()
    assert (pool.height, lake.scan("pool", table="duplicates").collect().height) == (87, 3)
    subset = lake.scan("mig_subset").collect()
    assert subset["rank"].to_list() == [1, 2, 3, 4]
    assert subset.join(pool, on=["row_id", "source", "origin"], how="semi").height == 4


def test_records_turned_away_stand_beside_the_rows_with_their_reason(finished):
    place, _, _ = finished
    rejected = place.home.lake.scan("raw_pool", "notes", table="rejected").collect()
    assert rejected.select("source", "reason").rows() == [("notes", "wrong_type")]


def test_the_export_holds_the_conversations_in_the_order_of_choice(finished):
    place, _, _ = finished
    folder = Path(place.home.export_folder("mig_subset"))
    assert {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()} == EXPORTED
    lines = [json.loads(line) for line in (folder / "train.jsonl").read_text().splitlines()]
    subset = place.home.lake.scan("mig_subset").collect()
    raw = place.home.lake.scan("raw_pool", list(SOURCES)).collect()
    texts = dict(zip(raw["row_id"], raw["messages"].to_list(), strict=True))
    assert [line["messages"][0]["content"] for line in lines] == [texts[i][0]["content"] for i in subset["row_id"]]
    lock = json.loads((folder / "selection.lock.json").read_text())
    assert lock["scorer"] == "lexical, turn_mean"
    assert lock["inputs"]["mig_subset"] == place.home.lake.current("mig_subset").data_version
    assert set(lock["licences"]) == set(SOURCES)


def test_the_catalog_traces_a_chosen_row_to_its_source(finished):
    place, _, _ = finished
    chosen = place.home.lake.scan("mig_subset").collect().row(0, named=True)
    story = trace(place.home.catalog, place.home.lake, chosen["row_id"])
    assert chosen["origin"] in json.dumps(story, default=str)
    said = {line["signal"]: line["value"] for line in story["annotations"]}
    assert set(said) == set(SIGNALS)
    assert said["ifd_scores"]["ifd_ppl"] > 0
    assert {"len", "mtld", "rew", "ppl"} <= set(said["indicators"])
    with duckdb.connect(str(place.home.catalog), read_only=True) as database:
        found = database.execute("select asset, count(*) from runs group by asset").fetchall()
    before = {*PARTITIONED, *LANGUAGE_MODEL, *POOL_LEVEL, *COMPARED}  # the catalog holds the run of the one before it
    assert dict(found) == {asset: 3 if asset in PARTITIONED else 1 for asset in before}


def test_every_run_leaves_a_line_in_the_ledger(finished):
    place, _, results = finished
    runs = place.home.ledger.read("runs")
    made = {(key, version) for result in results.values() for key, version in versions(result).items()}
    assert set(runs.select("asset", "data_version").rows()) == made
    line = runs.filter(pl.col("asset") == "mig_subset").row(0, named=True)
    assert json.loads(line["config"])["budget"] == "5%"
    assert {"pool", "label_graph", "tags/maths", "quality_scores/notes"} <= set(json.loads(line["inputs"]))
    assert line["code_version"] == "1"
    assert line["started_at"] < line["ended_at"]
    assert 0 < line["seconds"] < 60
    revisions = place.home.ledger.read("revisions")
    assert revisions["source"].to_list() == list(SOURCES)


def test_a_run_of_a_backfill_is_recorded_under_its_source(place, instance):
    """Backfills name their partition as a range of one."""
    instance.add_dynamic_partitions("source", ["maths"])
    tags = {f"dagster/asset_partition_range_{end}": "maths" for end in ("start", "end")}
    assert failure(materialise(place, instance, *BY_SOURCE, tags=tags)) == ""
    assert set(place.home.ledger.read("runs")["partition"]) == {"maths"}
    assert materialise(place, instance, *POOL_LEVEL).success


def test_a_materialisation_shows_what_a_person_wants_to_see(finished):
    _, _, results = finished
    shown = {}
    for event in results["pool"].get_asset_materialization_events():
        shown[event.asset_key.to_user_string()] = event.materialization.metadata
    subset = shown["mig_subset"]
    assert subset["dagster/row_count"].value == 4
    assert subset["gain_curve"].value.startswith("![gain so far by rows taken](data:image/png;base64,")
    assert "| maths | 40 |" in subset["source_mix"].value
    assert subset["options"].value["gain"] == "gradient"
    assert subset["objective"].value > 0
    assert "gradient" in subset["warnings"].value[0]  # 4 rows of 24 labels: the gradient rule is not at its best
    assert "label_graph" in subset["inputs"].value
    assert len(subset["inputs_fingerprint"].value) == 16
    assert subset["dagster/column_schema"].value.columns[0].name == "rank"
    assert "messages" in shown["subset_export"]["preview"].value
    assert shown["label_graph"]["labels_by_degree"].value.startswith("| neighbours | labels |")
    assert (shown["label_embeddings"]["labels"].value, shown["label_embeddings"]["dimension"].value) == (38, 32)
    (scores,) = results["maths"].asset_materializations_for_node("quality_scores")
    assert scores.metadata["histogram"].value.startswith("![histogram of score](data:image/png")
    assert scores.metadata["scale"].value == "lexical, turn_mean"


def test_the_same_input_again_gives_the_same_versions_and_writes_nothing(place, instance):
    first = materialise_all(place, instance)
    before = files_under(place.folder / "home/lake")
    second = materialise_all(place, instance)
    assert "".join(map(failure, [*first.values(), *second.values()])) == ""
    for name in SOURCES:
        assert versions(second[name]) == versions(first[name])
    again = versions(second["pool"])
    assert {**versions(first["pool"]), "lineage_catalog": again["lineage_catalog"]} == again
    assert files_under(place.folder / "home/lake") == before


def test_a_file_that_was_only_touched_gives_the_same_version(place, instance):
    instance.add_dynamic_partitions("source", ["maths"])
    first = materialise(place, instance, "raw_pool", partition="maths")
    os.utime(place.folder / "data/maths.json")
    assert versions(materialise(place, instance, "raw_pool", partition="maths")) == versions(first)


def test_a_corrupt_source_fails_alone_and_the_rest_goes_on(place, instance):
    place.write("chat", [])
    (place.folder / "data/chat.jsonl.gz").write_bytes(b"no gzip at all")
    results = materialise_all(place, instance)
    assert {name: result.success for name, result in results.items()} == {
        "chat": False,
        "maths": True,
        "notes": True,
        "pool": True,
    }
    assert "chat.jsonl.gz" in failure(results["chat"])
    assert set(place.home.lake.scan("pool").collect()["source"]) == {"maths", "notes"}


def test_a_failed_blocking_check_leaves_the_version_before_it_current(place, instance):
    instance.add_dynamic_partitions("source", ["notes"])
    assert materialise(place, instance, "raw_pool", partition="notes").success
    good = place.home.lake.current("raw_pool", "notes")
    place.write("notes", [{"messages": "not a list"}] * 3)
    place.register("notes", format="messages")
    result = materialise(place, instance, "raw_pool", "row_signatures", partition="notes")
    assert not result.success
    told = failure(result)
    assert "not published: not_empty: 0 rows of 3 records (rejected: wrong_type 3): `mig-dagster sources check`" in told
    assert "an earlier version, if there is one, stays current" in told
    assert place.home.lake.current("raw_pool", "notes") == good
    (check,) = [c for c in result.get_asset_check_evaluations() if not c.passed]
    assert (check.check_name, check.blocking) == ("not_empty", True)
    assert result.get_asset_materialization_events() == []
    assert place.home.lake.current("row_signatures", "notes") is None


def test_a_new_source_changes_only_what_reads_it(place, instance):
    first = materialise_all(place, instance)
    place.write("extra", [messages(i) for i in range(100, 112)])
    place.register(*SOURCES, "extra")
    second = materialise_all(place, instance, sources=("extra",))
    assert second["extra"].success
    assert second["pool"].success
    assert versions(second["pool"])["pool"] != versions(first["pool"])["pool"]
    assert place.home.lake.scan("pool").collect().height == 99


def test_annotations_of_an_earlier_run_are_not_computed_again(place, instance, monkeypatch):
    instance.add_dynamic_partitions("source", ["maths"])
    assert materialise(place, instance, *BY_SOURCE, partition="maths").success
    place.write("maths", [alpaca(i) for i in range(41)])
    encoded = []
    from mig_dagster.annotations.encoder import SentenceEncoder

    forward = SentenceEncoder._forward
    monkeypatch.setattr(SentenceEncoder, "_forward", lambda self, texts: encoded.extend(texts) or forward(self, texts))
    assert materialise(place, instance, *BY_SOURCE, partition="maths").success
    assert encoded == ["Explain poetry exercise 40"]


def test_an_asset_whose_input_is_missing_says_what_to_materialise(place, instance):
    instance.add_dynamic_partitions("source", ["maths"])
    told = failure(materialise(place, instance, "pool"))
    assert "row_signatures has no published version for maths in" in told
    assert "materialise row_signatures first" in told
    assert "label_embeddings has no published version in" in failure(materialise(place, instance, "label_graph"))


def test_a_partition_that_is_not_registered_says_so(place, instance):
    instance.add_dynamic_partitions("source", ["ghost"])
    result = materialise(place, instance, "raw_pool", partition="ghost")
    assert "source 'ghost' is not in" in failure(result)
    assert "delete the partition" in failure(result)


def test_scores_on_two_scales_are_never_mixed(place, instance):
    materialise_all(place, instance)
    config = {"quality_scores": {"aggregation": "turn_sum"}}
    assert materialise(place, instance, "quality_scores", partition="chat", config=config).success
    result = materialise(place, instance, "mig_subset")
    assert "found lexical, turn_mean of maths, notes; lexical, turn_sum of chat" in failure(result)


def test_options_in_the_launchpad_reach_the_method(place, instance):
    materialise_all(place, instance)
    config = {"mig_subset": {"budget": "10", "gain": "exact", "norm": True}}
    result = materialise(place, instance, "mig_subset", config=config)
    assert result.success
    info = place.home.lake.current("mig_subset").info
    assert (info["rows"], info["options"]["gain"], info["options"]["norm"]) == (10, "exact", True)


def test_a_scorer_that_knows_none_of_the_rows_says_so_and_leaves_the_scores_as_they_were(place, instance):
    instance.add_dynamic_partitions("source", ["maths"])
    assert materialise(place, instance, "raw_pool", "quality_scores", partition="maths").success
    before = place.home.lake.current("quality_scores", "maths")
    config = {"quality_scores": {"scorer": "deita"}}
    told = failure(materialise(place, instance, "quality_scores", partition="maths", config=config))
    assert "40 (100.00%) of 40 rows lack a value (not_scored 40 (100.00%): the configured scorer imports its" in told
    assert "choose an option of quality_scores that gives these rows a value" in told
    assert place.home.lake.current("quality_scores", "maths") == before


def test_a_catalog_that_disagrees_with_the_ledger_never_takes_the_place_of_the_one_before(place, instance):
    materialise_all(place, instance)
    before = Path(place.home.catalog).read_bytes()
    line = {"data_version": place.home.lake.current("pool").data_version, "rows": 5}
    place.home.ledger.record("runs", [line], asset="pool", partition=None, run_id="another")
    result = materialise(place, instance, "lineage_catalog")
    assert "not published: totals_equal_ledger: pool 87 of 92; materialise them again" in failure(result)
    assert Path(place.home.catalog).read_bytes() == before
    assert [path.name for path in Path(place.home.catalog).parent.iterdir()] == ["lineage.duckdb"]

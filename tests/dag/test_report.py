"""All methods side by side, on the tiny project."""

import base64
import json
import math
import re

import duckdb
import polars as pl
import pytest

from assets.jobs import COMPARED
from assets.report_checks import report_checks
from assets.report_page import publish_page
from mig_dagster.lineage.queries import ask
from mig_dagster.selection import METHODS
from mig_dagster.stages.compare.comparison import COMPARISON_SCHEMAS
from mig_dagster.stages.compare.random_spread import SEEDS
from resources.home import MigHome
from tests.dag.tiny import SOURCES, failure, materialise, materialise_all
from tests.report.small_report import small_inputs

MADE = sorted(f"{method}_subset" for method in METHODS)


def report(place, table="rows") -> pl.DataFrame:
    return place.home.lake.scan("selection_report", table=table).collect()


def errors(place) -> dict[str, str]:
    return dict(report(place).filter(pl.col("error").is_not_null()).select("name", "error").iter_rows())


def check(result, asset, name):
    (found,) = [
        each
        for each in result.get_asset_check_evaluations()
        if (each.asset_key.to_user_string(), each.check_name) == (asset, name)
    ]
    return found


@pytest.fixture
def annotated(place, instance):
    """A project of one's own, everything but the compared methods made."""
    materialise_all(place, instance)
    return place


def test_one_run_makes_every_subset_and_the_report_after_them(finished):
    place, _, results = finished
    run = results["compared"]
    assert run.success
    made = [event.asset_key.to_user_string() for event in run.get_asset_materialization_events()]
    assert sorted(made) == sorted({*MADE, "selection_report"} - {"mig_subset"})
    assert made[-1] == "selection_report"
    assert report(place).filter(pl.col("error").is_null())["name"].to_list() == MADE


def test_every_method_is_compared(finished):
    place, _, results = finished
    found = check(results["compared"], "selection_report", "every_method_present")
    assert (found.passed, found.description) == (True, f"{len(METHODS)} of {len(METHODS)} methods compared")
    assert report(place)["error"].null_count() == report(place).height


def test_every_subset_is_measured_beside_chance(finished):
    place, _, _ = finished
    for name, schema in COMPARISON_SCHEMAS.items():
        stored = {column: kind for column, kind in schema.items() if column != "seconds"}
        assert report(place, name).schema == stored
    rows = report(place).filter(pl.col("error").is_null())
    for measure in ("tokens", "mean_score", "labels_covered", "information", "nearest_distance"):
        assert rows[measure].null_count() == 0, measure
    best = rows.sort("information", descending=True)["name"][0]
    assert best == "mig_subset"
    spread = report(place, "random_spread")
    assert set(spread["seeds"]) == {len(SEEDS)}
    assert spread.filter(pl.col("measure") == "information")["sd"][0] > 0
    overlap = report(place, "overlap")
    assert overlap.height == len(MADE) * (len(MADE) - 1)


def test_the_report_is_shown_as_a_table_and_a_small_picture(finished):
    _, _, results = finished
    (event,) = results["compared"].asset_materializations_for_node("selection_report")
    lines = event.metadata["comparison"].value.splitlines()
    assert lines[0].startswith("| subset | rows | tokens | mean score | labels covered | information |")
    assert [line.split(" | ")[0].strip("| ") for line in lines[2:]] == [*MADE, f"random, {len(SEEDS)} seeds"]
    assert " ± " in lines[-1]
    picture = event.metadata["overlap"].value
    assert len(base64.b64decode(picture.split("base64,")[1].rstrip(")"))) < 20_000
    assert event.metadata["not_compared"].value == []


def test_the_report_is_a_page_in_the_home_that_the_ui_leads_to(finished):
    place, _, results = finished
    (event,) = results["compared"].asset_materializations_for_node("selection_report")
    folder = "reports/selection_report"
    assert event.metadata["report_file"].value == place.home.store.uri(f"{folder}/report.html")
    assert "report" not in event.metadata  # nobody serves it
    page = place.home.store.read(f"{folder}/report.html").decode()
    assert "<h1>mig_subset</h1>" in page
    assert f"It stands beside {len(METHODS) - 1} other choices." in page
    linked = {f"{folder}/{name}" for name in re.findall(r'href="([^"#]+\.parquet)"', page)}
    assert linked == {path for path in place.home.store.list(folder) if path.endswith(".parquet")}
    assert event.metadata["report_lacks"].value == []


def test_where_reports_are_served_the_ui_links_to_the_page_and_an_earlier_tables_are_gone(tmp_path):
    home = MigHome(root=str(tmp_path), reports_url="http://reports.example/")
    home.store.replace("reports/selection_report/earlier.parquet", b"")
    shown = publish_page(home, "selection_report", small_inputs(), {}, lambda done, of: None)
    assert shown["report"].value == "http://reports.example/selection_report/report.html"
    assert not home.store.exists("reports/selection_report/earlier.parquet")
    assert home.store.exists("reports/selection_report/report.html")


def test_the_report_says_what_it_was_made_from(finished):
    place, _, _ = finished
    inputs = place.home.lake.current("selection_report").inputs
    assert {"pool", "label_graph", "tags/chat", "row_embeddings/maths", "raw_pool/notes", *MADE} <= set(inputs)
    assert inputs["mig_subset"] == place.home.lake.current("mig_subset").data_version


def test_the_catalog_compares_in_sql(finished):
    place, _, _ = finished
    found = ask(place.home.catalog, "methods_beside_random")
    assert set(found["subset"]) == set(MADE)
    alone = ask(place.home.catalog, "rows_that_only_one_method_chose")
    assert set(alone["subset"]) <= set(MADE)
    with duckdb.connect(str(place.home.catalog), read_only=True) as database:
        assert database.execute("select distinct subset from clusters").fetchall() == [("car_subset",)]
        assert database.execute("select count(*), count(seconds) from comparison where error is null").fetchone() == (
            len(MADE),
            len(MADE),
        )
        options = database.execute("select options from comparison where subset = 'random_subset'").fetchone()
        assert json.loads(options[0]) == {"seed": 42}
        assert database.execute("select count(*) from comparison_overlap where other = 'mig_subset'").fetchone() == (
            len(MADE) - 1,
        )


def test_the_same_subsets_again_are_the_same_version_of_the_report_though_they_took_another_time(annotated, instance):
    assert materialise(annotated, instance, "random_subset", "selection_report").success
    first = annotated.home.lake.current("selection_report")
    assert materialise(annotated, instance, "random_subset", "selection_report").success
    assert annotated.home.lake.history("selection_report") == [first]
    assert materialise(annotated, instance, "lineage_catalog").success
    seconds = annotated.home.ledger.read("runs", "random_subset")["seconds"]
    assert len(seconds) == 2
    with duckdb.connect(str(annotated.home.catalog), read_only=True) as database:
        told = dict(database.execute("select subset, seconds from comparison where error is null").fetchall())
    assert told["random_subset"] == seconds[1]
    assert told["longest"] is None  # chosen by the comparison itself


def test_a_subset_of_an_earlier_pool_is_not_compared_until_it_is_made_again(annotated, instance):
    assert materialise(annotated, instance, "random_subset").success
    instance.delete_dynamic_partition("source", "notes")
    assert materialise(annotated, instance, "pool").success
    result = materialise(annotated, instance, "mig_subset", "selection_report")
    assert result.success
    assert errors(annotated)["random_subset"] == "chosen from other versions of pool: materialise random_subset again"
    assert errors(annotated)["car_subset"] == "never made: materialise car_subset"
    assert "mig_subset" not in errors(annotated)


def test_a_subset_chosen_from_scores_on_another_scale_is_not_compared_until_it_is_made_again(annotated, instance):
    assert materialise(annotated, instance, "deita_subset", "random_subset").success
    summed = {"quality_scores": {"aggregation": "turn_sum"}}
    for source in SOURCES:
        assert materialise(annotated, instance, "quality_scores", partition=source, config=summed).success
    result = materialise(annotated, instance, "qdit_subset", "selection_report")
    assert result.success
    for stale in ("deita_subset", "mig_subset"):
        assert errors(annotated)[stale] == f"chosen from other versions of quality_scores: materialise {stale} again"
    assert not {"qdit_subset", "random_subset"} & set(errors(annotated))  # random choices do not read scores
    found = check(result, "selection_report", "every_method_present")
    assert (found.passed, "mig_subset: chosen from other versions" in found.description) == (False, True)
    assert materialise(annotated, instance, "deita_subset", "mig_subset", "selection_report").success
    assert not {"deita_subset", "mig_subset"} & set(errors(annotated))


def test_a_subset_chosen_before_a_source_was_annotated_is_not_compared(annotated, instance):
    """The rows were in the pool, and the method could not consider them."""
    lake = annotated.home.lake
    made = lake.current("mig_subset")
    blind = {name: version for name, version in made.inputs.items() if name != "tags/notes"}
    tables = {table: lake.scan("mig_subset", table=table).collect() for table in made.tables}
    lake.publish(lake.write("mig_subset", tables, inputs=blind, info=made.info))
    assert materialise(annotated, instance, "selection_report").success
    assert errors(annotated)["mig_subset"] == "chosen from other versions of tags: materialise mig_subset again"


def test_every_method_has_one_line_also_where_the_comparison_chose_a_baseline_itself(annotated, instance):
    result = materialise(annotated, instance, "selection_report")
    assert failure(result) == ""
    assert sorted(report(annotated)["method"]) == sorted(METHODS)
    compared = report(annotated).filter(pl.col("error").is_null())
    assert compared["name"].to_list() == ["mig_subset", "balanced_random", "longest"]
    found = check(result, "selection_report", "every_method_present")
    assert found.description.startswith(f"3 of {len(METHODS)} methods compared; ")
    for method in ("balanced_random", "longest"):
        why = f"never made: materialise {method}_subset"
        assert f"{method}: chosen by the comparison itself, the subset was {why}" in found.description
    assert not found.passed


def test_inputs_that_somebody_brings_are_used(annotated, instance):
    """Where an annotator's values are in the lake, its methods run like all others."""
    lake = annotated.home.lake
    for source in ("chat", "maths", "notes"):
        ids = lake.scan("raw_pool", source).select("row_id").unique(maintain_order=True).collect()
        values = {"ifd_loss": 0.6, "ifd_ppl": 0.5, "annotator": "x", "provenance": "imported"}
        frame = ids.with_columns(
            **{name: pl.lit(value) for name, value in values.items()}, flag=pl.lit(None, pl.String)
        )
        who = {"annotators": {"x": {"name": "ifd", "model": "theirs"}}, "speakers": {"imported": {"x": len(ids)}}}
        lake.publish(lake.write("ifd_scores", frame, partition=source, info=who))
    result = materialise(annotated, instance, "ifd_subset", "iterit_subset")
    assert failure(result) == ""
    for asset in ("ifd_subset", "iterit_subset"):
        assert lake.current(asset).rows == 4
        assert "ifd_scores/maths" in lake.current(asset).inputs


def test_an_input_with_an_asset_of_its_own_and_no_version_is_an_error(place, instance):
    instance.add_dynamic_partitions("source", ["maths"])
    told = failure(materialise(place, instance, *COMPARED))
    assert "pool has no published version" in told


def test_a_measure_that_is_no_number_is_not_published():
    tables = {name: pl.DataFrame(schema=schema) for name, schema in COMPARISON_SCHEMAS.items()}
    line = {"name": "a_subset", "method": "a", "rows": 1, "information": math.nan}
    tables["rows"] = pl.DataFrame([line], schema=COMPARISON_SCHEMAS["rows"])
    finite, present = report_checks(tables, {})
    assert (finite.passed, finite.description) == (False, "rows.information")
    assert (present.passed, present.description) == (True, "1 of 1 methods compared")

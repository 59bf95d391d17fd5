"""A way through the UI: sources appear, a backfill and a group are launched by buttons, results are read."""

import re

import pytest

from assets.jobs import POOL_LEVEL
from mig_dagster.selection import METHODS
from mig_dagster.stages.missing_inputs import missing_inputs
from tests.dag import graphql

PARTITIONS = (
    """query($key: AssetKeyInput!) { assetNodeOrError(assetKey: $key) { ... on AssetNode { partitionKeys } } }"""
)
BACKFILLS = """query { partitionBackfillsOrError(limit: 5) { ... on PartitionBackfills { results { id status } } } }"""
LATEST = """query { assetsOrError { ... on AssetConnection { nodes { key { path } assetMaterializations(limit: 1) {
  runId } } } } }"""
RUNS = """query { runsOrError(limit: 1) { ... on Runs { results { id assetSelection { path } } } } }"""
REST = ["row_signatures", "tags", "quality_scores", "row_embeddings"]
SUBSETS = [f"{method}_subset" for method in METHODS]
NOT_MADE = [f"{method}_subset" for method in METHODS if missing_inputs(method)]

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(480)]


def backfilled(server, backfill) -> bool:
    status = server.ask(graphql.BACKFILL_STATUS, id=backfill)
    assert status["status"] in ("REQUESTED", "COMPLETED_SUCCESS"), status
    return status["status"] == "COMPLETED_SUCCESS"


def launched(server, job, assets, partition=None) -> str:
    answer = server.ask(graphql.LAUNCH, params=graphql.run_params(job, assets, partition=partition))
    assert answer["__typename"] == "LaunchRunSuccess", answer
    return answer["run"]["runId"]


def succeeded(server, run) -> bool:
    status = server.ask(graphql.RUN_STATUS, id=run)["status"]
    assert status not in ("FAILURE", "CANCELED"), f"run {run}: {status}"
    return status == "SUCCESS"


def running(server) -> list[str]:
    """Return the newest run where it is one of the whole group."""
    (run,) = server.ask(RUNS)["results"]
    chosen = {key["path"][-1] for key in run["assetSelection"] or []}
    return [run["id"]] if chosen >= set(SUBSETS) else []


def compare_methods(server, page):
    """Materialise the group of all subsets by its button, then the report, and look at what is shown of them."""
    page.goto(f"{server.url}/locations/mig_dagster/asset-groups/subsets")
    page.get_by_role("button", name=re.compile("Materialize all")).first.click()
    (run,) = server.wait("run of the group", lambda: running(server), 60)
    server.wait("end of it", lambda: succeeded(server, run), 120)
    made = {node["key"]["path"][-1]: node for node in server.ask(LATEST)["nodes"]}
    assert {name for name in SUBSETS if made[name]["assetMaterializations"]} == set(SUBSETS) - set(NOT_MADE)
    run = launched(server, "compare_methods", ["selection_report"])
    server.wait("end of the report's run", lambda: succeeded(server, run), 120)

    page.goto(f"{server.url}/assets/ifd_subset?view=checks&checkDetail=inputs_present")
    page.get_by_text("no annotator that makes them is configured").first.wait_for()
    page.goto(f"{server.url}/assets/selection_report")
    for text in ("comparison", "overlap", "not_compared"):
        page.get_by_text(text, exact=True).first.wait_for()


def test_sources_appear_a_backfill_is_launched_and_all_methods_are_compared(server, page):
    key = {"path": ["raw_pool"]}
    server.wait(
        "partition from the sources sensor",
        lambda: server.ask(PARTITIONS, key=key)["partitionKeys"] == ["maths", "notes"],
        90,
    )

    page.goto(f"{server.url}/assets/raw_pool")
    page.get_by_role("button", name=re.compile("Materialize")).first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("All", exact=True).first.click()
    dialog.get_by_role("button", name=re.compile("Launch")).last.click()
    (backfill,) = server.wait("backfill", lambda: server.ask(BACKFILLS)["results"], 60)
    server.wait("end of it", lambda: backfilled(server, backfill["id"]), 120)

    runs = [launched(server, "ingest_and_annotate", REST, partition=name) for name in ("maths", "notes")]
    server.wait("end of the annotations", lambda: all(succeeded(server, run) for run in runs), 120)
    run = launched(server, "rebuild_label_space_and_subsets", list(POOL_LEVEL))
    server.wait("end of the subset's run", lambda: succeeded(server, run), 120)

    (made,) = server.ask(graphql.MATERIALISATIONS, key={"path": ["mig_subset"]})["assetMaterializations"]
    assert graphql.shown(made)["dagster/row_count"] == 5
    page.goto(f"{server.url}/assets/mig_subset")
    for text in ("source_mix", "gain_curve", "labels_covered", "objective"):
        page.get_by_text(text, exact=True).first.wait_for()
    page.goto(f"{server.url}/assets/label_graph?view=checks")
    page.get_by_text("symmetric", exact=True).first.wait_for()

    compare_methods(server, page)

"""A way through the UI: sources appear, a backfill is launched by its buttons, the metadata of the subset is read."""

import re

import pytest

from tests.dag import graphql

PARTITIONS = (
    """query($key: AssetKeyInput!) { assetNodeOrError(assetKey: $key) { ... on AssetNode { partitionKeys } } }"""
)
BACKFILLS = """query { partitionBackfillsOrError(limit: 5) { ... on PartitionBackfills { results { id status } } } }"""
REST = ["row_signatures", "tags", "quality_scores", "row_embeddings"]
POOL_LEVEL = ["pool", "label_vocabulary", "label_embeddings", "label_graph", "mig_subset", "subset_export"]

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


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


def test_sources_appear_a_backfill_is_launched_and_the_subset_shows_what_it_is(server, page):
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
    run = launched(server, "rebuild_label_space_and_subsets", POOL_LEVEL)
    server.wait("end of the subset's run", lambda: succeeded(server, run), 120)

    (made,) = server.ask(graphql.MATERIALISATIONS, key={"path": ["mig_subset"]})["assetMaterializations"]
    assert graphql.shown(made)["dagster/row_count"] == 5
    page.goto(f"{server.url}/assets/mig_subset")
    for text in ("source_mix", "gain_curve", "labels_covered", "objective"):
        page.get_by_text(text, exact=True).first.wait_for()
    page.goto(f"{server.url}/assets/label_graph?view=checks")
    page.get_by_text("symmetric", exact=True).first.wait_for()

"""A way through the UI: sources appear, one run, a backfill and a group are launched by buttons, results are read."""

import re

import pytest

from assets.jobs import LANGUAGE_MODEL, POOL_LEVEL
from mig_dagster.selection import METHODS
from mig_dagster.stages.row_signals import BY_LANGUAGE_MODEL
from tests.dag import graphql

PARTITIONS = (
    """query($key: AssetKeyInput!) { assetNodeOrError(assetKey: $key) { ... on AssetNode { partitionKeys } } }"""
)
BACKFILLS = """query { partitionBackfillsOrError(limit: 5) { ... on PartitionBackfills { results { id status } } } }"""
LATEST = """query { assetsOrError { ... on AssetConnection { nodes { key { path } assetMaterializations(limit: 1) {
  runId } } } } }"""
RUNS = """query { runsOrError(limit: 1) { ... on Runs { results { id assetSelection { path } } } } }"""
OF_BACKFILL = (
    """query($filter: RunsFilter) { runsOrError(filter: $filter) { ... on Runs { results { id status } } } }"""
)
SOURCES = ["maths", "notes", "spoiled"]
GOOD = ["maths", "notes"]
REST = ["row_signatures", "tags", "quality_scores", "row_embeddings", "token_counts"]
SUBSETS = [f"{method}_subset" for method in METHODS]

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]


def backfilled(server, backfill) -> bool:
    """Say whether a backfill is over; the source without answers fails it."""
    status = server.ask(graphql.BACKFILL_STATUS, id=backfill)
    assert status["status"] in ("REQUESTED", "FAILING", "COMPLETED_FAILED"), status
    return status["status"] == "COMPLETED_FAILED"


def launched(server, job, assets, partition=None) -> str:
    answer = server.ask(graphql.LAUNCH, params=graphql.run_params(job, assets, partition=partition))
    assert answer["__typename"] == "LaunchRunSuccess", answer
    return answer["run"]["runId"]


def succeeded(server, run) -> bool:
    status = server.ask(graphql.RUN_STATUS, id=run)["status"]
    assert status not in ("FAILURE", "CANCELED"), f"run {run}: {status}"
    return status == "SUCCESS"


def over(server, run) -> str | None:
    """Return how a run ended, once it did."""
    status = server.ask(graphql.RUN_STATUS, id=run)["status"]
    return status if status in ("SUCCESS", "FAILURE", "CANCELED") else None


def newest(server, assets) -> list[str]:
    """Return the newest run where it is one of these assets."""
    found = server.ask(RUNS)["results"]
    return [run["id"] for run in found if [key["path"][-1] for key in run["assetSelection"] or []] == assets]


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
    server.wait("end of it", lambda: succeeded(server, run), 240)
    made = {node["key"]["path"][-1]: node for node in server.ask(LATEST)["nodes"]}
    assert [name for name in SUBSETS if not made[name]["assetMaterializations"]] == []
    run = launched(server, "compare_methods", ["selection_report"])
    server.wait("end of the report's run", lambda: succeeded(server, run), 240)

    page.goto(f"{server.url}/assets/selection_report")
    for text in ("comparison", "overlap", "not_compared"):
        page.get_by_text(text, exact=True).first.wait_for()
    follow_to_the_report(server, page)


def follow_to_the_report(server, page):
    """Click on the link among the metadata, and look at the page that it leads to."""
    complaints = []
    with page.context.expect_page() as opened:
        page.locator(f"a[href^='{server.reports}/selection_report/']").first.click()
    report = opened.value
    report.on("pageerror", lambda error: complaints.append(str(error)))
    report.wait_for_selector("[data-drawn]")
    assert report.title() == "mig_subset: selection report"
    for place in report.locator("[data-chart]").all():
        place.scroll_into_view_if_needed()
    report.wait_for_function("!document.querySelector('[data-chart]:not([data-drawn])')")
    nothing_ran(report)
    assert complaints == []
    with report.expect_download() as table:
        report.get_by_role("link", name="source_mix.parquet").click()
    assert table.value.failure() is None
    report.close()


@pytest.fixture
def watched(page):
    """A page that notes what a text of a row made it do; nothing must."""
    done = []
    page.on("dialog", lambda dialog: (done.append(dialog.message), dialog.dismiss()))
    page.on("request", lambda request: done.append(request.url) if "planted" in request.url else None)
    page.on("console", lambda message: done.append(message.text) if "planted" in message.text else None)
    yield page
    assert done == []


def nothing_ran(page) -> None:
    assert page.evaluate("window.planted") is None
    assert page.locator("img[src*=planted], a[href^=javascript], script:text('planted')").count() == 0


def materialise(server, page, partition=None) -> None:
    """Press *Materialize* on raw_pool's page, for one source or for all."""
    page.goto(f"{server.url}/assets/raw_pool")
    page.get_by_role("button", name=re.compile("Materialize")).first.click()
    dialog = page.get_by_role("dialog")
    if partition is None:
        dialog.get_by_text("All", exact=True).first.click()
    else:
        dialog.get_by_text("Select a partition or create one").click()
        page.get_by_text(partition, exact=True).locator("visible=true").last.click()
        dialog.get_by_text("Launch runs to materialize").first.click()  # closes the list
    dialog.get_by_role("button", name=re.compile("Launch")).last.click()


def one_source(server, page):
    """Read one source by its button, and look at its rows, which hold what a page could take for its own."""
    materialise(server, page, "notes")
    (run,) = server.wait("run of one source", lambda: newest(server, ["raw_pool"]), 60)
    assert server.wait("end of it", lambda: over(server, run), 240) == "SUCCESS"
    page.goto(f"{server.url}/assets/raw_pool?view=partitions&partition=notes")
    page.get_by_text("preview", exact=True).first.wait_for()
    page.get_by_text("Show Markdown").first.click()
    page.get_by_text("window.planted").first.wait_for()
    nothing_ran(page)


def three_sources(server, page):
    """Read all three by one backfill: two succeed, and the check of the third says why it does not."""
    before = server.ask(BACKFILLS)["results"]
    materialise(server, page)
    (backfill,) = server.wait("backfill", lambda: server.ask(BACKFILLS)["results"][: -len(before) or None], 60)
    server.wait("end of it", lambda: backfilled(server, backfill["id"]), 240)
    tag = {"key": "dagster/backfill", "value": backfill["id"]}
    runs = server.ask(OF_BACKFILL, filter={"tags": [tag]})["results"]
    assert sorted(run["status"] for run in runs) == ["FAILURE", "SUCCESS", "SUCCESS"]
    # The page shows the check's last result, and whose of the three that is nobody knows.
    run = launched(server, "ingest_and_annotate", ["raw_pool"], partition="spoiled")
    assert server.wait("end of it", lambda: over(server, run), 240) == "FAILURE"
    page.goto(f"{server.url}/assets/raw_pool?view=checks&checkDetail=not_empty")
    page.get_by_text("0 rows of 7 records (rejected: empty_answer 7)").first.wait_for()


def no_way_out(server):
    """Add a partition that would lead out of MIG_HOME, and run it."""
    added = server.ask(graphql.ADD_PARTITION, selector=graphql.SELECTOR, key="../../../escape")
    assert added["__typename"] == "AddDynamicPartitionSuccess", added
    run = launched(server, "ingest_and_annotate", ["raw_pool"], partition="../../../escape")
    assert server.wait("end of it", lambda: over(server, run), 240) == "FAILURE"
    assert list(server.place.folder.parent.rglob("escape*")) == []


def test_sources_appear_are_read_by_buttons_and_all_methods_are_compared(server, watched):
    page = watched
    key = {"path": ["raw_pool"]}
    server.wait(
        "partition from the sources sensor",
        lambda: server.ask(PARTITIONS, key=key)["partitionKeys"] == SOURCES,
        90,
    )
    one_source(server, page)
    three_sources(server, page)
    no_way_out(server)

    runs = [launched(server, "ingest_and_annotate", REST, partition=name) for name in GOOD]
    server.wait("end of the annotations", lambda: all(succeeded(server, run) for run in runs), 240)
    run = launched(server, "rebuild_label_space_and_subsets", list(POOL_LEVEL))
    server.wait("end of the subset's run", lambda: succeeded(server, run), 240)

    (made,) = server.ask(graphql.MATERIALISATIONS, key={"path": ["mig_subset"]})["assetMaterializations"]
    assert graphql.shown(made)["dagster/row_count"] == 5
    page.goto(f"{server.url}/assets/mig_subset")
    for text in ("source_mix", "gain_curve", "labels_covered", "objective"):
        page.get_by_text(text, exact=True).first.wait_for()
    nothing_ran(page)
    page.goto(f"{server.url}/assets/label_graph?view=checks")
    page.get_by_text("symmetric", exact=True).first.wait_for()

    run = launched(server, "train_language_model", list(LANGUAGE_MODEL))
    server.wait("end of the training", lambda: succeeded(server, run), 240)
    runs = [launched(server, "score_by_language_model", list(BY_LANGUAGE_MODEL), partition=name) for name in GOOD]
    server.wait("end of the scoring", lambda: all(succeeded(server, run) for run in runs), 240)
    page.goto(f"{server.url}/assets/pool_language_model?view=checks")
    page.get_by_text("better_than_unigram", exact=True).first.wait_for()
    page.goto(f"{server.url}/assets/ifd_scores?view=partitions&partition=maths")
    page.get_by_text("quantiles", exact=True).first.wait_for()
    compare_methods(server, page)
    nothing_ran(page)

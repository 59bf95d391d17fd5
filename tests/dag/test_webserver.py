"""The webserver's GraphQL over the real workspace file: what the UI sees, and what its buttons do."""

import os
import time
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import WorkspaceFileTarget
from dagster_webserver.app import create_app_from_workspace_process_context
from starlette.testclient import TestClient

from tests.dag import graphql
from tests.dag.tiny import POOL_LEVEL, TinyProject, fill

CHECKOUT = Path(__file__).parents[2]
# Runs start at once, in processes of the code server: there is no daemon here to take them from a queue.
INSTANCE = """
telemetry: {enabled: false}
run_coordinator: {module: dagster._core.run_coordinator, class: DefaultRunCoordinator}
"""

# The webserver runs in this process, and Dagster uses what it has itself deprecated.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")


@pytest.fixture(scope="module")
def ask(tmp_path_factory, encoder_folder):
    """Return a function that sends a query to a webserver over a fresh project."""
    folder = tmp_path_factory.mktemp("webserver")
    place = fill(TinyProject(folder, encoder_folder))
    (folder / "dagster.yaml").write_text(INSTANCE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MIG_HOME", str(folder / "home"))
        patch.setenv("MIG_SOURCES", str(place.registry))
        patch.chdir(CHECKOUT)
        target = WorkspaceFileTarget([str(CHECKOUT / "workspace.yaml")])
        with (
            dg.DagsterInstance.from_config(str(folder)) as instance,
            WorkspaceProcessContext(instance, target) as workspace,
            TestClient(create_app_from_workspace_process_context(workspace)) as client,
        ):

            def send(query, **variables):
                answer = client.post("/graphql", json={"query": query, "variables": variables}).json()
                assert "errors" not in answer, answer["errors"]
                return next(iter(answer["data"].values()))

            yield send


def finished(ask, run_id, seconds=120):
    """Return a run's status once it is over."""
    deadline = time.monotonic() + seconds
    while (status := ask(graphql.RUN_STATUS, id=run_id)["status"]) not in ("SUCCESS", "FAILURE", "CANCELED"):
        assert time.monotonic() < deadline, f"run {run_id} is {status} after {seconds} s"
        time.sleep(0.5)
    return status


def test_the_assets_are_listed_with_their_groups_and_pools(ask):
    nodes = {node["key"]["path"][-1]: node["definition"] for node in ask(graphql.ASSETS)["nodes"]}
    assert {"source_revisions", "raw_pool", *POOL_LEVEL} <= set(nodes)
    assert nodes["tags"]["groupName"] == "annotations"
    assert nodes["tags"]["pools"] == ["gpu"]
    assert nodes["raw_pool"]["isPartitioned"]
    assert not nodes["mig_subset"]["isPartitioned"]


def test_a_partition_is_added_and_materialised_and_its_metadata_read(ask):
    assert ask(graphql.ADD_PARTITION, selector=graphql.SELECTOR, key="maths")["partitionKey"] == "maths"
    launched = ask(graphql.LAUNCH, params=graphql.run_params("ingest_and_annotate", ["raw_pool"], partition="maths"))
    assert launched["__typename"] == "LaunchRunSuccess", launched
    assert finished(ask, launched["run"]["runId"]) == "SUCCESS"
    (made,) = ask(graphql.MATERIALISATIONS, key={"path": ["raw_pool"]})["assetMaterializations"]
    assert made["partition"] == "maths"
    metadata = graphql.shown(made)
    assert (metadata["records"], metadata["accepted"], metadata["rejected"]) == (40, 40, 0)
    assert metadata["preview"].startswith("| row_id |")


def test_a_backfill_over_sources_is_accepted(ask):
    ask(graphql.ADD_PARTITION, selector=graphql.SELECTOR, key="chat")
    params = {"assetSelection": [{"path": ["raw_pool"]}], "partitionNames": ["chat", "maths"]}
    launched = ask(graphql.BACKFILL, params=params)
    assert launched["__typename"] == "LaunchBackfillSuccess", launched
    status = ask(graphql.BACKFILL_STATUS, id=launched["backfillId"])
    assert (status["status"], status["numPartitions"]) == ("REQUESTED", 2)


def test_a_backfill_may_be_of_one_annotation_and_some_sources(ask):
    for name in ("chat", "maths", "notes"):
        ask(graphql.ADD_PARTITION, selector=graphql.SELECTOR, key=name)
    params = {"assetSelection": [{"path": ["tags"]}], "partitionNames": ["chat", "notes"]}
    launched = ask(graphql.BACKFILL, params=params)
    status = ask(graphql.BACKFILL_STATUS, id=launched["backfillId"])
    assert (status["numPartitions"], status["assetSelection"]) == (2, [{"path": ["tags"]}])


def test_a_wrong_option_is_refused_before_anything_runs(ask):
    config = {"ops": {"mig_subset": {"config": {"gain": "psychic"}}}}
    params = graphql.run_params("rebuild_label_space_and_subsets", ["mig_subset"], config=config)
    refused = ask(graphql.LAUNCH, params=params)
    assert refused["__typename"] == "RunConfigValidationInvalid"
    assert "psychic" in refused["errors"][0]["message"]


def test_the_environment_reaches_the_code_server(ask):
    assert Path(os.environ["MIG_HOME"], "lake/raw_pool/source=maths").is_dir()

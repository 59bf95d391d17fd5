"""`mig-dagster backfill` on a real instance, with a daemon that takes up backfills in this process."""

import builtins
import json
import logging
import threading
import time
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import WorkspaceFileTarget
from dagster._daemon.backfill import execute_backfill_iteration
from dagster._daemon.types import DaemonHeartbeat

from assets.backfills import Plan, launch, progress
from mig_dagster.definitions import defs
from tests.cli.running import run
from tests.dag.tiny import TinyProject, fill, materialise

CHECKOUT = Path(__file__).parents[2]
# Runs start at once, in processes of the code server: there is no daemon here to take them from a queue.
INSTANCE = """# for a test
telemetry: {enabled: false}
run_coordinator: {module: dagster._core.run_coordinator, class: DefaultRunCoordinator}
"""

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")


@pytest.fixture(scope="module")
def home(tmp_path_factory, encoder_folder):
    """Three sources, their partitions and raw pools; the environment of the command is pointed at them."""
    folder = tmp_path_factory.mktemp("backfill")
    place = fill(TinyProject(folder, encoder_folder))
    dagster_home = folder / "dagster_home"
    dagster_home.mkdir()
    (dagster_home / "dagster.yaml").write_text(INSTANCE)
    with pytest.MonkeyPatch.context() as patch:
        for name, path in (
            ("DAGSTER_HOME", dagster_home),
            ("MIG_HOME", folder / "home"),
            ("MIG_SOURCES", place.registry),
        ):
            patch.setenv(name, str(path))
        patch.chdir(CHECKOUT)
        with dg.DagsterInstance.get() as instance:
            instance.add_dynamic_partitions("source", ["chat", "maths", "notes"])
            for name in ("chat", "maths", "notes"):
                assert materialise(place, instance, "raw_pool", partition=name).success
            yield place, instance


def heartbeat(instance, age=0.0):
    instance.add_daemon_heartbeat(DaemonHeartbeat(time.time() - age, "BACKFILL", "a-daemon", []))


def backfills(instance):
    return {found.backfill_id: found for found in instance.get_backfills()}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name sources with --sources a,b, or take all with --all: one of the two"),
        (["--all", "--sources", "chat"], "one of the two"),
        (["--sources", "chta"], "--sources names 'chta', which is no source; did you mean 'chat'? Known are: chat,"),
        (
            ["--all", "--assets", "tag"],
            "--assets names 'tag', which is no asset with a partition a source; did you mean",
        ),
        (["--all", "--assets", "mig_subset"], "'mig_subset', which is no asset with a partition a source"),
    ],
)
def test_a_wrong_request_says_what_there_is_and_starts_nothing(home, arguments, message):
    _, instance = home
    before = backfills(instance)
    code, _, stderr = run("backfill", *arguments)
    assert code == 2
    assert message in stderr
    assert backfills(instance).keys() == before.keys()


def test_a_source_that_was_just_registered_has_no_partition_yet(home):
    place, _ = home
    try:
        place.register("chat", "maths", "notes", "extra")
        code, _, stderr = run("backfill", "--sources", "extra")
    finally:
        place.register("chat", "maths", "notes")
    assert code == 2
    assert "source 'extra' has no partition yet: a running `make dev` adds it within 30 seconds" in stderr


def test_annotations_of_a_source_that_was_never_read_need_its_rows_first(home):
    _, instance = home
    instance.add_dynamic_partitions("source", ["unread"])
    try:
        code, _, stderr = run("backfill", "--all", "--assets", "tags")
        dry, told, _ = run("backfill", "--all", "--assets", "tags,raw_pool", "--dry-run", "--json")
    finally:
        instance.delete_dynamic_partition("source", "unread")
    assert code == 2
    assert "raw_pool of unread was never made: add raw_pool to --assets" in stderr
    assert (dry, json.loads(told)["assets"]) == (0, ["raw_pool", "tags"])


def test_without_sources_there_is_nothing_to_take_all_of(home, monkeypatch, tmp_path):
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    code, _, stderr = run("backfill", "--all")
    assert code == 2
    assert "there are no sources yet: `make dev` adds those of sources.yaml within 30 seconds" in stderr


def test_a_dry_run_says_what_would_run(home):
    _, instance = home
    before = backfills(instance)
    code, stdout, _ = run(
        "backfill", "--sources", "notes,chat", "--assets", "quality_scores", "--assets", "tags", "--dry-run"
    )
    assert code == 0
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in stdout.strip().splitlines()]
    assert rows[2:] == [["chat", "tags, quality_scores"], ["notes", "tags, quality_scores"]]
    assert backfills(instance).keys() == before.keys()


def test_without_a_daemon_it_is_launched_and_begins_when_there_is_one(home):
    _, instance = home
    heartbeat(instance, age=600)  # of one that ended long ago
    before = backfills(instance)
    code, _, stderr = run("backfill", "--sources", "chat", "--assets", "tags")
    assert code == 0
    assert "no daemon runs on this instance: it begins when one does" in stderr
    (new,) = backfills(instance).keys() - before.keys()
    found = backfills(instance)[new]
    assert (found.status.value, found.tags, found.title) == (
        "REQUESTED",
        {"mig/trigger": "backfill"},
        "tags of 1 sources",
    )
    assert [key.to_user_string() for key in found.asset_selection] == ["tags"]
    instance.update_backfill(found.with_status(type(found.status).CANCELED))


def test_without_a_daemon_nobody_waits(home):
    _, instance = home
    heartbeat(instance, age=600)
    before = backfills(instance)
    code, _, stderr = run("backfill", "--sources", "chat", "--wait")
    assert code == 2
    assert "no daemon runs on this instance: start one first (`make dev`), or leave out --wait" in stderr
    assert backfills(instance).keys() == before.keys()


def test_from_a_bare_wheel_it_says_to_use_a_checkout(monkeypatch):
    real = builtins.__import__

    def without_assets(name, *args, **kwargs):
        if name.partition(".")[0] == "assets":
            raise ModuleNotFoundError("No module named 'assets'", name="assets")
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without_assets)
    code, _, stderr = run("backfill", "--all")
    assert code == 2
    assert "needs a checkout of the project" in stderr


def test_of_a_run_that_died_and_was_started_again_the_last_attempt_counts(home):
    _, instance = home
    launched = launch(defs(), instance, Plan(("chat", "maths"), ("tags",)))
    of = {"dagster/backfill": launched, "dagster/partition": "chat"}
    job = dg.job(name="attempt")(lambda: None)
    again = instance.create_run_for_job(job, tags=of, status=dg.DagsterRunStatus.STARTED)
    lost = instance.create_run_for_job(job, tags=of | {"dagster/auto_retry_run_id": again.run_id})
    instance.report_run_failed(lost, "killed")
    found = progress(instance, launched)
    assert (found.over, found.done, found.failures) == (False, 0, [])
    instance.report_run_failed(again, "killed too")
    found = progress(instance, launched)
    assert (found.done, [failure["reason"] for failure in found.failures]) == (1, ["killed too"])
    backfill = instance.get_backfill(launched)
    instance.update_backfill(backfill.with_status(type(backfill.status).CANCELED))


@pytest.fixture
def daemon(home):
    """Take up backfills in a thread, as `dagster dev` does in a process."""
    _, instance = home
    over = threading.Event()

    def work(workspace):
        while not over.is_set():
            heartbeat(instance)
            workspace.refresh_workspace()
            assert [
                error for error in execute_backfill_iteration(workspace, logging.getLogger("daemon")) if error
            ] == []
            over.wait(0.5)

    with WorkspaceProcessContext(instance, WorkspaceFileTarget([str(CHECKOUT / "workspace.yaml")])) as workspace:
        thread = threading.Thread(target=work, args=(workspace,))
        heartbeat(instance)
        thread.start()
        yield
        over.set()
        thread.join()


def test_it_waits_for_the_end_and_tells_what_failed(home, daemon):
    place, instance = home
    code, stdout, _ = run("backfill", "--sources", "chat,maths", "--assets", "quality_scores", "--wait", "--json")
    result = json.loads(stdout)
    assert (code, result["status"], result["done"], result["failures"]) == (0, "COMPLETED_SUCCESS", 2, [])
    runs = instance.get_runs(dg.RunsFilter(tags={"dagster/backfill": result["backfill"]}))
    assert {run.tags["mig/trigger"] for run in runs} == {"backfill"}
    made = {name for name in ("chat", "maths", "notes") if place.home.lake.current("quality_scores", name)}
    assert made == {"chat", "maths"}
    assert place.home.lake.current("tags", "chat") is None

    (place.folder / "data/maths.json").write_text("[{")
    code, _, stderr = run("backfill", "--sources", "maths", "--assets", "raw_pool", "--wait")
    assert code == 1
    assert "1 of 1 sources, COMPLETED_FAILED" in stderr
    assert "failed raw_pool of maths: " in stderr
    assert "maths.json" in stderr

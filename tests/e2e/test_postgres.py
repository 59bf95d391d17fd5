"""The production instance: PostgreSQL and the services of compose.yaml, as processes, run a backfill of 20 sources."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.dag import graphql
from tests.dag.tiny import TinyProject, alpaca
from tests.e2e import services
from tests.e2e.conftest import CHECKOUT, Server, answers, end, free_port, require
from tests.e2e.postgres import Postgres, programs

SOURCES = [f"source-{i:02}" for i in range(20)]
MADE = ["raw_pool", "row_signatures"]
RUNS = """query { runsOrError { ... on Runs { results { id status tags { key value }
  stats { ... on RunStatsSnapshot { launchTime endTime } } } } } }"""
SENSORS = """query($of: RepositorySelector!) { sensorsOrError(repositorySelector: $of) { ... on Sensors {
  results { id name } } } }"""
PARTITIONS = (
    """query($key: AssetKeyInput!) { assetNodeOrError(assetKey: $key) { ... on AssetNode { partitionKeys } } }"""
)
TICKS = """query($of: SensorSelector!) { sensorOrError(sensorSelector: $of) { ... on Sensor { sensorState { ticks {
  status error { message } } } } } }"""
STOP = """mutation($id: String!) { stopSensor(id: $id) { __typename } }"""
WIPE = """mutation($assetKey: AssetKeyInput!) {
  wipeAssets(assetPartitionRanges: [{assetKey: $assetKey}]) { __typename } }"""
DELETE = """mutation($run: String!) { deletePipelineRun(runId: $run) { __typename } }"""
LOCATION = """query { workspaceOrError { ... on Workspace { locationEntries { name locationOrLoadError { __typename
  ... on PythonError { message } } } } } }"""

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]


@dataclass(frozen=True)
class Production:
    """The database, the webservers, and how to start the daemon."""

    database: Postgres
    server: Server
    viewer: Server
    environment: dict[str, str]
    processes: list[subprocess.Popen]

    def start(self, service: str, **ports: int) -> None:
        named = {name.removeprefix("port"): port for name, port in ports.items()}
        self.processes.append(services.start(service, named, self.environment, self.server.log))


@pytest.fixture(scope="module")
def database():
    found = programs()
    require(found, "the test needs Debian's postgresql")
    require(shutil.which("runuser"), "the test needs the program runuser")
    database = Postgres(found, free_port())
    try:
        database.create()
        yield database
    finally:
        database.stop()


@pytest.fixture(scope="module")
def production(database, tmp_path_factory):
    """Everything but the daemon; what it would do by itself is switched off first."""
    folder = tmp_path_factory.mktemp("production")
    place = TinyProject(folder, encoder=Path("unused"))
    for i, name in enumerate(SOURCES):
        place.write(name, [alpaca(100 * i + row) for row in range(5)])
    place.register(*SOURCES)
    (folder / "dagster_home").mkdir()
    shutil.copyfile(CHECKOUT / "deploy" / "dagster.postgres.yaml", folder / "dagster_home" / "dagster.yaml")
    code, port, viewer = free_port(), free_port(), free_port()
    environment = database.environment | {
        "DAGSTER_HOME": str(folder / "dagster_home"),
        "MIG_HOME": str(folder / "home"),
        "MIG_SOURCES": str(place.registry),
        "MIG_CODE_HOST": "127.0.0.1",
        "MIG_CODE_PORT": str(code),
        "OMP_NUM_THREADS": "1",
    }
    servers = [Server(f"http://127.0.0.1:{number}", folder / "log", place) for number in (port, viewer)]
    started = Production(database, *servers, environment, [])
    try:
        started.start("code", port4000=code)
        started.start("webserver", port3000=port)
        started.server.wait("webserver", lambda: answers(started.server.url), 90)
        started.server.wait("code location", lambda: loaded(started.server), 90)
        yield started
    finally:
        for process in reversed(started.processes):
            end(process)


def loaded(server: Server) -> bool:
    """Say whether the code location is there; the webserver looks for it again by itself."""
    (entry,) = server.ask(LOCATION)["locationEntries"] or [{"locationOrLoadError": None}]
    return (entry["locationOrLoadError"] or {}).get("__typename") == "RepositoryLocation"


def most_at_once(runs: list[dict]) -> int:
    """Return how many runs the queue had let go at the same time, at most: from their launch to their end."""
    times = [(run["stats"]["launchTime"], run["stats"]["endTime"]) for run in runs]
    changes = sorted(change for launch, end in times for change in ((launch, 1), (end, -1)))
    return max(sum(step for _, step in changes[: i + 1]) for i in range(len(changes)))


def partition(run: dict) -> str:
    """Return the source a run of the backfill was for, which is a range of one."""
    tags = {tag["key"]: tag["value"] for tag in run["tags"]}
    first, last = (tags[f"dagster/asset_partition_range_{end}"] for end in ("start", "end"))
    assert first == last
    return first


def done(server: Server, backfill: str) -> bool:
    status = server.ask(graphql.BACKFILL_STATUS, id=backfill)
    assert status["status"] in ("REQUESTED", "COMPLETED_SUCCESS"), status
    return status["status"] == "COMPLETED_SUCCESS"


def test_a_backfill_of_twenty_sources_runs_four_at_a_time_and_each_source_once(production):
    server = production.server
    for sensor in server.ask(SENSORS, of=graphql.SELECTOR)["results"]:
        if sensor["name"] != "sources_sensor":
            assert server.ask(STOP, id=sensor["id"])["__typename"] == "StopSensorMutationResult"
    production.start("daemon")
    raw_pool = {"path": ["raw_pool"]}
    server.wait(
        "partitions from the sources sensor",
        lambda: sorted(server.ask(PARTITIONS, key=raw_pool)["partitionKeys"]) == SOURCES,
        180,
    )
    keys = [{"path": [name]} for name in MADE]
    asked = {"assetSelection": keys, "partitionNames": SOURCES, "fromFailure": False}
    launched = server.ask(graphql.BACKFILL, params=asked)
    assert launched["__typename"] == "LaunchBackfillSuccess", launched
    server.wait("end of the backfill", lambda: done(server, launched["backfillId"]), 480)

    runs = server.ask(RUNS)["results"]
    assert sorted(partition(run) for run in runs) == SOURCES
    assert {run["status"] for run in runs} == {"SUCCESS"}
    assert 2 <= most_at_once(runs) <= 4
    assert_made_once(server)
    of = {**graphql.SELECTOR, "sensorName": "sources_sensor"}
    ticks = server.wait("second tick of the sensor", lambda: finished_ticks(server, of), 120)
    assert [tick["error"] for tick in ticks if tick["status"] == "FAILURE"] == []


def finished_ticks(server: Server, of: dict) -> list[dict]:
    """Return the ticks that ended, once there are two: the second one finds what the first one made."""
    ticks = [
        tick
        for tick in server.ask(TICKS, of=of)["sensorState"]["ticks"]
        if tick["status"] in ("SUCCESS", "SKIPPED", "FAILURE")
    ]
    return ticks if len(ticks) > 1 else []


def assert_made_once(server: Server) -> None:
    for asset in MADE:
        events = server.ask(graphql.MATERIALISATIONS, key={"path": [asset]})["assetMaterializations"]
        assert sorted(event["partition"] for event in events) == SOURCES


def test_the_viewer_shows_everything_and_changes_nothing(production):
    viewer = production.viewer
    production.start("viewer", port3000=int(viewer.url.rpartition(":")[2]))
    viewer.wait("viewer", lambda: answers(viewer.url), 90)
    viewer.wait("code location", lambda: loaded(viewer), 90)
    assert_made_once(viewer)
    before = viewer.ask(RUNS)["results"]
    keys = [{"path": [name]} for name in MADE]
    asked = [
        (graphql.ADD_PARTITION, {"selector": graphql.SELECTOR, "key": "another"}),
        (graphql.BACKFILL, {"params": {"assetSelection": keys, "partitionNames": SOURCES, "fromFailure": False}}),
        (graphql.LAUNCH, {"params": graphql.run_params("publish_catalog", ["lineage_catalog"])}),
        (WIPE, {"assetKey": keys[0]}),
        (DELETE, {"run": before[0]["id"]}),
    ]
    for mutation, variables in asked:
        assert viewer.ask(mutation, **variables)["__typename"] == "UnauthorizedError", mutation
    assert viewer.ask(RUNS)["results"] == before


def test_the_log_of_old_runs_goes_and_what_is_known_of_assets_stays(production):
    count = "SELECT count(*) FROM event_logs WHERE asset_key IS {} NULL"
    database = production.database
    kept, before = (int(database.psql("-c", count.format(which))) for which in ("NOT", ""))
    # The server's own user has to read the script.
    script = database.folder / "trim_event_log.sql"
    shutil.copyfile(CHECKOUT / "deploy" / script.name, script)
    database.psql("-v", "days=1", "-f", str(script))
    assert int(database.psql("-c", count.format(""))) == before
    database.psql("-v", "days=0", "-f", str(script))
    assert int(database.psql("-c", count.format("NOT"))) == kept
    assert int(database.psql("-c", count.format(""))) < before / 2
    assert_made_once(production.server)

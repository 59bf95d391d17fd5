"""The files in deploy/ hold together: services, commands that exist, settings that Dagster accepts."""

import re
import shutil
import subprocess
from pathlib import Path

import dagster as dg
import pytest
import yaml
from dagster._cli import create_dagster_cli
from dagster._core.instance.config import dagster_instance_config
from dagster._daemon.cli import create_dagster_daemon_cli
from dagster_webserver.cli import dagster_webserver

from assets.local_runs import local_instance
from deploy.end_lost_runs import SERVER_TAG, end_lost_runs
from mig_dagster.sources import load_registry

ROOT = Path(__file__).resolve().parents[1]
DEPLOY = ROOT / "deploy"
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
SERVICES = COMPOSE["services"]
dagster_commands, daemon_commands = create_dagster_cli(), create_dagster_daemon_cli()
SECRETS = {
    "DAGSTER_POSTGRES_PASSWORD",
    "MIG_HOME_AWS_ACCESS_KEY_ID",
    "MIG_HOME_AWS_SECRET_ACCESS_KEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "HF_TOKEN",
    "MIG_FAILURE_WEBHOOK",
}


def words(service: str) -> list[str]:
    """Return what a service runs, a shell's commands taken apart."""
    command = SERVICES[service]["command"]
    return command[-1].split() if command[0] == "bash" else command


def test_every_service_is_there_watched_and_started_again():
    assert set(SERVICES) == {"postgres", "s3", "bucket", "code", "daemon", "webserver", "viewer", "reports"}
    lasting = {name: service for name, service in SERVICES.items() if name != "bucket"}
    assert {service["restart"] for service in lasting.values()} == {"unless-stopped"}
    assert all(service["healthcheck"]["test"] for service in lasting.values())


def test_only_the_webservers_are_reached_from_outside_and_only_from_this_machine():
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert set(published) == {"webserver", "viewer", "reports"}
    assert all(port.startswith("127.0.0.1:") for ports in published.values() for port in ports)
    assert "--read-only" in words("viewer")
    assert "--read-only" not in words("webserver")


def test_services_may_do_no_more_than_they_need():
    ours = {name: service for name, service in SERVICES.items() if name != "postgres"}
    assert all(service["cap_drop"] == ["ALL"] for service in ours.values())
    assert all(service["security_opt"] == ["no-new-privileges:true"] for service in ours.values())
    assert not any("privileged" in service or "docker.sock" in str(service) for service in SERVICES.values())


def test_the_image_runs_as_somebody_who_is_not_root():
    for file in (DEPLOY / "Dockerfile", DEPLOY / "s3" / "Dockerfile"):
        users = re.findall(r"^USER (\S+)", file.read_text(encoding="utf-8"), flags=re.MULTILINE)
        assert users
        assert users[-1] not in ("root", "0")


def test_every_service_has_the_secrets_it_needs_and_no_other():
    given = {name: SECRETS & set(service.get("environment") or {}) for name, service in SERVICES.items()}
    home = {"MIG_HOME_AWS_ACCESS_KEY_ID", "MIG_HOME_AWS_SECRET_ACCESS_KEY"}
    database = {"DAGSTER_POSTGRES_PASSWORD"}
    assert given["code"] == SECRETS
    assert given["bucket"] == given["reports"] == home
    assert given["daemon"] == given["webserver"] == given["viewer"] == database


def test_the_example_names_every_variable_and_nothing_else():
    text = (DEPLOY / "compose.yaml").read_text(encoding="utf-8")
    used = set(re.findall(r"\$\{(\w+)", text)) | {"HF_TOKEN", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}
    example = (DEPLOY / ".env.example").read_text(encoding="utf-8")
    named = set(re.findall(r"^#?(\w+)=", example, flags=re.MULTILINE))
    assert used - {"PORT", "VIEWER_PORT", "REPORTS_PORT", "SOURCES_FOLDER"} <= named
    assert named <= used | {"AWS_ENDPOINT_URL", "MIG_FAILURE_WEBHOOK"}


@pytest.mark.parametrize(
    ("command", "path", "options"),
    [
        (dagster_webserver, [], {"--read-only", "-h", "-p", "-w"}),
        (daemon_commands, ["run"], {"-w"}),
        (daemon_commands, ["liveness-check"], set()),
        (dagster_commands, ["code-server", "start"], {"-h", "-p", "-m", "--location-name"}),
        (dagster_commands, ["api", "grpc-health-check"], {"-p"}),
    ],
)
def test_the_programs_that_services_run_exist_with_these_options(command, path, options):
    for name in path:
        command = command.commands[name]
    assert options <= {option for parameter in command.params for option in parameter.opts}


def test_files_that_services_name_are_in_the_image():
    named = {
        word for name in SERVICES if "command" in SERVICES[name] for word in words(name) if word.startswith("deploy/")
    }
    assert named == {"deploy/make_bucket.py", "deploy/end_lost_runs.py", "deploy/workspace.yaml"}
    assert all((ROOT / name).is_file() for name in named)
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text(encoding="utf-8").split()
    assert {".git", ".venv", ".env", "**/.env", "mig_home", ".dagster_home"} <= set(ignored)
    assert not {"deploy", "assets", "resources", "mig_dagster"} & set(ignored)


def test_every_volume_is_declared():
    mounted = {
        volume.split(":")[0]
        for service in SERVICES.values()
        for volume in service.get("volumes", [])
        if volume[0] != "$"
    }
    assert mounted == set(COMPOSE["volumes"])


def test_the_code_location_has_one_name_everywhere():
    (entry,) = yaml.safe_load((DEPLOY / "workspace.yaml").read_text(encoding="utf-8"))["load_from"]
    (checkout,) = yaml.safe_load((ROOT / "workspace.yaml").read_text(encoding="utf-8"))["load_from"]
    command = words("code")
    assert entry["grpc_server"]["location_name"] == checkout["python_module"]["location_name"]
    assert command[command.index("--location-name") + 1] == checkout["python_module"]["location_name"]
    assert command[command.index("-m") + 1] == checkout["python_module"]["module_name"]
    assert command[command.index("-p") + 1] == SERVICES["code"]["environment"]["MIG_CODE_PORT"]


@pytest.mark.parametrize("settings", ["dagster.yaml", "deploy/dagster.postgres.yaml"])
def test_dagster_accepts_the_settings_and_both_instances_behave_alike(tmp_path, settings):
    shutil.copyfile(ROOT / settings, tmp_path / "dagster.yaml")
    config, _ = dagster_instance_config(str(tmp_path))
    assert config["telemetry"] == {"enabled": False}
    assert config["run_monitoring"]["enabled"]
    assert config["run_monitoring"]["free_slots_after_run_end_seconds"] > 0
    assert config["run_retries"] | {"max_retries": 0} == {
        "enabled": True,
        "max_retries": 0,
        "retry_on_asset_or_op_failure": False,
    }
    assert config["run_queue"]["dequeue_interval_seconds"] == 1
    assert config["concurrency"]["runs"] == {"max_concurrent_runs": 4}
    assert config["concurrency"]["pools"] == {"granularity": "run", "default_limit": 1}
    assert set(config["retention"]) == {"schedule", "sensor", "auto_materialize"}


def settled_by_make(home: Path, *arguments: str) -> str:
    """Return the settings after `make dev`, with a program of ours in the place of Dagster."""
    programs = home / "bin"
    programs.mkdir(exist_ok=True)
    (programs / "dagster").write_text("#!/bin/sh\n")
    (programs / "dagster").chmod(0o755)
    # As if it were installed: `-o` makes nothing anew.
    command = ["make", "-s", "-o", ".venv/installed", "dev", f"BIN={programs}", f"DAGSTER_HOME={home}", *arguments]
    subprocess.run(command, cwd=ROOT, check=True)
    return (home / "dagster.yaml").read_text(encoding="utf-8")


def settled_by_demo(home: Path) -> str:
    with local_instance():
        pass
    return (home / "dagster.yaml").read_text(encoding="utf-8")


def test_settings_that_a_person_chose_stay_and_ours_are_renewed(tmp_path, monkeypatch):
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    default = (ROOT / "dagster.yaml").read_text(encoding="utf-8")
    postgres = (DEPLOY / "dagster.postgres.yaml").read_text(encoding="utf-8")
    mine = "# Mine.\ntelemetry: {enabled: false}\n"
    there = tmp_path / "dagster.yaml"
    for settled in (settled_by_make, settled_by_demo):
        there.unlink(missing_ok=True)
        assert settled(tmp_path) == default
        there.write_text(default.splitlines()[0] + "\ntelemetry: {enabled: false}\n", encoding="utf-8")
        assert settled(tmp_path) == default
        there.write_text(mine, encoding="utf-8")
        assert settled(tmp_path) == mine
    assert settled_by_make(tmp_path, "INSTANCE=deploy/dagster.postgres.yaml") == postgres
    assert settled_by_make(tmp_path) == postgres
    assert settled_by_make(tmp_path, "INSTANCE=dagster.yaml") == default


def test_everything_the_database_needs_comes_from_the_environment():
    settings = yaml.safe_load((DEPLOY / "dagster.postgres.yaml").read_text(encoding="utf-8"))
    database = dict(settings["storage"]["postgres"]["postgres_db"])
    # SQLAlchemy 2.1 takes a bare `postgresql` for psycopg 3.
    assert database.pop("scheme") == "postgresql+psycopg2"
    named = {value["env"] for value in database.values()}
    assert named <= set(SERVICES["daemon"]["environment"])


def test_the_sources_of_the_services_can_be_read():
    assert list(load_registry(DEPLOY / "sources" / "sources.yaml"))


def test_runs_of_a_code_server_that_is_gone_are_ended_and_no_others():
    with dg.DagsterInstance.ephemeral() as instance:
        there = {SERVER_TAG: '{"host": "code", "port": 4000}'}
        elsewhere = {SERVER_TAG: '{"host": "localhost", "socket": "/tmp/x"}'}
        statuses = dg.DagsterRunStatus
        given = [
            (statuses.STARTED, there),
            (statuses.STARTED, elsewhere),
            (statuses.CANCELING, there),
            (statuses.SUCCESS, there),
            (statuses.NOT_STARTED, {}),
        ]
        runs = [
            instance.create_run_for_job(dg.job(name="j")(lambda: None), status=status, tags=tags)
            for status, tags in given
        ]
        assert set(end_lost_runs(instance, "code", 4000)) == {runs[0].run_id, runs[2].run_id}
        found = [instance.get_run_by_id(run.run_id).status for run in runs]
        assert found == [
            statuses.FAILURE,
            statuses.STARTED,
            statuses.CANCELED,
            statuses.SUCCESS,
            statuses.NOT_STARTED,
        ]

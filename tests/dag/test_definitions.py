"""The code location as a whole: it loads, it loads little, and the graph is the one on record."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import dagster as dg
import pytest
import yaml
from dagster._core.remote_representation.external_data import RepositorySnap

from assets.jobs import COMPARED, LANGUAGE_MODEL, PARTITIONED, POOL_LEVEL
from assets.sensors import automation_sensor, compared_methods_sensor, language_model_sensor
from mig_dagster.definitions import defs
from mig_dagster.stages.row_signals import BY_LANGUAGE_MODEL

CHECKOUT = Path(__file__).parents[2]
GOLDEN = Path(__file__).with_name("asset_graph.json")
HEAVY = ["torch", "transformers", "sentence_transformers", "sklearn", "vl_convert", "nltk", "mlxtend"]


@pytest.fixture(scope="module")
def location():
    return defs()


def described(spec: dg.AssetSpec, checks: list[dg.AssetCheckSpec], asset: dg.AssetsDefinition | None) -> dict:
    """Return what the snapshot holds of an asset."""
    condition = spec.automation_condition
    return {
        "group": spec.group_name,
        "kinds": sorted(spec.kinds),
        "partitions": spec.partitions_def.name if spec.partitions_def else None,
        "deps": sorted(dep.asset_key.to_user_string() for dep in spec.deps),
        "pool": asset.op.pool if asset else None,
        "checks": {check.name: "blocking" if check.blocking else "warns" for check in checks},
        "automation": condition.get_label() if condition else None,
        "config": sorted(asset.op.config_schema.config_type.fields) if asset and has_config(asset) else [],
    }


def has_config(asset: dg.AssetsDefinition) -> bool:
    return hasattr(asset.op.config_schema.config_type, "fields")


def test_the_graph_is_the_one_on_record(location):
    """When the graph is meant to change, edit asset_graph.json by hand: the difference is what a reviewer reads."""
    found = {}
    for asset in location.assets:
        if isinstance(asset, dg.AssetSpec):
            found[asset.key.to_user_string()] = described(asset, [], None)
            continue
        (spec,) = asset.specs
        found[spec.key.to_user_string()] = described(spec, list(asset.check_specs), asset)
    assert found == json.loads(GOLDEN.read_text())


def test_the_definitions_load(location):
    dg.Definitions.validate_loadable(location)


def test_every_partitioned_asset_runs_one_partition_at_a_time(location):
    assets = [asset for asset in location.assets if isinstance(asset, dg.AssetsDefinition) and asset.partitions_def]
    assert {asset.backfill_policy for asset in assets} == {dg.BackfillPolicy.multi_run(1)}


def test_partitioned_and_unpartitioned_assets_share_no_job(location):
    partitioned = {
        asset.key.to_user_string()
        for asset in location.assets
        if isinstance(asset, dg.AssetsDefinition) and asset.partitions_def
    }
    unpartitioned = {
        a.key.to_user_string() for a in location.assets if isinstance(a, dg.AssetsDefinition)
    } - partitioned
    assert set(PARTITIONED) == partitioned
    assert {*LANGUAGE_MODEL, *POOL_LEVEL, *COMPARED, "lineage_catalog"} == unpartitioned


def test_sensors_run_without_being_switched_on_but_the_comparison_waits_for_a_person(location):
    assert {sensor.name: sensor.default_status for sensor in location.sensors} == {
        "sources_sensor": dg.DefaultSensorStatus.RUNNING,
        "discovery": dg.DefaultSensorStatus.RUNNING,
        "automation": dg.DefaultSensorStatus.RUNNING,
        "language_model_scores": dg.DefaultSensorStatus.RUNNING,
        "compared_methods": dg.DefaultSensorStatus.STOPPED,
        "run_failure": dg.DefaultSensorStatus.RUNNING,
    }


def test_every_night_all_sources_are_looked_at_and_the_catalog_is_published(location):
    assert {(plan.name, plan.job.name, plan.cron_schedule, plan.execution_timezone) for plan in location.schedules} == {
        ("nightly_refresh", "refresh_sources", "0 3 * * *", "UTC"),
        ("nightly_catalog", "publish_catalog", "0 4 * * *", "UTC"),
    }
    assert {plan.default_status for plan in location.schedules} == {dg.DefaultScheduleStatus.RUNNING}


def test_every_stage_has_a_job_that_says_what_it_does_and_tags_its_runs(location):
    jobs = {job.name: location.resolve_job_def(job.name) for job in location.jobs}
    assert set(jobs) == {
        "ingest",
        "annotate",
        "ingest_and_annotate",
        "train_language_model",
        "score_by_language_model",
        "rebuild_label_space_and_subsets",
        "compare_methods",
        "publish_catalog",
        "refresh_sources",
    }
    assert all(job.description for job in jobs.values())
    assert {name: job.tags["mig/stage"] for name, job in jobs.items()} == {name: name for name in jobs}


def test_partitioned_and_unpartitioned_assets_share_no_job_of_this_location(location):
    graph = location.resolve_asset_graph()
    for job in location.jobs:
        keys = location.resolve_job_def(job.name).asset_layer.executable_asset_keys
        assert len({graph.get(key).is_partitioned for key in keys}) <= 1, job.name


def test_a_web_address_for_failures_comes_from_the_environment(monkeypatch):
    assert defs().resources["webhook"].url == ""
    monkeypatch.setenv("MIG_FAILURE_WEBHOOK", "https://chat.example/hook")
    with dg.build_resources({"webhook": defs().resources["webhook"]}) as resources:
        assert resources.webhook.url == "https://chat.example/hook"
    monkeypatch.setenv("MIG_FAILURE_WEBHOOK", "chat.example")
    with pytest.raises(ValueError, match=r"MIG_FAILURE_WEBHOOK: expected an http:// or https://") as refused:
        defs()
    assert "chat.example" not in str(refused.value)


@pytest.mark.filterwarnings("ignore:Property `ScheduleDefinition.environment_vars`:DeprecationWarning")
def test_the_web_address_for_failures_is_not_shown_in_the_ui(monkeypatch):
    monkeypatch.setenv("MIG_FAILURE_WEBHOOK", "https://chat.example/secret")
    told = RepositorySnap.from_def(defs().get_repository_def())
    (webhook,) = [resource for resource in told.resources if resource.name == "webhook"]
    assert webhook.configured_values["url"].name == "MIG_FAILURE_WEBHOOK"
    assert "chat.example" not in repr(webhook)


def test_every_asset_is_run_by_one_of_the_three_automation_sensors(location):
    """An asset in two would run twice, one in none never."""
    graph = location.resolve_asset_graph()
    sensors = (automation_sensor, language_model_sensor, compared_methods_sensor)
    keys = [sensor.asset_selection.resolve(graph) for sensor in sensors]
    assert sum(map(len, keys)) == len(set().union(*keys))
    assert set().union(*keys) == graph.materializable_asset_keys
    assert {key.to_user_string() for key in keys[1]} == {*LANGUAGE_MODEL, *BY_LANGUAGE_MODEL}
    assert {key.to_user_string() for key in keys[2]} == set(COMPARED)


def test_every_option_in_the_launchpad_says_what_it_means(location):
    silent = [
        f"{asset.key.to_user_string()}.{name}"
        for asset in location.assets
        if isinstance(asset, dg.AssetsDefinition) and has_config(asset)
        for name, field in asset.op.config_schema.config_type.fields.items()
        if not field.description
    ]
    assert silent == []


def test_a_subset_is_described_by_the_header_of_its_method(location):
    (asset,) = [a for a in location.assets if a.key == dg.AssetKey("mig_subset")]
    first, _, rest = asset.descriptions_by_key[asset.key].partition("\n\n```text\n")
    assert first.startswith("MIG: ")
    assert "Departures" in rest
    assert rest.endswith("\n```")  # as it stands: Markdown would run its tables together


def test_home_and_registry_come_from_the_environment(monkeypatch):
    monkeypatch.setenv("MIG_HOME", "/elsewhere/home")
    monkeypatch.setenv("MIG_SOURCES", "/elsewhere/sources.yaml")
    resources = defs().resources
    assert (resources["home"].root, resources["registry"].path) == ("/elsewhere/home", "/elsewhere/sources.yaml")


def test_home_and_registry_are_in_the_checkout_by_default(monkeypatch):
    monkeypatch.delenv("MIG_HOME", raising=False)
    monkeypatch.delenv("MIG_SOURCES", raising=False)
    resources = defs().resources
    assert resources["home"].root == str(CHECKOUT / "mig_home")
    assert resources["registry"].path == str(CHECKOUT / "sources.yaml")


def test_loading_the_definitions_is_quick_and_loads_no_model_library():
    """Every run, sensor tick and code server pays for it."""
    code = (
        "import sys, time\n"
        "import mig_dagster.definitions\n"
        f"print([name for name in {HEAVY} if name in sys.modules], time.process_time())"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=CHECKOUT, capture_output=True, text=True, check=True)
    loaded, seconds = done.stdout.rsplit(maxsplit=1)
    assert loaded == "[]"
    assert float(seconds) < 6  # CPU time on a loaded machine; 2 s where nothing else runs
    assert done.stderr == ""


def test_workspace_file_and_project_file_name_the_same_code_location():
    """`dagster dev` without -w reads pyproject.toml and ignores workspace.yaml."""
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["tool"]["dg"]["project"]
    (entry,) = yaml.safe_load((CHECKOUT / "workspace.yaml").read_text())["load_from"]
    module = entry["python_module"]
    assert module["module_name"] == project["code_location_target_module"]
    assert module["location_name"] == project["code_location_name"]


def test_the_instance_settings_are_valid(tmp_path):
    (tmp_path / "dagster.yaml").write_text((CHECKOUT / "dagster.yaml").read_text())
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        assert instance.get_concurrency_config().pool_config.default_pool_limit == 1
        assert instance.get_concurrency_config().run_queue_config.max_concurrent_runs == 4
        assert instance.run_monitoring_enabled
        assert not instance.telemetry_enabled

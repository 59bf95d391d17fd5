"""What the wrapper around every asset does, shown on assets of one line."""

import dagster as dg
import polars as pl
import pytest

from assets.checks import holds, specs, warns
from assets.recorded import NotMade, Outcome, recorded
from mig_dagster.sources import SourceFileError
from resources.home import MigHome
from resources.lake_io import LakeIOManager
from tests.dag.tiny import failure


@pytest.fixture
def run(tmp_path, instance):
    """Return a function that runs one body as an asset."""

    def execute(body, blocking=None, warning=None):
        checks = specs("thing", blocking or {}, warning)
        asset = dg.asset(name="thing", check_specs=checks, output_required=False)(recorded(body))
        home = MigHome(root=str(tmp_path))
        resources = {"home": home, "io_manager": LakeIOManager(home=home)}
        return home, dg.materialize([asset], instance=instance, resources=resources, raise_on_error=False)

    return execute


def thing(context: dg.AssetExecutionContext, home: MigHome) -> Outcome:
    return Outcome("v1", 3, {"upstream": "u1"}, metadata={"note": "hello"})


def test_an_asset_that_keeps_its_result_elsewhere_is_recorded_too(run):
    home, result = run(thing)
    (event,) = result.get_asset_materialization_events()
    metadata = event.materialization.metadata
    assert event.materialization.tags["dagster/data_version"] == "v1"
    assert (metadata["note"].value, metadata["dagster/row_count"].value) == ("hello", 3)
    assert metadata["inputs"].value == {"upstream": "u1"}
    line = home.ledger.read("runs").row(0, named=True)
    assert (line["asset"], line["rows"], line["config"], line["inputs"]) == ("thing", 3, "{}", '{"upstream":"u1"}')


def test_the_body_keeps_its_name_and_its_words():
    def documented(context: dg.AssetExecutionContext, home: MigHome) -> Outcome:
        """Say what it is."""
        return Outcome("v", 0, {})

    asset = dg.asset(recorded(documented))
    assert asset.key.to_user_string() == "documented"
    assert asset.descriptions_by_key[asset.key] == "Say what it is."


def test_a_failed_blocking_check_fails_the_asset_and_leaves_no_line(run):
    def body(context: dg.AssetExecutionContext, home: MigHome) -> Outcome:
        return Outcome("v", 0, {}, checks=[holds("size", False, "0 rows"), holds("shape", True, "fine")])

    home, result = run(body, {"size": "not empty", "shape": "square"})
    assert "not published: size: 0 rows; an earlier version, if there is one, stays current" in failure(result)
    assert {check.check_name: check.passed for check in result.get_asset_check_evaluations()} == {
        "size": False,
        "shape": True,
    }
    assert result.get_asset_materialization_events() == []
    assert home.ledger.read("runs").height == 0


def test_a_check_that_only_warns_blocks_nothing(run):
    def body(context: dg.AssetExecutionContext, home: MigHome) -> Outcome:
        return Outcome("v", 0, {}, checks=[warns("degree", False, "too many")])

    _, result = run(body, warning={"degree": "few"})
    assert result.success
    (check,) = result.get_asset_check_evaluations()
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.WARN)


def test_what_was_not_made_leaves_the_run_green_and_its_checks_say_why(run):
    def body(context: dg.AssetExecutionContext, home: MigHome) -> NotMade:
        return NotMade("inputs_present", "no annotator makes ifd_scores: configure one")

    home, result = run(body, {"size": "not empty"}, {"inputs_present": "somebody makes them"})
    assert result.success
    assert result.get_asset_materialization_events() == []
    assert home.ledger.read("runs").height == 0
    assert {
        c.check_name: (c.passed, c.severity.value, c.description) for c in result.get_asset_check_evaluations()
    } == {
        "inputs_present": (False, "ERROR", "no annotator makes ifd_scores: configure one"),
        "size": (False, "WARN", "nothing was made: see inputs_present"),
    }


@pytest.mark.parametrize(
    "error",
    [
        SourceFileError("a.json", "line 3", "is not JSON", "Mend it"),
        LookupError("materialise it first"),
        ValueError("budget 'x' is neither"),
        FileNotFoundError(2, "No such file or directory", "labels.json"),
    ],
)
def test_an_error_that_explains_itself_is_shown_as_it_is_and_not_tried_again(run, error):
    def body(context: dg.AssetExecutionContext, home: MigHome) -> Outcome:
        raise error

    _, result = run(body)
    assert f"Failure: dagster._core.definitions.events.Failure: {error}" in failure(result)
    assert not [event for event in result.all_events if event.event_type == dg.DagsterEventType.STEP_UP_FOR_RETRY]


def test_a_defect_keeps_its_traceback(run):
    def body(context: dg.AssetExecutionContext, home: MigHome) -> Outcome:
        return 1 / 0

    _, result = run(body)
    assert "ZeroDivisionError" in failure(result)


def test_a_lost_connection_is_tried_again(run, monkeypatch):
    monkeypatch.setattr("resources.failures.WAIT_SECONDS", 0)
    attempts = []

    def body(context: dg.AssetExecutionContext, home: MigHome) -> Outcome:
        attempts.append(1)
        if len(attempts) == 1:
            raise ConnectionResetError("peer went away")
        return Outcome("v", 0, {})

    _, result = run(body)
    assert (result.success, len(attempts)) == (True, 2)


def upstream(home, version, partition=None):
    """Publish a version of the asset `upstream`; return its data version."""
    frame = pl.DataFrame({"value": [version]})
    return home.lake.publish(home.lake.write("upstream", frame, partition=partition)).data_version


def test_an_asset_whose_input_changed_while_it_ran_runs_again_on_the_new_version(run):
    """Automation takes a change for handled when the asset is materialised after it, whichever version was read."""
    read = []

    def body(context: dg.AssetExecutionContext, home: MigHome) -> Outcome:
        if not read:
            upstream(home, 1)
        read.append(home.lake.current("upstream").data_version)
        if len(read) == 1:
            upstream(home, 2)
        return Outcome(f"of {read[-1]}", 0, {"upstream": read[-1]})

    home, result = run(body)
    assert result.success
    assert len(set(read)) == 2
    (event,) = result.get_asset_materialization_events()
    assert event.materialization.tags["dagster/data_version"] == f"of {home.lake.current('upstream').data_version}"
    assert home.ledger.read("runs").height == 1


def test_an_input_that_never_rests_does_not_keep_an_asset_for_ever(run):
    read = []

    def body(context: dg.AssetExecutionContext, home: MigHome) -> Outcome:
        read.append(upstream(home, len(read)))
        upstream(home, -len(read))
        return Outcome("v", 0, {"upstream": read[-1]})

    _, result = run(body)
    assert (result.success, len(read)) == (True, 4)


def test_a_source_that_appears_meanwhile_counts_as_a_change(run):
    attempts = []

    def body(context: dg.AssetExecutionContext, home: MigHome) -> Outcome:
        attempts.append(1)
        if len(attempts) == 1:
            context.instance.add_dynamic_partitions("source", ["a", "b"])
            versions = {"upstream/a": upstream(home, 1, "a")}
            upstream(home, 2, "b")
            return Outcome("v", 0, versions)
        sources = context.instance.get_dynamic_partitions("source")
        return Outcome("v", 0, {f"upstream/{s}": home.lake.current("upstream", s).data_version for s in sources})

    _, result = run(body)
    assert (result.success, len(attempts)) == (True, 2)


def test_a_source_that_was_removed_changes_nothing(run):
    """Its versions stay in the lake and in the catalog."""
    attempts = []

    def body(context: dg.AssetExecutionContext, home: MigHome) -> Outcome:
        attempts.append(1)
        return Outcome("v", 0, {"upstream/gone": upstream(home, 1, "gone"), "source_revisions/gone": "r"})

    _, result = run(body)
    assert (result.success, len(attempts)) == (True, 1)

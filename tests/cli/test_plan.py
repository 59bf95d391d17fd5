"""`mig-dagster plan`: the numbers of a run before it runs, for people and for machines, with nothing computed."""

import json

import pytest
import yaml

from mig_dagster.lineage import Ledger
from mig_dagster.pool.ingest import ingest
from mig_dagster.sources import load_registry, resolve
from mig_dagster.sources.discovery import Event, record
from mig_dagster.storage import Lake, Store
from tests.cli.running import run
from tests.dag.tiny import alpaca, save_encoder
from tests.storage.roots import ROOTS, new_root

SIGNALS = ("--assets", "tags,row_embeddings")


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return save_encoder(tmp_path_factory.mktemp("encoder"))


@pytest.fixture
def project(tmp_path, encoder):
    """Two sources of which one was read, and options with a tiny encoder."""
    for name, rows in (("maths", range(20)), ("later", range(3))):
        (tmp_path / f"{name}.json").write_text(json.dumps([alpaca(i) for i in rows]))
    entries = [{"name": name, "uri": f"{name}.json"} for name in ("maths", "later")]
    (tmp_path / "sources.yaml").write_text(yaml.safe_dump({"sources": entries}))
    (tmp_path / "options.yaml").write_text(yaml.safe_dump({"device": "cpu", "encoder": {"model": str(encoder)}}))
    read(tmp_path, tmp_path / "home")
    return tmp_path


def read(project, home):
    lake = Lake(Store(home))
    source = load_registry(project / "sources.yaml")["maths"]
    lake.publish(ingest(source, resolve(source), lake))
    return lake


def plan(project, *more, home=None):
    given = ("--home", home or project / "home", "--registry", project / "sources.yaml")
    return run("plan", *given, "--config", project / "options.yaml", *more)


def told(project, *more, **changes):
    code, stdout, _ = plan(project, *more, "--json", **changes)
    assert code == 0
    return json.loads(stdout)


def test_a_plan_has_items_tokens_rate_and_hours_and_changes_nothing(project):
    store = Store(project / "home")
    before = {path: store.read(path) for path in store.list("")}
    found = told(project, *SIGNALS)
    assert {path: store.read(path) for path in store.list("")} == before
    [maths] = found["sources"]
    assert (found["device"], found["not_read"], maths["source"], maths["rows"]) == ("cpu", ["later"], "maths", 20)
    [tags] = maths["annotators"]  # the same texts are embedded for both
    assert (tags["signal"], tags["name"], tags["basis"]) == ("tags", "sentence_embedding", "assumed")
    assert tags["items"] == tags["items_missing"] > 20  # and the labels of the vocabulary
    assert tags["hours"] == pytest.approx(tags["tokens_missing"] / 1000 / 3600)
    total = found["total"]
    assert (total["hours"], total["gpu_hours"], total["rows"]) == (tags["hours"], 0.0, 20)


def test_what_needs_no_model_needs_no_hours(project):
    found = told(project, "--assets", "quality_scores")
    assert (found["assets"], found["sources"][0]["annotators"]) == (["quality_scores"], [])


def test_signals_of_the_language_model_wait_for_it(project):
    found = told(project, "--sources", "maths")
    assert found["assets"] == ["tags", "quality_scores", "row_embeddings", "ifd_scores", "indicators", "token_counts"]
    [note] = found["notes"]
    assert note.startswith("ifd_scores and indicators cannot be planned: the pool's own language model")
    assert "materialise pool_language_model first" in note


def test_a_table_marks_what_was_assumed_and_says_what_was_not_read(project):
    code, stdout, stderr = plan(project, *SIGNALS)
    assert code == 0
    assert "| maths" in stdout
    assert " ? |" in stdout
    assert "| total" in stdout
    assert stdout.endswith("hours on cpu\n")
    assert "? not measured yet on this device: the rate is an assumption; --measure times a small sample" in stderr
    assert "not read yet, so not planned: later" in stderr


def test_measuring_times_a_sample_and_keeps_nothing_but_how_fast_it_was(project):
    found = told(project, *SIGNALS, "--measure")
    [line] = found["sources"][0]["annotators"]
    assert (line["basis"], line["items_missing"] > 20) == ("measured", True)
    store = Store(project / "home")
    assert store.list("cache") == []
    recorded = Ledger(store).read("throughput")
    assert recorded["device"].to_list() == ["cpu"]
    assert line["tokens_per_second"] == pytest.approx(recorded["tokens"][0] / recorded["seconds"][0])
    told(project, *SIGNALS, "--measure")
    assert Ledger(store).read("throughput").height == 1


def test_what_automation_would_hold_is_said(project, monkeypatch):
    monkeypatch.setattr("mig_dagster.stages.planning.planner.device_name", lambda device: "GPU X")
    path = project / "sources.yaml"
    path.write_text(path.read_text().replace("  uri: maths.json", "  uri: maths.json\n  max_gpu_hours: 0"))
    [maths] = told(project, *SIGNALS)["sources"]
    assert (maths["held"], maths["max_gpu_hours"], maths["gpu_hours"] > 0) == (True, 0, True)
    _, _, stderr = plan(project, *SIGNALS)
    assert "GPU hours are more than the 0 that automation may spend on it without asking" in stderr


def test_mistakes_say_what_there_is(project):
    assert plan(project, "--sources", "math")[2] == "error: no source is called 'math'; there are: later, maths\n"
    every = "tags, quality_scores, row_embeddings, ifd_scores, indicators, token_counts"
    message = f"error: assets must be among {every}, got 'tag'\n"
    assert plan(project, "--assets", "tag")[2] == message


@pytest.mark.parametrize("root", ROOTS[1:])
def test_a_home_elsewhere_is_planned_alike(project, request, monkeypatch, root):
    home = str(new_root(type("Asked", (), {"param": root, "getfixturevalue": request.getfixturevalue})(), monkeypatch))
    read(project, home)
    assert told(project, *SIGNALS, home=home) == told(project, *SIGNALS)


def test_a_home_without_a_registry_is_planned_by_what_was_read(project):
    (project / "sources.yaml").unlink()
    record(Store(project / "home"), lambda state: [Event("refresh", "", "maths")])
    assert [plan["source"] for plan in told(project, *SIGNALS)["sources"]] == ["maths"]


def test_a_home_without_sources_says_so(tmp_path):
    code, stdout, stderr = run("plan", "--home", tmp_path / "home", "--registry", tmp_path / "sources.yaml")
    assert (code, "total" in stdout) == (0, True)
    assert "warning: there is no source: `mig-dagster sources add NAME FILE` registers one" in stderr

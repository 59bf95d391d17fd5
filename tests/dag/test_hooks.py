"""What is told of failed runs, and which of them are run again."""

import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import dagster as dg
import pytest

from assets.failed_runs import source_of
from assets.hooks import run_failure
from assets.jobs import refresh
from assets.repeats import repeats
from mig_dagster.definitions import defs
from resources.webhook import FailureWebhook
from tests.dag.tiny import materialise


@pytest.fixture(scope="module")
def location():
    return defs()


@pytest.fixture
def failed(place, instance):
    """A run that failed because a file is damaged."""
    place.write("maths", [])
    (place.folder / "data/maths.json").write_text('[{"instruction"')
    instance.add_dynamic_partitions("source", ["maths"])
    assert not materialise(place, instance, "raw_pool", partition="maths", tags={"mig/stage": "ingest"}).success
    return instance.get_runs()[0]


def read(place, instance):
    """Make what a pool is made of."""
    instance.add_dynamic_partitions("source", ["chat", "maths"])
    assert materialise(place, instance, "raw_pool", "row_signatures", partition="maths").success


def tell(place, instance, run, url=""):
    """Call the sensor as the daemon does when a run failed."""
    ended = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.RUN_FAILURE)
    resources = {"home": place.home, "webhook": FailureWebhook(url=url)}
    context = dg.build_run_status_sensor_context(
        sensor_name="run_failure",
        dagster_event=ended[0].dagster_event,
        dagster_instance=instance,
        dagster_run=run,
        resources=resources,
    ).for_run_failure()
    run_failure(context)


def test_a_failed_run_is_in_the_ledger_with_its_reason_and_the_remedy(place, instance, failed):
    tell(place, instance, failed)
    (line,) = place.home.ledger.read("failures").to_dicts()
    assert (line["asset"], line["partition"], line["source"], line["job"]) == ("raw_pool", "maths", "maths", "ingest")
    assert line["run_id"] == failed.run_id
    assert "maths.json" in line["message"]
    assert "Error" not in line["message"].partition(" ")[0]  # words, no traceback
    assert line["remedy"] == "mend the cause, then: mig-dagster backfill --sources maths --assets raw_pool"


def test_a_run_of_a_backfill_names_its_source_as_well():
    ranged = {f"dagster/asset_partition_range_{end}": "maths" for end in ("start", "end")}
    assert source_of(dg.DagsterRun("__ASSET_JOB", tags=ranged)) == "maths"
    assert source_of(dg.DagsterRun("__ASSET_JOB")) is None


def test_a_run_whose_process_was_killed_is_told_by_what_it_should_have_made(place, instance, location):
    job = location.resolve_job_def("rebuild_label_space_and_subsets")
    chosen = {dg.AssetKey("label_graph"), dg.AssetKey("pool")}
    tags = {"dagster/will_retry": "true"}
    run = instance.create_run_for_job(job, asset_selection=chosen, tags=tags)
    instance.report_run_failed(run, "The process of this run was killed.")
    tell(place, instance, instance.get_run_by_id(run.run_id))
    lines = place.home.ledger.read("failures").sort("asset").to_dicts()
    assert [line["asset"] for line in lines] == ["label_graph", "pool"]
    assert {line["message"] for line in lines} == {"The process of this run was killed."}
    assert {line["remedy"] for line in lines} == {"it is started once more by itself"}


def test_what_is_made_of_all_sources_is_made_again_in_the_ui(place, instance):
    read(place, instance)
    place.registry.write_text("sources: [", encoding="utf-8")
    assert not materialise(place, instance, "pool").success
    tell(place, instance, instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE]))[0])
    (line,) = place.home.ledger.read("failures").to_dicts()
    assert (line["asset"], line["source"]) == ("pool", None)
    assert line["message"].startswith(str(place.registry))
    assert line["remedy"] == "mend the cause, then materialise pool in the UI"


class Listener(BaseHTTPRequestHandler):
    def do_POST(self):
        self.server.heard.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
        self.send_response(self.server.answer)
        self.end_headers()

    def log_message(self, *arguments):
        pass


@pytest.fixture
def listener():
    with ThreadingHTTPServer(("127.0.0.1", 0), Listener) as server:
        server.heard, server.answer = [], 204
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def address(listener):
    return f"http://127.0.0.1:{listener.server_port}/hook"


def test_a_web_address_hears_of_failures_as_json(place, instance, failed, listener):
    tell(place, instance, failed, address(listener))
    (heard,) = listener.heard
    assert (heard["asset"], heard["source"], heard["run_id"]) == ("raw_pool", "maths", failed.run_id)
    assert heard["remedy"].startswith("mend the cause")


def test_a_web_address_that_does_not_take_it_keeps_nothing_from_the_ledger(place, instance, failed, listener):
    listener.answer = 500
    tell(place, instance, failed, address(listener))
    tell(place, instance, failed, "http://127.0.0.1:9/nobody")
    assert place.home.ledger.read("failures").height == 1


def test_runs_that_failed_because_of_the_registry_are_asked_for_again(place, instance):
    read(place, instance)
    text = place.registry.read_text()
    place.registry.write_text("sources: [", encoding="utf-8")
    for asset, partition in (("raw_pool", "maths"), ("pool", None), ("lineage_catalog", None)):
        assert not materialise(place, instance, asset, partition=partition).success
    place.registry.write_text(text)
    place.write("chat", [])
    (place.folder / "data/chat.jsonl.gz").write_bytes(b"no gzip")
    assert not materialise(place, instance, "raw_pool", partition="chat").success  # for another reason
    place.registry.write_text("sources: [", encoding="utf-8")
    resources = {"registry": place.resources()["registry"]}
    assert not refresh.execute_in_process(instance=instance, resources=resources, raise_on_error=False).success
    asked = {
        (request.job_name, request.partition_key, tuple(key.to_user_string() for key in request.asset_selection or ()))
        for request in repeats(instance, 0, ["maths"])
    }
    assert asked == {
        ("ingest_and_annotate", "maths", ("raw_pool",)),
        ("rebuild_label_space_and_subsets", None, ("pool",)),
        ("publish_catalog", None, ("lineage_catalog",)),
        ("refresh_sources", None, ()),
    }
    keys = [request.run_key for request in repeats(instance, 0, ["maths"])]
    assert keys == [request.run_key for request in repeats(instance, 0, ["maths"])]
    assert len(set(keys)) == len(keys)


def test_what_failed_for_a_source_that_is_gone_is_not_asked_for_again(place, instance):
    read(place, instance)
    place.registry.write_text("sources: [", encoding="utf-8")
    assert not materialise(place, instance, "raw_pool", partition="maths").success
    assert repeats(instance, 0, ["chat"]) == []


@pytest.mark.parametrize("name", ["a/b", "two words"])
def test_a_partition_typed_by_hand_that_fits_no_path_is_told_of_too(place, instance, name):
    instance.add_dynamic_partitions("source", [name])
    assert not materialise(place, instance, "raw_pool", partition=name).success
    tell(place, instance, instance.get_runs()[0])
    (line,) = place.home.ledger.read("failures").to_dicts()
    assert (line["asset"], line["source"]) == ("raw_pool", None)
    assert repr(name) in line["message"]


def test_a_run_killed_after_everything_was_made_is_told_of_by_its_job(place, instance):
    read(place, instance)
    (run,) = instance.get_runs()
    assert run.job_name.startswith("__")  # as the jobs have that Dagster makes up
    instance.report_run_failed(run, "killed")
    tell(place, instance, run)
    (line,) = place.home.ledger.read("failures").to_dicts()
    assert (line["asset"], line["message"]) == (run.job_name.strip("_"), "killed")


def test_a_failure_that_is_reported_once_more_is_one_line(place, instance, failed):
    tell(place, instance, failed)
    instance.report_run_failed(failed, "once more")
    tell(place, instance, failed)
    assert place.home.ledger.read("failures").height == 1


def test_a_server_that_does_not_speak_http_keeps_nothing_from_the_ledger(place, instance, failed):
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=answer_nonsense, args=(server,))
        thread.start()
        tell(place, instance, failed, f"http://127.0.0.1:{server.getsockname()[1]}/hook")
        thread.join()
    tell(place, instance, failed, "http://chat.example/ho ok")
    assert place.home.ledger.read("failures").height == 1


def answer_nonsense(server):
    client, _ = server.accept()
    with client:
        client.recv(65536)
        client.sendall(b"nonsense\r\n\r\n")

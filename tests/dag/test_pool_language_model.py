"""The pool's language model is trained once; its readers wait for it, and follow only when a person makes another."""

import itertools
import sys

import dagster as dg
import pytest
from transformers import AutoModelForCausalLM

from assets.automation import on_input_change
from assets.jobs import BY_SOURCE
from assets.partitions import source_partitions
from assets.pool import raw_pool
from assets.pool_language_model import better_than_unigram, logged_training, pool_language_model
from assets.sources import source_revisions
from mig_dagster.annotations.pretraining import TrainingProgress
from mig_dagster.stages.pool_language_model import language_model_folder, local_models
from resources.gpu import Gpu
from resources.home import MigHome
from resources.models import Models
from resources.registry import SourceRegistry
from tests.dag import tiny
from tests.dag.ticks import partitions_read_once
from tests.dag.tiny import SOURCES, failure, versions

pytestmark = pytest.mark.filterwarnings("ignore:Parameter `include_sources`")

QUICK = {
    "vocabulary": 320,
    "layers": 1,
    "width": 16,
    "heads": 2,
    "sequence_tokens": 32,
    "steps": 60,
    "learning_rate": 2e-2,
}


@dg.asset(
    deps=[raw_pool, pool_language_model],
    partitions_def=source_partitions,
    automation_condition=on_input_change(),
)
def ifd_scores() -> None:
    """Stands for every annotation that reads the model."""


HOME = MigHome(root="never read")
RESOURCES = {
    "home": HOME,
    "registry": SourceRegistry(path="never read", home=HOME),
    "models": Models(gpu=Gpu(device="cpu")),
}
GRAPH = dg.Definitions([source_revisions, raw_pool, pool_language_model, ifd_scores], resources=RESOURCES)


class Daemon:
    """Evaluates the assets' own conditions on made-up events; what is asked for runs at once, or fails."""

    def __init__(self, instance):
        self.instance, self.cursor, self.fresh = instance, None, itertools.count()

    def report(self, asset, partition=None):
        tags = {"dagster/data_version": str(next(self.fresh)), "dagster/code_version": "1"}
        self.instance.report_runless_asset_event(dg.AssetMaterialization(asset, partition=partition, tags=tags))

    def add(self, *names):
        self.instance.add_dynamic_partitions("source", list(names))
        for name in names:
            self.report("source_revisions", name)

    def tick(self) -> dict[str, list]:
        with partitions_read_once(self.instance):
            result = dg.evaluate_automation_conditions(GRAPH, self.instance, cursor=self.cursor)
        self.cursor = result.cursor
        names = ("raw_pool", "pool_language_model", "ifd_scores")
        found = {name: result.get_requested_partitions(dg.AssetKey(name)) for name in names}
        return {name: sorted(partitions, key=str) for name, partitions in found.items() if partitions}

    def settle(self, fail=()) -> list[dict[str, list]]:
        ticks = []
        while asked := self.tick():
            ticks.append(asked)
            assert len(ticks) < 10, "the conditions keep asking"
            for asset, partitions in asked.items():
                for partition in partitions:
                    if (asset, partition) not in fail:
                        self.report(asset, partition)
        return ticks

    def started(self, asset, partition=None):
        job = GRAPH.resolve_implicit_global_asset_job_def()
        tags = {"dagster/partition": partition} if partition else {}
        run = self.instance.create_run_for_job(job, asset_selection={dg.AssetKey(asset)}, tags=tags)
        begun = dg.DagsterEvent(event_type_value=dg.DagsterEventType.RUN_START.value, job_name=run.job_name)
        self.instance.report_dagster_event(begun, run.run_id)
        return run


MODEL = {"pool_language_model": [None]}


@pytest.fixture
def daemon(instance):
    daemon = Daemon(instance)
    assert daemon.settle() == []
    return daemon


@pytest.fixture
def trained(daemon):
    """Two sources whose rows are read, the model trained on them, and their scores."""
    daemon.add("a", "b")
    assert daemon.settle() == [{"raw_pool": ["a", "b"]}, MODEL, {"ifd_scores": ["a", "b"]}]
    return daemon


def test_a_new_source_is_scored_with_the_model_that_is_there_and_scores_nothing_else(trained):
    trained.add("c")
    assert trained.settle() == [{"raw_pool": ["c"]}, {"ifd_scores": ["c"]}]


def test_a_new_revision_of_a_source_scores_that_source_only(trained):
    trained.report("source_revisions", "a")
    assert trained.settle() == [{"raw_pool": ["a"]}, {"ifd_scores": ["a"]}]


def test_when_a_person_trains_it_anew_every_source_is_scored_again(trained):
    trained.report("pool_language_model")
    assert trained.settle() == [{"ifd_scores": ["a", "b"]}]
    assert trained.settle() == []


def test_another_code_version_leaves_it_alone(trained, monkeypatch):
    changed = pool_language_model.map_asset_specs(lambda spec: spec.replace_attributes(code_version="2"))
    monkeypatch.setitem(
        globals(), "GRAPH", dg.Definitions([source_revisions, raw_pool, changed, ifd_scores], resources=RESOURCES)
    )
    assert trained.settle() == []


def test_it_waits_for_all_sources_that_are_being_read(daemon):
    daemon.add("a", "b")
    assert daemon.tick() == {"raw_pool": ["a", "b"]}
    daemon.report("raw_pool", "a")
    run = daemon.started("raw_pool", "b")
    assert daemon.tick() == {}
    daemon.report("raw_pool", "b")
    daemon.instance.report_run_canceled(run)
    assert daemon.settle() == [MODEL, {"ifd_scores": ["a", "b"]}]


def test_a_source_that_fails_does_not_keep_it_from_being_trained(daemon):
    daemon.add("a", "failing")
    ticks = daemon.settle(fail=[("raw_pool", "failing")])
    assert ticks == [{"raw_pool": ["a", "failing"]}, MODEL, {"ifd_scores": ["a"]}]


def test_while_it_is_trained_nothing_is_scored_and_nothing_trained_twice(trained):
    run = trained.started("pool_language_model")
    trained.add("c")
    assert trained.settle() == [{"raw_pool": ["c"]}]
    trained.report("pool_language_model")
    trained.instance.report_run_canceled(run)
    assert trained.settle() == [{"ifd_scores": ["a", "b", "c"]}]


def test_a_training_that_failed_is_tried_again_when_there_is_more_to_read(daemon):
    """A pool with too little text, say; and not at every tick."""
    daemon.add("a")
    assert daemon.settle(fail=[("pool_language_model", None)]) == [{"raw_pool": ["a"]}, MODEL]
    assert daemon.settle() == []
    daemon.add("b")
    assert daemon.settle() == [{"raw_pool": ["b"]}, MODEL, {"ifd_scores": ["a", "b"]}]


def test_it_is_trained_when_automation_is_switched_on_late(instance):
    daemon = Daemon(instance)
    instance.add_dynamic_partitions("source", ["a"])
    for asset in ("source_revisions", "raw_pool"):
        daemon.report(asset, "a")
    assert daemon.settle() == [MODEL, {"ifd_scores": ["a"]}]


def materialise(place, instance, asset, partition=None, **config):
    """Run one asset in process; returns the result, failed or not."""
    return dg.materialize(
        [source_revisions, raw_pool, pool_language_model],
        selection=[asset],
        partition_key=partition,
        instance=instance,
        resources=place.resources(),
        run_config={
            "ops": {asset: {"config": config}} if config else {},
            "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
        },
        raise_on_error=False,
    )


@pytest.fixture
def read(place, instance):
    """A tiny project whose three sources are read."""
    instance.add_dynamic_partitions("source", list(SOURCES))
    for name in SOURCES:
        assert failure(materialise(place, instance, "raw_pool", name)) == ""
    return place


def test_it_is_materialised_with_its_files_in_the_lake_and_says_how_good_it_is(read, instance):
    result = materialise(read, instance, "pool_language_model", **QUICK)
    assert failure(result) == ""
    (check,) = result.get_asset_check_evaluations()
    assert (check.check_name, check.passed, check.blocking) == ("better_than_unigram", True, True)
    (made,) = result.asset_materializations_for_node("pool_language_model")
    manifest = read.home.lake.current("pool_language_model")
    assert made.tags["dagster/data_version"] == manifest.data_version
    assert made.metadata["perplexity"].value < made.metadata["unigram_perplexity"].value
    assert made.metadata["training_loss"].value.startswith("![loss by steps](data:image/png;base64,")
    assert set(manifest.inputs) == {f"raw_pool/{name}" for name in SOURCES}
    for name, version in manifest.inputs.items():
        assert f"| {name.removeprefix('raw_pool/')} | {version} |" in made.metadata["trained_on"].value
    files = read.home.lake.scan_versions([manifest])
    folder = language_model_folder(files, local_models(read.home.store))
    assert AutoModelForCausalLM.from_pretrained(folder).config.vocab_size == 320


def test_asked_for_again_it_is_the_same_until_its_input_or_seed_is_another(read, instance):
    def version(**changes):
        return versions(materialise(read, instance, "pool_language_model", **(QUICK | changes)))["pool_language_model"]

    first = version()
    assert version() == first
    assert version(seed=1) != first


def test_it_is_not_trained_again_because_a_source_came_meanwhile(read, instance, monkeypatch):
    """Every other asset runs again then."""
    instance.delete_dynamic_partition("source", "notes")
    monkeypatch.setattr(
        sys.modules[better_than_unigram.__module__],  # the package has an asset of the module's name
        "better_than_unigram",
        lambda report: instance.add_dynamic_partitions("source", ["notes"]) or better_than_unigram(report),
    )
    result = materialise(read, instance, "pool_language_model", **QUICK)
    assert result.success
    assert set(read.home.lake.current("pool_language_model").inputs) == {"raw_pool/chat", "raw_pool/maths"}


def test_one_that_learned_nothing_is_not_published_and_the_one_before_stays(read, instance):
    first = versions(materialise(read, instance, "pool_language_model", **QUICK))["pool_language_model"]
    result = materialise(read, instance, "pool_language_model", **(QUICK | {"learning_rate": 1e-9}))
    assert "not published: better_than_unigram: perplexity of" in failure(result)
    assert "of counting tokens: add sources, or name a language model in the options" in failure(result)
    assert read.home.lake.current("pool_language_model").data_version == first


def test_a_pool_with_too_little_text_fails_with_what_to_do(place, instance):
    instance.add_dynamic_partitions("source", ["notes"])
    place.write("notes", [{"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "ho"}]}])
    assert failure(materialise(place, instance, "raw_pool", "notes")) == ""
    told = failure(materialise(place, instance, "pool_language_model"))
    assert "too little text for a language model of its own" in told
    assert "add sources, or name a model" in told


def test_the_log_tells_now_and_then_how_far_training_is():
    now, lines = [0.0], []
    report = logged_training(lines.append, clock=lambda: now[0])
    for step in range(1, 26):
        now[0] = float(step)
        report(TrainingProgress(step, of_steps=100, loss=4.25, tokens=1_000 * step, seconds=float(step)))
    assert lines == [
        "10 of 100 steps trained, loss 4.250, 1,000 tokens a second, 90 s left at this rate",
        "20 of 100 steps trained, loss 4.250, 1,000 tokens a second, 80 s left at this rate",
    ]


def test_where_the_options_name_a_model_nothing_is_trained_and_it_scores(place, instance, tiny_llama):
    instance.add_dynamic_partitions("source", ["maths"])
    written = place.options.read_text()
    place.options.write_text(f"{written}language_model: {{model: {tiny_llama}}}\n")
    assert tiny.materialise(place, instance, *BY_SOURCE, partition="maths").success
    assert tiny.materialise(place, instance, "pool_language_model").success
    assert place.home.lake.current("pool_language_model").info == {"named": str(tiny_llama)}
    assert failure(tiny.materialise(place, instance, "ifd_scores", partition="maths")) == ""
    (annotator,) = place.home.lake.current("ifd_scores", "maths").info["annotators"].values()
    assert annotator["model"] == tiny_llama.name

    place.options.write_text(written)
    told = failure(tiny.materialise(place, instance, "ifd_scores", partition="maths"))
    assert "pool_language_model was not trained, because the options named a language model when it was made" in told
    assert "job train_language_model" in told

"""What the automation conditions ask for, tick by tick, on the real graph with made-up events."""

import itertools

import dagster as dg
import pytest

from assets.automation import DEPTH, DEPTH_OF_COLLECTORS
from assets.jobs import COMPARED, LANGUAGE_MODEL
from assets.sensors import automation_sensor, compared_methods_sensor, language_model_sensor
from mig_dagster.definitions import defs
from mig_dagster.selection import METHODS, reads
from mig_dagster.stages.row_signals import BY_LANGUAGE_MODEL
from tests.dag.ticks import partitions_read_once
from tests.dag.tiny import POOL_LEVEL

FAILS = [("raw_pool", "failing")]
ANNOTATE = ["quality_scores", "row_embeddings", "row_signatures", "tags", "token_counts"]

pytestmark = pytest.mark.filterwarnings("ignore:Parameter `include_sources`")


@pytest.fixture(scope="module")
def location():
    return defs()


class Daemon:
    """Evaluates the conditions of a sensor's assets and pretends to run what they ask for."""

    def __init__(self, location, instance, sensor=automation_sensor):
        self.location, self.instance, self.sensor = location, instance, sensor
        self.cursor = None
        self.versions = {}
        self.fresh = itertools.count()

    def report(self, asset, partition=None, *, same=False):
        """Report a materialisation with a new data version, or with the one it had."""
        if not same:
            self.versions[asset, partition] = f"{self.sensor.name}-{next(self.fresh)}"
        tags = {"dagster/data_version": self.versions[asset, partition]}
        self.instance.report_runless_asset_event(dg.AssetMaterialization(asset, partition=partition, tags=tags))

    def tick(self) -> dict[str, list]:
        """Return what is requested now: asset to partitions (None for an asset without)."""
        targets = self.sensor.asset_selection
        with partitions_read_once(self.instance):
            result = dg.evaluate_automation_conditions(self.location, self.instance, targets, cursor=self.cursor)
        self.cursor = result.cursor
        requested = {}
        for asset in ["raw_pool", *ANNOTATE, *LANGUAGE_MODEL, *BY_LANGUAGE_MODEL, *POOL_LEVEL, *COMPARED]:
            key = dg.AssetKey(asset)
            if result.get_num_requested(key):
                requested[asset] = sorted(result.get_requested_partitions(key), key=str)
        return requested

    def settle(self, *, same=(), fail=()) -> list[dict[str, list]]:
        """Tick and run until nothing is requested; return what was requested at each tick.

        Assets in `same` come out as they were; those in `fail` are (asset, partition) that fail.
        """
        ticks = []
        while requested := self.tick():
            ticks.append(requested)
            assert len(ticks) < 20, "the conditions keep asking"
            for asset, partitions in requested.items():
                for partition in partitions:
                    if (asset, partition) not in fail:
                        self.report(asset, partition, same=asset in same)
        return ticks


def started(location, instance, names=("a", "b")) -> Daemon:
    """Return a daemon that has seen some new sources."""
    daemon = Daemon(location, instance)
    assert daemon.tick() == {}
    instance.add_dynamic_partitions("source", list(names))
    for name in names:
        daemon.report("source_revisions", name)
    return daemon


@pytest.fixture(scope="module")
def settled(location):
    """A daemon for which everything is up to date; every test that uses it leaves it so. Nothing is compared yet.

    Of its three sources, `failing` was never read.
    """
    with dg.DagsterInstance.ephemeral() as instance:
        daemon = started(location, instance, ("a", "b", "failing"))
        daemon.first_ticks = daemon.settle(fail=FAILS)
        yield daemon


@pytest.fixture(scope="module")
def scoring(location, settled):
    """The sensor of the language model on the instance of `settled`, everything up to date; every test leaves it so."""
    daemon = Daemon(location, settled.instance, language_model_sensor)
    daemon.first_ticks = daemon.settle()
    settled.settle()
    return daemon


@pytest.fixture(scope="module")
def both(location, settled, scoring):
    """`settled`, and the sensor of the methods on the same instance, everything up to date; every test leaves it so."""
    other = Daemon(location, settled.instance, compared_methods_sensor)
    other.first_ticks = other.settle()
    settled.settle()
    return settled, other


def compared(*without: str) -> list[str]:
    """Return the compared subsets, without those of some methods."""
    names = METHODS.keys() - {"mig", *without}
    return sorted(f"{name}_subset" for name in names)


def annotated(partitions):
    return {asset: list(partitions) for asset in ANNOTATE}


def assets_of(ticks):
    return [asset for tick in ticks for asset in tick]


def test_new_sources_flow_through_the_whole_graph_once_and_one_that_fails_blocks_nothing(settled):
    both = ["a", "b"]
    assert settled.first_ticks == [
        {"raw_pool": [*both, "failing"]},
        annotated(both),
        {"pool": [None], "label_vocabulary": [None]},
        {"label_embeddings": [None]},
        {"label_graph": [None]},
        {"mig_subset": [None]},
        {"subset_export": [None]},
        {"lineage_catalog": [None]},
    ]


def test_a_changed_source_recomputes_that_source_only_then_everything_behind_once(settled):
    settled.report("source_revisions", "a")
    ticks = settled.settle()
    assert ticks[:2] == [{"raw_pool": ["a"]}, annotated(["a"])]
    assert sorted(assets_of(ticks[2:])) == sorted(POOL_LEVEL)


def test_a_revision_that_was_reported_again_asks_for_nothing(settled):
    settled.report("source_revisions", "a", same=True)
    assert settled.settle() == []


def test_new_bytes_with_the_same_rows_stop_at_raw_pool(settled):
    settled.report("source_revisions", "a")
    assert settled.settle(same=["raw_pool"]) == [{"raw_pool": ["a"]}]


def test_rows_with_the_same_tags_leave_the_label_space_alone(settled):
    settled.report("source_revisions", "a")
    ran = assets_of(settled.settle(same=["tags"]))
    assert not {"label_vocabulary", "label_embeddings", "label_graph"} & set(ran)
    assert ran.count("mig_subset") == 1


def test_the_same_vocabulary_leaves_embeddings_and_graph_alone(settled):
    settled.report("tags", "a")
    ran = assets_of(settled.settle(same=["label_vocabulary"]))
    assert ran == ["label_vocabulary", "mig_subset", "subset_export", "lineage_catalog"]


def test_while_something_upstream_is_at_work_what_reads_it_waits(settled):
    """mig_subset reads quality_scores directly and tags through the label graph: both must be done before it starts."""
    job = settled.location.resolve_job_def("rebuild_label_space_and_subsets")
    run = settled.instance.create_run_for_job(job, asset_selection={dg.AssetKey("label_embeddings")})
    settled.instance.report_run_canceling(run)  # a run that has begun and is not over
    settled.report("quality_scores", "a")
    assert settled.settle() == []
    settled.instance.report_run_canceled(run)
    assert assets_of(settled.settle()) == ["mig_subset", "subset_export", "lineage_catalog"]


def test_a_source_that_failed_is_read_again_once_for_each_change(settled):
    settled.report("source_revisions", "failing")
    assert settled.settle(fail=FAILS) == [{"raw_pool": ["failing"]}]


def test_an_asset_that_lacks_an_input_altogether_is_not_asked_for(location, instance):
    ticks = started(location, instance).settle(fail=[("tags", "a"), ("tags", "b")])
    assert assets_of(ticks) == ["raw_pool", *ANNOTATE, "pool"]


def test_the_language_model_is_trained_once_and_then_scores_every_source(scoring):
    assert scoring.first_ticks == [
        {"pool_language_model": [None]},
        {"ifd_scores": ["a", "b"], "indicators": ["a", "b"]},
    ]


def test_a_source_that_changes_is_scored_alone_by_the_model_there_is(scoring, settled):
    settled.report("raw_pool", "b")
    assert scoring.settle() == [{"ifd_scores": ["b"], "indicators": ["b"]}]
    settled.settle()


def test_a_model_that_a_person_trains_anew_scores_every_source_again(scoring, settled):
    scoring.report("pool_language_model")
    assert scoring.settle() == [{"ifd_scores": ["a", "b"], "indicators": ["a", "b"]}]
    settled.settle()


def test_switched_on_the_other_sensor_makes_what_can_be_made_and_then_the_report(both):
    _, other = both
    assert [sorted(tick) for tick in other.first_ticks] == [compared(), ["selection_report"]]
    assert other.settle() == []


def test_the_catalog_takes_in_a_comparison_but_does_not_wait_for_one(both):
    daemon, other = both
    assert "lineage_catalog" in daemon.first_ticks[-1]  # when nothing had been compared
    other.report("random_subset")
    assert other.settle() == [{"selection_report": [None]}]
    assert daemon.tick() == {}  # the report's input changed: it may be at work
    assert daemon.settle() == [{"lineage_catalog": [None]}]


def test_a_new_score_leaves_methods_that_read_none_alone(both):
    daemon, other = both
    daemon.report("quality_scores", "a")
    daemon.settle()
    blind = [name for name in METHODS if "quality_scores" not in reads(METHODS[name])]
    assert [sorted(tick) for tick in other.settle()] == [compared(*blind), ["selection_report"]]
    daemon.settle()


def test_new_ratios_ask_for_the_methods_that_read_them(both):
    daemon, other = both
    waiting = sorted(f"{name}_subset" for name in METHODS if "ifd_scores" in reads(METHODS[name]))
    other.report("ifd_scores", "a")
    assert sorted(other.settle()[0]) == waiting
    daemon.settle()


def test_work_is_seen_however_far_upstream_it_is(location):
    """The condition looks DEPTH steps up; the last step also sees an input of that asset change."""
    parents = {
        spec.key.to_user_string(): {dep.asset_key.to_user_string() for dep in spec.deps}
        for asset in location.assets
        for spec in ([asset] if isinstance(asset, dg.AssetSpec) else asset.specs)
    }
    for asset in [*POOL_LEVEL, *COMPARED]:
        distance, reached, frontier = 0, set(), {asset}
        while frontier := set().union(*(parents[name] for name in frontier)) - reached:
            distance += 1
            reached |= frontier
        depth = DEPTH_OF_COLLECTORS if asset in ("lineage_catalog", "selection_report") else DEPTH
        assert distance <= depth + 1, f"{asset} has an input {distance} steps away"

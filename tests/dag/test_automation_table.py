"""What the two automation conditions make of every kind of change, on the graph of `automation_world`."""

from collections.abc import Callable

import dagster as dg
import pytest

from tests.dag.automation_world import DEPS, World

NOTHING: dict[str, object] = {}

pytestmark = pytest.mark.filterwarnings("ignore:Parameter `include_sources`")


@pytest.fixture(scope="module")
def first_world():
    with dg.DagsterInstance.ephemeral() as instance:
        world = World(instance)
        world.tick()
        world.instance.add_dynamic_partitions("source", ["a", "b"])
        world.change("a", "b")
        assert world.settle() == {"raw": "ab", "norm": "ab", "graph": 1, "subset": 1}
        yield world


@pytest.fixture
def world(first_world):
    """Sources a and b, everything up to date; what a test adds or breaks is gone after it."""
    yield first_world
    first_world.same = set()
    for letter in set(first_world.names) - {"a", "b"}:
        first_world.remove(letter)
    first_world.names = {"a": "a", "b": "b"}
    first_world.add("a", "b")
    if first_world.failing:
        first_world.failing = set()
        first_world.change("a", "b")
        first_world.report("graph")
    first_world.settle()


Situation = Callable[[World], object]
EVERYTHING_BEHIND_A = {"raw": "a", "norm": "a", "graph": 1, "subset": 1}


def revision_reported_again(world: World) -> None:
    world.report("revisions", "a", same=True)


def raw_rerun_with_the_same_version(world: World) -> None:
    world.report("raw", "a", same=True)


def new_revision(world: World) -> None:
    world.change("a")


def new_revisions_of_both(world: World) -> None:
    world.change("a", "b")


def new_bytes_same_rows(world: World) -> None:
    world.same = {"raw"}
    world.change("a")


def new_rows_same_norm(world: World) -> None:
    world.same = {"norm"}
    world.change("a")


def norm_recomputed_same_output(world: World) -> None:
    world.report("norm", "a", same=True)


def norm_recomputed_new_output(world: World) -> None:
    world.report("norm", "a")


def same_graph_of_new_rows(world: World) -> None:
    world.same = {"graph"}
    world.change("a")


def graph_rerun_with_another_output(world: World) -> None:
    world.report("graph")


def graph_rerun_with_the_same_output(world: World) -> None:
    world.report("graph", same=True)


def source_that_always_fails(world: World) -> None:
    world.failing = {("raw", "c")}
    world.add("c")
    world.change("a", "c")


def change_beside_a_source_that_failed_before(world: World) -> None:
    source_that_always_fails(world)
    world.settle()
    world.change("b")


def failed_source_that_changed_again(world: World) -> None:
    source_that_always_fails(world)
    world.settle()
    world.failing = set()
    world.change("c")


def failed_change_of_a_good_source_that_changed_again(world: World) -> None:
    world.failing = {("raw", "a")}
    world.change("a")
    assert world.settle() == {"raw": "a"}
    world.failing = set()
    world.change("a")


def failed_subset_whose_input_changed_again(world: World) -> None:
    world.failing = {("subset", None)}
    world.report("graph")
    assert world.settle() == {"subset": 1}
    world.failing = set()
    world.report("graph")


def partition_that_nobody_downloaded(world: World) -> None:
    world.add("c")
    world.change("a")


def new_code_of_raw_same_rows(world: World) -> None:
    world.same = {"raw"}
    world.bump("raw")


def new_code_of_norm(world: World) -> None:
    world.bump("norm")


def new_code_of_norm_same_output(world: World) -> None:
    world.same = {"norm"}
    world.bump("norm")


def new_code_of_graph(world: World) -> None:
    world.bump("graph")


def new_code_of_graph_same_output(world: World) -> None:
    world.same = {"graph"}
    world.bump("graph")


def new_code_beside_a_source_that_failed(world: World) -> None:
    source_that_always_fails(world)
    world.settle()
    new_code_of_norm(world)


def partition_removed(world: World) -> None:
    world.remove("b")


def partition_removed_and_another_changed(world: World) -> None:
    partition_removed(world)
    world.change("a")


def partition_added_back(world: World) -> None:
    partition_removed(world)
    world.settle()
    world.add("b")


def partition_added_back_changed(world: World) -> None:
    partition_added_back(world)
    world.change("b")


def another_source(world: World) -> None:
    world.add("c")
    world.change("c")


TABLE: dict[Situation, dict[str, object]] = {
    revision_reported_again: NOTHING,
    raw_rerun_with_the_same_version: NOTHING,
    new_revision: EVERYTHING_BEHIND_A,
    new_revisions_of_both: {"raw": "ab", "norm": "ab", "graph": 1, "subset": 1},
    another_source: {"raw": "c", "norm": "c", "graph": 1, "subset": 1},
    new_bytes_same_rows: {"raw": "a"},
    new_rows_same_norm: {"raw": "a", "norm": "a"},
    norm_recomputed_same_output: NOTHING,
    norm_recomputed_new_output: {"graph": 1, "subset": 1},
    same_graph_of_new_rows: EVERYTHING_BEHIND_A,
    graph_rerun_with_another_output: {"subset": 1},
    graph_rerun_with_the_same_output: NOTHING,
    source_that_always_fails: {"raw": "ac", "norm": "a", "graph": 1, "subset": 1},
    change_beside_a_source_that_failed_before: {"raw": "b", "norm": "b", "graph": 1, "subset": 1},
    failed_source_that_changed_again: {"raw": "c", "norm": "c", "graph": 1, "subset": 1},
    failed_change_of_a_good_source_that_changed_again: EVERYTHING_BEHIND_A,
    failed_subset_whose_input_changed_again: {"subset": 1},
    partition_that_nobody_downloaded: EVERYTHING_BEHIND_A,
    new_code_of_raw_same_rows: {"raw": "ab"},
    new_code_of_norm: {"norm": "ab", "graph": 1, "subset": 1},
    new_code_of_norm_same_output: {"norm": "ab"},
    new_code_of_graph: {"graph": 1, "subset": 1},
    new_code_of_graph_same_output: {"graph": 1},
    new_code_beside_a_source_that_failed: {"norm": "ab", "graph": 1, "subset": 1},
    # No data version changed: the sources sensor asks for the pool itself (test_sensors.py).
    partition_removed: NOTHING,
    partition_removed_and_another_changed: EVERYTHING_BEHIND_A,
    partition_added_back: NOTHING,
    partition_added_back_changed: {"raw": "b", "norm": "b", "graph": 1, "subset": 1},
}


@pytest.mark.parametrize("situation", TABLE, ids=lambda situation: situation.__name__)
def test_what_runs_after(world, situation):
    situation(world)
    assert world.settle() == TABLE[situation]
    assert world.settle() == NOTHING


def test_of_many_registered_sources_those_that_were_downloaded_run_and_the_graph_once(world):
    """Beyond 100 partitions Dagster stops tracking single inputs, though not their changes."""
    names = [f"{i:03}" for i in range(120)]
    world.add(*names)
    world.change(*names[:30])
    downloaded = "".join(names[:30])
    assert world.settle() == {"raw": downloaded, "norm": downloaded, "graph": 1, "subset": 1}
    world.change(names[7], names[40])
    some = names[7] + names[40]
    assert world.settle() == {"raw": some, "norm": some, "graph": 1, "subset": 1}


def test_an_asset_waits_while_its_input_is_at_work(world):
    world.report("raw", "a")
    run = world.start("raw", "a")
    world.change("b")
    assert world.tick() == {"raw": ["b"]}
    world.report("raw", "b")
    assert world.tick() == {"norm": ["b"]}  # a's input may change again
    world.report("norm", "b")
    assert world.tick() == NOTHING  # neither graph nor subset
    world.report("raw", "a")
    world.instance.report_run_canceled(run)
    assert world.settle() == {"norm": "a", "graph": 1, "subset": 1}


def test_an_asset_is_not_asked_for_while_it_runs_itself(world):
    run = world.start("graph")
    world.report("norm", "a")
    assert world.settle() == NOTHING
    world.instance.report_run_canceled(run)
    assert world.settle() == {"graph": 1, "subset": 1}


def test_what_reads_an_asset_that_is_asked_for_in_the_same_tick_waits_for_it(world):
    """subset reads norm directly and again through graph; it runs after both."""
    world.report("norm", "a")
    assert world.tick() == {"graph": [None]}
    world.report("graph")
    assert world.tick() == {"subset": [None]}
    world.report("subset")


def test_a_new_version_of_everything_runs_everything_once_from_the_start_of_the_graph(world):
    world.bump(*DEPS)
    assert world.tick() == {"raw": ["a", "b"]}
    world.report("raw", "a")
    world.report("raw", "b")
    assert world.settle() == {"norm": "ab", "graph": 1, "subset": 1}


def test_a_change_just_after_a_run_was_asked_for_is_not_forgotten(world):
    world.change("a")
    assert world.tick() == {"raw": ["a"]}
    world.change("a")  # before the next tick, and nobody knows which of the two the run will read
    run = world.start("raw", "a")
    assert world.tick() == NOTHING
    world.instance.report_run_failed(run)
    assert world.settle() == EVERYTHING_BEHIND_A


def test_a_change_just_after_the_end_of_a_run_is_not_forgotten(world):
    world.report("graph")
    assert world.tick() == {"subset": [None]}
    assert world.tick() == NOTHING
    world.report("subset")
    world.report("norm", "a")
    world.report("graph")  # all in one tick
    assert world.tick() == NOTHING  # norm changed: graph might be asked for now
    assert world.settle() == {"subset": 1}


def test_a_run_of_inputs_and_what_reads_them_leaves_nothing_to_do(world):
    """As a job that somebody started by hand, which ends within one tick."""
    for asset, partition in (("raw", "a"), ("norm", "a"), ("graph", None), ("subset", None)):
        world.report(asset, partition)
    assert world.settle() == NOTHING
    world.report("norm", "a", same=True)
    assert world.settle() == NOTHING


def test_a_first_tick_on_an_instance_where_all_is_there_asks_for_nothing(world):
    world.cursor = None
    assert world.settle() == NOTHING


def test_a_first_tick_on_an_existing_instance_asks_for_a_pooled_asset_that_is_missing(world):
    world.instance.wipe_assets([dg.AssetKey("subset")])
    world.cursor = None
    assert world.settle() == {"subset": 1}


def test_a_first_tick_on_an_existing_instance_asks_for_a_source_that_is_missing(world):
    world.add("c")
    world.change("c")
    world.cursor = None
    assert world.settle() == {"raw": "c", "norm": "c", "graph": 1, "subset": 1}

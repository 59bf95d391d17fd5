"""Budgets in tokens in the assets: what counts, what a subset reads of it, and what is said where it is not there."""

import pytest

from assets.jobs import INGESTED
from tests.dag.tiny import SOURCES, failure, materialise


@pytest.fixture
def ingested(place, instance):
    instance.add_dynamic_partitions("source", list(SOURCES))
    for source in SOURCES:
        assert materialise(place, instance, *INGESTED, partition=source).success
    assert materialise(place, instance, "pool").success
    return place


def test_a_subset_under_tokens_reads_the_counts_and_one_under_rows_does_not(ingested, instance):
    for source in SOURCES:
        assert materialise(ingested, instance, "token_counts", partition=source).success
    counts = ingested.home.lake.current("token_counts", "chat")
    assert set(counts.info["annotators"].popitem()[1]["parameters"]) == set()
    made = materialise(ingested, instance, "random_subset", config={"random_subset": {"budget": "120tok"}})
    assert failure(made) == ""
    [check] = [c for c in made.get_asset_check_evaluations() if c.check_name == "budget_met"]
    assert check.passed
    assert check.description.endswith("of 120 tokens")
    subset = ingested.home.lake.current("random_subset")
    assert subset.inputs["token_counts/chat"] == counts.data_version
    assert 0 < subset.info["tokens"]["used"]["tokens"] <= 120
    assert materialise(ingested, instance, "random_subset").success
    assert not [name for name in ingested.home.lake.current("random_subset").inputs if name.startswith("token_counts")]


def test_without_counts_it_is_said_what_to_run(ingested, instance):
    assert materialise(ingested, instance, "token_counts", partition="maths").success
    told = failure(materialise(ingested, instance, "random_subset", config={"random_subset": {"budget": "120tok"}}))
    assert "needs token_counts, which chat, notes lack: run `mig-dagster backfill --sources chat,notes" in told

"""The options file reaches every asset that it has words for, and the Launchpad goes before it."""

import shutil
from dataclasses import replace

import pytest
import yaml

from assets.label_space import LabelGraphConfig, VocabularyConfig
from mig_dagster.graph import Association
from mig_dagster.stages.label_space import VocabularyOptions
from mig_dagster.stages.pool_options import GraphOptions
from tests.dag.test_mixed_annotators import sign
from tests.dag.tiny import SOURCES, failure, materialise

CONFIGURED = VocabularyOptions(
    min_count=7, merge_distance=None, association=Association(50, 0.9), list_path="tags.json"
)


@pytest.fixture
def configured(finished, instance, tmp_path):
    """A copy of the finished project; returns it with other options."""
    shutil.copytree(finished[0].folder, tmp_path / "copy")
    instance.add_dynamic_partitions("source", list(SOURCES))
    place = replace(finished[0], folder=tmp_path / "copy")

    def write(**sections):
        options = yaml.safe_load(place.options.read_text(encoding="utf-8"))
        place.options.write_text(yaml.safe_dump(options | sections), encoding="utf-8")
        return place

    return write


def made(place, instance, asset, **asked):
    result = materialise(place, instance, asset, config={asset: asked} if asked else None)
    assert result.success, failure(result)
    return place.home.lake.current(asset).info


def test_the_label_space_is_as_the_options_file_says(configured, instance):
    place = configured(label_vocabulary={"min_count": 20}, label_graph={"threshold": 0.5})
    before = place.home.lake.current("label_vocabulary").info
    assert made(place, instance, "label_vocabulary")["steps"]["dropped_rare"] > 0
    assert made(place, instance, "label_vocabulary", min_count=2) == before
    assert made(place, instance, "label_graph")["threshold"] == 0.5
    assert made(place, instance, "label_graph", threshold=0.7)["threshold"] == 0.7
    assert made(place, instance, "label_graph", target_mean_degree=2.0)["threshold"] not in (0.5, 0.7)


def test_a_mix_is_accepted_where_the_options_file_says_so_and_the_launchpad_does_not_object(configured, instance):
    place = configured(accept_mixed_annotators=True)
    sign(place, "quality_scores", "maths")
    assert "accept_mixed_annotators allows" in made(place, instance, "mig_subset")["warnings"][0]
    refused = materialise(place, instance, "mig_subset", config={"mig_subset": {"accept_mixed_annotators": False}})
    assert "come from several annotators" in failure(refused)


def test_the_largest_share_of_nulls_is_that_of_the_options_file(configured, instance):
    place = configured(max_null_share=-1)
    assert "max_null_share" in failure(materialise(place, instance, "mig_subset"))
    made(place, instance, "mig_subset", max_null_share=0.0)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, CONFIGURED),
        ({"mode": "closed", "min_count": 1}, replace(CONFIGURED, mode="closed", min_count=1)),
        ({"list_path": "others.json"}, replace(CONFIGURED, list_path="others.json")),
        ({"merge_distance": 0.1}, replace(CONFIGURED, merge_distance=0.1)),
        ({"merge_by": "meaning"}, replace(CONFIGURED, merge_distance=0.05)),
        ({"merge_by": "spelling", "merge_distance": 0.1}, CONFIGURED),
        ({"association": False}, replace(CONFIGURED, association=None)),
        ({"min_support": 3}, replace(CONFIGURED, association=Association(3, 0.9))),
    ],
)
def test_what_the_launchpad_says_of_the_vocabulary_goes_first(asked, expected):
    assert VocabularyConfig(**asked).over(CONFIGURED) == expected


def test_association_can_be_asked_for_where_it_is_not_configured():
    found = VocabularyConfig(association=True, min_confidence=0.8).over(VocabularyOptions())
    assert found == VocabularyOptions(association=Association(min_confidence=0.8))


@pytest.mark.parametrize(
    ("asked", "configured", "expected"),
    [
        ({}, GraphOptions(), (None, 4.0)),
        ({}, GraphOptions(threshold=0.9), (0.9, None)),
        ({"threshold": 0.8}, GraphOptions(target_mean_degree=2.0), (0.8, None)),
        ({"target_mean_degree": 3.0}, GraphOptions(threshold=0.9), (None, 3.0)),
    ],
)
def test_one_of_the_two_limits_of_the_label_graph_is_set(asked, configured, expected):
    assert tuple(LabelGraphConfig(**asked).over(configured).values()) == expected


def test_what_the_options_file_says_wrongly_is_said_by_the_run_in_words(place, instance):
    instance.add_dynamic_partitions("source", ["maths"])
    place.options.write_text("encodr: {}", encoding="utf-8")
    told = failure(materialise(place, instance, "raw_pool", partition="maths"))
    assert told.startswith("raw_pool: Failure: ")
    assert f"{place.options}: encodr: " in told
    place.options.write_text("encoder: {model: /no/such/folder}", encoding="utf-8")
    assert materialise(place, instance, "raw_pool", partition="maths").success
    told = failure(materialise(place, instance, "tags", partition="maths"))
    assert told.startswith("tags: Failure: ")
    assert "/no/such/folder" in told.splitlines()[0]

from types import SimpleNamespace

import pytest

from mig_dagster.stages.scale import annotators_of, scale_of


def scored(partition, scale, annotators=None):
    return SimpleNamespace(
        asset="quality_scores", partition=partition, info={"scale": scale, "annotators": annotators or {}}
    )


def test_the_scale_of_all_sources_is_one():
    assert scale_of([scored("a", "lexical, turn_mean"), scored("b", "lexical, turn_mean")]) == "lexical, turn_mean"


def test_two_scales_are_refused_by_name():
    with pytest.raises(ValueError, match="found deita, turn_mean of b; lexical, turn_mean of a, c: materialise"):
        scale_of(
            [scored("a", "lexical, turn_mean"), scored("b", "deita, turn_mean"), scored("c", "lexical, turn_mean")]
        )


def test_other_signals_have_no_scale():
    tagged = SimpleNamespace(asset="tags", partition="a", info={})
    assert scale_of([tagged, scored("a", "lexical, turn_mean")]) == "lexical, turn_mean"


def test_no_scale_is_refused():
    with pytest.raises(ValueError, match="must be on one scale, found none"):
        scale_of([])


def test_annotators_are_collected_by_fingerprint():
    found = annotators_of([scored("a", "x", {"f2": {"name": "b"}}), scored("b", "x", {"f1": {"name": "a"}})])
    assert found == {"f1": {"name": "a"}, "f2": {"name": "b"}}

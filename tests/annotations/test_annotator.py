import dataclasses

import pytest

from mig_dagster.annotations.annotator import Annotator
from mig_dagster.annotations.flags import FLAGS, Defect

BASE = Annotator("score", "a/model", "abc", "v1", {"dtype": "float32"})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "other"),
        ("model", "b/model"),
        ("revision", None),
        ("prompt_version", "v2"),
        ("parameters", {"dtype": "bfloat16"}),
    ],
)
def test_a_change_in_any_field_changes_the_fingerprint(field, value):
    assert dataclasses.replace(BASE, **{field: value}).fingerprint != BASE.fingerprint


def test_the_fingerprint_does_not_depend_on_the_order_of_parameters():
    one = Annotator("score", "m", parameters={"a": 1, "b": 2})
    assert one.fingerprint == Annotator("score", "m", parameters={"b": 2, "a": 1}).fingerprint


def test_the_fingerprint_is_the_same_in_every_process():
    """It keys caches that live for years, so a change here throws them all away: change it knowingly."""
    assert BASE.fingerprint == "bc3b90647216ed7f"
    assert len(BASE.fingerprint) == 16


def test_an_annotator_is_written_down_as_all_its_fields():
    assert set(BASE.as_dict()) == {field.name for field in dataclasses.fields(Annotator)}


def test_a_flag_outside_the_list_is_refused():
    with pytest.raises(ValueError, match="unknown flag 'oops': expected one of empty_text"):
        Defect("oops")


def test_every_flag_is_described():
    assert all(FLAGS.values())

"""Types that `datasets` takes from JSON Lines, against PyArrow, which it reads them with."""

import io
import json
import random

import pyarrow as pa
import pyarrow.json
import pytest

from mig_dagster.export.consumers import inference
from mig_dagster.export.consumers.inference import Inference

VALUES = [
    None,
    True,
    3,
    2.5,
    "text",
    [],
    [1],
    ["a"],
    [{"a": 1}],
    {},
    {"a": 1},
    {"a": "b"},
    {"b": None},
    {"a": {"b": 1}},
]


def reasons(records, json_fields):
    seen = Inference(json_fields)
    return [found.reason for record in records for found in seen.add(record)]


def refused(records):
    """Say whether PyArrow refuses some lines, as one block."""
    text = "".join(json.dumps(record) + "\n" for record in records).encode()
    try:
        pyarrow.json.read_json(io.BytesIO(text), read_options=pyarrow.json.ReadOptions(block_size=1 << 20))
    except pa.ArrowInvalid:
        return True
    return False


@pytest.mark.parametrize("seed", range(300))
def test_lines_are_of_mixed_types_exactly_where_pyarrow_refuses_them(seed):
    draw = random.Random(seed)
    records = [{"x": draw.choice(VALUES), "y": [{"z": draw.choice(VALUES)}]} for _ in range(draw.randint(1, 4))]
    assert ("mixed_types" in reasons(records, json_fields=False)) == refused(records)
    assert "mixed_types" not in reasons(records, json_fields=True)


@pytest.mark.parametrize("json_fields", [False, True])
@pytest.mark.parametrize(
    ("first", "later", "found"),
    [
        ({"a": "x"}, {"a": "y"}, []),
        ({"a": "x"}, {"a": None}, []),
        ({"a": None}, {"a": "x"}, ["late_field"]),
        ({"a": "x"}, {"a": "x", "b": 1}, ["late_field"]),
        ({"a": {"b": 1}}, {"a": {"b": 1, "c": 2}}, ["late_field"]),
        ({"a": []}, {"a": ["x"]}, ["late_field"]),
        ({"a": {"b": 1}}, {"a": "x"}, ["mixed_types"]),
    ],
)
def test_what_first_comes_after_the_first_block_ends_the_reading(monkeypatch, json_fields, first, later, found):
    monkeypatch.setattr(inference, "BLOCK", 1)
    assert reasons([first, later], json_fields) == found
    monkeypatch.setattr(inference, "BLOCK", 1 << 20)
    assert "late_field" not in reasons([first, later], json_fields)


def test_objects_of_unequal_keys_are_filled_with_nulls_by_old_versions_and_kept_by_new_ones():
    calls = [{"messages": [{"calls": [{"arguments": {name: 1}}]}]} for name in ("a", "b")]
    assert reasons(calls, json_fields=False) == ["null_filled"]
    assert reasons(calls, json_fields=True) == []


def test_a_file_that_says_its_types_has_columns_only():
    seen = Inference(False, typed=True)
    assert [*seen.add({"a": 1}), *seen.add({"a": "x", "b": []})] == []
    assert seen.columns == {"a", "b"}

"""The hash of a table's values: blind to chunks, sensitive to every value."""

import math
from datetime import UTC, date, datetime
from decimal import Decimal

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mig_dagster.storage.digest import ValuesDigest, row_bytes, values_digest

TEXT = st.none() | st.text(st.characters(codec="utf-8"), max_size=5)
SCHEMA = {
    "text": pl.String,
    "number": pl.Int64,
    "score": pl.Float64,
    "known": pl.Boolean,
    "tags": pl.List(pl.String),
    "messages": pl.List(pl.Struct({"role": pl.String, "content": pl.String})),
    "vector": pl.Array(pl.Float32, 2),
}
# NaNs have many bit patterns, which do not all survive the way through Python: one stands for them.
FLOATS = st.none() | st.floats(width=32).map(lambda number: math.nan if number != number else number)
DOUBLES = st.none() | st.floats().map(lambda number: math.nan if number != number else number)
ROW = st.fixed_dictionaries(
    {
        "text": TEXT,
        "number": st.none() | st.integers(-(2**63), 2**63 - 1),
        "score": DOUBLES,
        "known": st.none() | st.booleans(),
        "tags": st.none() | st.lists(TEXT, max_size=3),
        "messages": st.none()
        | st.lists(st.none() | st.fixed_dictionaries({"role": TEXT, "content": TEXT}), max_size=3),
        "vector": st.none() | st.lists(FLOATS, min_size=2, max_size=2),
    }
)


def frame(rows):
    return pl.DataFrame(rows, schema=SCHEMA)


def same(left, right):
    """Equality of values with floats by their bits, by a slow road: Python objects."""
    return _bits(left) == _bits(right)


def _bits(value):
    if isinstance(value, float):
        return np.float64(value).tobytes()
    if isinstance(value, dict):
        return {key: _bits(item) for key, item in value.items()}
    return [_bits(item) for item in value] if isinstance(value, list) else value


@settings(max_examples=150, deadline=None)
@given(st.lists(ROW, max_size=12), st.data())
def test_chunks_do_not_matter(rows, data):
    whole = frame(rows)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(rows)), max_size=4)))
    digest = ValuesDigest(whole.columns)
    for start, stop in zip([0, *cuts], [*cuts, len(rows)], strict=True):
        digest.update(whole[start:stop])
    pieces = pl.concat([whole[i : i + 1] for i in range(len(rows))] or [whole], rechunk=False)
    assert digest.hexdigest() == values_digest(whole) == values_digest(pieces)


@settings(max_examples=200, deadline=None)
@given(st.lists(ROW, min_size=1, max_size=4), st.lists(ROW, min_size=1, max_size=4), st.data())
def test_equal_frames_have_equal_digests_and_others_do_not(left, right, data):
    if data.draw(st.booleans()):  # one changed value in an equal frame
        right = [dict(row) for row in left]
        column = data.draw(st.sampled_from(list(SCHEMA)))
        right[data.draw(st.integers(0, len(left) - 1))][column] = data.draw(ROW)[column]
    equal = same(frame(left).to_dicts(), frame(right).to_dicts())
    assert (values_digest(frame(left)) == values_digest(frame(right))) == equal


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ([None], [""]),
        (["ab", "c"], ["a", "bc"]),
        ([[]], [None]),
        ([["a"], ["b"]], [["a", "b"], []]),
        ([0.0], [-0.0]),
        ([{"a": None}], [None]),
        ([1], [1.0]),
        ([1], [True]),
        ([b"a"], ["a"]),
        ([date(2026, 1, 1)], [datetime(2026, 1, 1)]),
        ([Decimal("1.0")], [Decimal("1.1")]),
        ([datetime(2026, 1, 1)], [datetime(2026, 1, 1, tzinfo=UTC)]),
    ],
)
def test_lookalikes_differ(left, right):
    assert values_digest(pl.DataFrame({"a": left})) != values_digest(pl.DataFrame({"a": right}))


def test_names_types_and_the_order_of_columns_count():
    one = pl.DataFrame({"a": [1], "b": [2]})
    digests = {
        values_digest(one),
        values_digest(one, ["b", "a"]),
        values_digest(one, ["a"]),
        values_digest(one.rename({"a": "c"})),
        values_digest(one.cast(pl.Int32)),
    }
    assert len(digests) == 5
    assert values_digest(one, ["b", "a"]) == values_digest(one.select("b", "a"))


def test_empty_tables_are_told_apart_by_their_columns():
    empty = pl.DataFrame(schema={"a": pl.String})
    assert values_digest(empty) != values_digest(pl.DataFrame(schema={"a": pl.Int64}))
    assert values_digest(empty) == values_digest(pl.DataFrame({"a": ["x"]}).clear())


def test_categories_count_as_the_strings_they_stand_for():
    text = pl.DataFrame({"a": ["x", "y", None, "x"]})
    nested = pl.DataFrame({"a": [["x", "y"], []]})
    assert values_digest(text.cast(pl.Categorical)) == values_digest(text)
    assert values_digest(text.cast(pl.Enum(["y", "x"]))) == values_digest(text)
    assert values_digest(nested.cast(pl.List(pl.Categorical))) == values_digest(nested)


def test_what_stands_under_a_null_does_not_count():
    plain = pl.DataFrame({"a": [1, None], "t": ["x", None], "l": [[1], None]})
    masked = pl.DataFrame({"a": [1, 7], "t": ["x", "secret"], "l": [[1], [2, 3]]}).with_columns(
        pl.when(pl.Series([True, False])).then(pl.all())
    )
    assert plain.equals(masked)
    assert values_digest(plain) == values_digest(masked)


def test_the_digest_is_the_same_today_as_when_this_test_was_written():
    """Data versions are kept for years: a change here would recompute everything that anyone has."""
    known = pl.DataFrame(
        {"row_id": ["a", None], "tags": [["x"], None], "score": [1.5, None], "v": [[1.0, 2.0], None]},
        schema_overrides={"v": pl.Array(pl.Float32, 2)},
    )
    assert values_digest(known) == "a7577bad5d805646d6793dd4d7d65a88"


def test_python_objects_are_refused():
    with pytest.raises(TypeError, match="column 'a' holds Python objects"):
        values_digest(pl.DataFrame({"a": pl.Series([object()], dtype=pl.Object)}))


def test_row_bytes_are_a_function_of_each_rows_values():
    table = pl.DataFrame(
        {"t": ["abc", None], "n": [1, 2], "l": [["ab", "c"], []], "v": [[1.0, 2.0], None], "s": [{"x": "y"}, None]},
        schema_overrides={"v": pl.Array(pl.Float32, 2)},
    )
    assert row_bytes(table).tolist() == [3 + 8 + 3 + 8 + 1, 0 + 8 + 0 + 0 + 0]
    assert row_bytes(table.clear()).tolist() == []
    assert row_bytes(table[1:2]).tolist() == [8]

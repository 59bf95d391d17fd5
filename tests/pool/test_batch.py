"""Rows made column by column are the rows that the conversations are."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from mig_dagster.conversation import ROLES, Conversation, Message, canonical_json, from_dicts
from mig_dagster.pool.batch import Batch
from mig_dagster.pool.identity import meta_text, row_id
from mig_dagster.pool.schema import RAW_POOL, REJECTED
from mig_dagster.sources.records import Accepted, Rejected

TEXT = st.text(st.characters(codec="utf-8"), max_size=8) | st.sampled_from(['"', "\\", "\u2028", "\x7f", "\x00", "é\n"])
JSON = st.none() | st.sampled_from(["[]", '[{"b": 1, "a": "é"}]', "not json", ""])
CONVERSATIONS = st.builds(
    Conversation,
    st.lists(st.builds(Message, st.sampled_from(ROLES), TEXT, JSON, st.none() | TEXT), max_size=4).map(tuple),
    JSON,
)
PLAIN = st.builds(
    Conversation, st.lists(st.builds(Message, st.sampled_from(ROLES), TEXT), min_size=1, max_size=4).map(tuple)
)


@settings(max_examples=300, deadline=None)
@given(CONVERSATIONS | PLAIN)
def test_the_fast_row_id_is_the_row_id(conversation):
    assert row_id(conversation) == conversation.row_id


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXT, inner, max_size=2),
    max_leaves=4,
)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(TEXT, VALUES, max_size=4))
def test_the_fast_text_of_meta_is_the_canonical_one(meta):
    assert meta_text(meta) == canonical_json(meta)


@settings(max_examples=100, deadline=None)
@given(st.lists(CONVERSATIONS, max_size=5))
def test_rows_hold_the_conversations_and_their_sizes(conversations):
    batch = Batch("s")
    for number, conversation in enumerate(conversations):
        batch.accept(Accepted(f"f:{number}", conversation, {"n": number} if number else {}))
    rows = batch.rows()
    assert rows.schema == RAW_POOL
    assert batch.rejected().schema == REJECTED
    for number, (row, conversation) in enumerate(zip(rows.to_dicts(), conversations, strict=True)):
        assert from_dicts(row["messages"], row["tools"]) == conversation
        assert row["row_id"] == conversation.row_id
        assert (row["n_turns"], row["n_chars"]) == (conversation.n_turns, conversation.n_chars)
        assert (row["source"], row["origin"]) == ("s", f"f:{number}")
        assert json.loads(row["meta"]) == ({"n": number} if number else {})


def test_rejections_keep_their_reason():
    batch = Batch("s")
    batch.reject(Rejected("f:1", "empty_answer", "output is blank", "{}"))
    assert batch.rejected().rows() == [("s", "f:1", "empty_answer", "output is blank", "{}")]
    assert batch.rows().is_empty()

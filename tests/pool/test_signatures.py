"""What makes two rows equal, or equal but for case, white space and Unicode form."""

import re
import unicodedata

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mig_dagster.conversation import ROLES, Conversation, Message, canonical_json, embedded_json
from mig_dagster.pool.schema import RAW_POOL, ROW_SIGNATURES
from mig_dagster.pool.signatures import row_signatures
from tests.pool.rows import chat, raw_pool


def keys(*conversations):
    return row_signatures(raw_pool(*conversations).lazy())["normalised_key"].to_list()


def test_one_signature_a_row_in_the_order_of_the_rows():
    rows = raw_pool(chat("a", "b"), chat("c", "d"), chat("a", "b"))
    signatures = row_signatures(rows.lazy())
    assert signatures.schema == ROW_SIGNATURES
    columns = ["row_id", "source", "origin", "n_turns", "n_chars"]
    assert signatures.select(columns).equals(rows.select(columns))
    assert signatures["exact_key"].equals(rows["row_id"])


def test_no_rows_no_signatures():
    assert row_signatures(RAW_POOL.to_frame().lazy()).equals(ROW_SIGNATURES.to_frame())


@pytest.mark.parametrize(
    "other",
    [
        chat("  Add\t\n2 and\u00a02 ", "FOUR"),
        chat("ADD 2 AND 2", "four"),
        chat("\uff41dd \uff12 and 2", "four"),
        chat("add 2\u2028and 2", "four\n"),
    ],
    ids=["white space", "case", "full width", "line separator"],
)
def test_case_white_space_and_unicode_form_do_not_matter(other):
    first, second = keys(chat("add 2 and 2", "four"), other)
    assert first == second


@pytest.mark.parametrize(
    "other",
    [
        chat("add 2 and 2", "for"),
        chat("add 2 and 2 four", ""),
        chat("add 2 and 2", "four", "", ""),
        Conversation((Message("system", "add 2 and 2"), Message("assistant", "four"))),
        chat("add 2 and 2", "four", tools="[]"),
        chat("add 2 and 2", "four", tools=""),
        chat("add 2 and 2", "four", tool_calls="[]"),
        chat("add 2 and 2", "four", reasoning_content=""),
        chat("add 2 and 2", "four\n-"),
    ],
    ids=["text", "border", "turns", "role", "tools", "empty tools", "calls", "reasoning", "marker"],
)
def test_texts_roles_tools_calls_and_reasoning_matter(other):
    first, second = keys(chat("add 2 and 2", "four"), other)
    assert first != second


def test_tools_count_as_they_are_but_for_spacing_and_order_of_keys():
    first, spaced, upper = keys(
        chat("a", "b", tools='[{"name":"f","x":1}]'),
        chat("A", "b", tools='[{"x": 1, "name": "f"}]'),
        chat("a", "b", tools='[{"name":"F","x":1}]'),
    )
    assert first == spaced != upper


def test_the_keys_are_the_same_today_as_when_this_test_was_written():
    """Stored signatures of one source are compared with those of another written months later."""
    assert keys(chat("Héllo  World", "ok", tools="[]", tool_calls="[1]")) == ["056582693a2e1a7b7bccb5ce2b2efda5"]


def plain_key(conversation):
    """The definition, row by row; white space is Unicode's White_Space."""

    def normal(text):
        folded = unicodedata.normalize("NFKC", text).lower()
        return re.sub(r"[\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+", " ", folded).strip(" ")

    def embedded(text):
        return text if text is None else canonical_json(embedded_json(text))

    turns = [(m.role, normal(m.content), embedded(m.tool_calls), m.reasoning_content) for m in conversation.messages]
    return turns, embedded(conversation.tools)


TEXT = st.text(st.sampled_from("aAbﬀ \n\t\u00a0é\u0301-:1"), max_size=4)
MAYBE = st.none() | st.sampled_from(["", "[]", "[ ]", '{"a":1}', "x", "-\n"])
CONVERSATIONS = st.builds(
    Conversation,
    st.lists(st.builds(Message, st.sampled_from(ROLES), TEXT, MAYBE, MAYBE), min_size=1, max_size=2).map(tuple),
    MAYBE,
)


@settings(max_examples=100, deadline=None)
@given(st.lists(CONVERSATIONS, min_size=1, max_size=30))
def test_keys_are_equal_exactly_where_the_definition_says(conversations):
    by_key = {}
    for key, conversation in zip(keys(*conversations), conversations, strict=True):
        by_key.setdefault(key, []).append(plain_key(conversation))
    assert all(same == [same[0]] * len(same) for same in by_key.values())
    assert len(by_key) == len({repr(plain_key(conversation)) for conversation in conversations})


@settings(max_examples=50, deadline=None)
@given(st.lists(CONVERSATIONS, min_size=1, max_size=30))
def test_equal_rows_have_equal_normalised_keys(conversations):
    signatures = row_signatures(raw_pool(*conversations).lazy())
    per_row = signatures.group_by("exact_key").agg(pl.col("normalised_key").n_unique())
    assert per_row["normalised_key"].to_list() == [1] * per_row.height

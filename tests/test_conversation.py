import json
import subprocess
import sys

from hypothesis import given
from hypothesis import strategies as st

from mig_dagster.conversation import Conversation, Message, canonical_json, embedded_json, from_dicts, hash_text

TEXT = st.text(st.characters(exclude_categories=("Cs",)))
MESSAGES = st.builds(Message, st.sampled_from(["system", "user", "assistant", "tool"]), TEXT)


def test_a_row_id_is_a_128_bit_hash_of_the_canonical_json():
    conversation = Conversation((Message("user", "é"), Message("assistant", "b")))
    expected = '{"messages":[{"content":"é","role":"user"},{"content":"b","role":"assistant"}]}'
    assert conversation.canonical_json() == expected
    assert conversation.row_id == hash_text(expected)
    assert len(bytes.fromhex(conversation.row_id)) == 16


def test_spacing_and_key_order_of_tools_and_calls_do_not_change_the_row_id():
    """The same tools printed by two datasets must be recognised as one conversation."""
    call = '[{"function": {"name": "f", "arguments": {"a": 1}}, "type": "function"}]'
    other = json.dumps(json.loads(call), sort_keys=True, separators=(",", ":"))
    one = Conversation((Message("user", "x"), Message("assistant", "", call)), tools='[{"name": "f"}]')
    two = Conversation((Message("user", "x"), Message("assistant", "", other)), tools='[ {"name":"f"} ]')
    assert one.row_id == two.row_id
    assert one.row_id != Conversation(one.messages).row_id


def test_every_field_that_is_trained_on_changes_the_row_id():
    base = Message("assistant", "yes")
    variants = [
        base,
        Message("assistant", "yes", "[]"),
        Message("assistant", "yes", None, "why"),
        Message("tool", "yes"),
    ]
    ids = {Conversation((Message("user", "x"), variant)).row_id for variant in variants}
    assert len(ids) == len(variants)


@given(st.lists(MESSAGES, max_size=5), st.lists(MESSAGES, max_size=5))
def test_two_conversations_share_an_id_only_when_they_are_equal(left, right):
    one, two = Conversation(tuple(left)), Conversation(tuple(right))
    assert (one.row_id == two.row_id) == (one == two)


@given(st.lists(MESSAGES, max_size=5))
def test_stored_messages_build_the_same_conversation(messages):
    conversation = Conversation(tuple(messages))
    assert from_dicts([message.as_dict() for message in messages]) == conversation


def test_counts_and_texts():
    conversation = Conversation(
        (
            Message("system", "s"),
            Message("user", "one"),
            Message("assistant", "", "[]", "think"),
            Message("tool", "t"),
            Message("assistant", "two"),
            Message("user", "three"),
            Message("assistant", "four"),
        )
    )
    assert conversation.n_turns == 2
    assert conversation.n_chars == len("s" + "one" + "[]" + "think" + "t" + "two" + "three" + "four")
    assert conversation.instruction == "one\nthree"
    assert conversation.response == "two\nfour"


def test_text_that_is_not_json_stays_text():
    assert embedded_json("not json") == "not json"
    assert canonical_json({"b": [1, None], "a": "é"}) == '{"a":"é","b":[1,null]}'


def test_importing_the_library_loads_neither_dagster_nor_torch():
    code = "import sys, mig_dagster, mig_dagster.conversation; print({'dagster', 'torch', 'polars'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout == b"set()\n"

"""Texts to read are whole or say how much is missing, and hold nothing that a page cannot show."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mig_dagster.conversation import Conversation, Message
from mig_dagster.report.reading.excerpts import HEAD_TURNS, TAIL_TURNS, TURN_CHARS, excerpt, turns, visible

FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


@given(st.text(st.characters(codec="utf-8") | st.sampled_from("\x00\x1b\r\n\u202e\u2066\u0085")))
def test_what_is_shown_has_no_control_character_and_loses_nothing_else(text):
    shown = visible(text)
    assert not FORBIDDEN.search(shown)
    assert visible(shown) == shown
    letters = [character for character in text if character.isalnum()]
    assert [character for character in re.sub(r"⟨U\+[0-9A-F]{4}⟩", "", shown) if character.isalnum()] == letters


def test_a_mark_that_turns_the_text_around_is_written_out():
    assert visible("a\u202eb\x00c\r\nd\ttab") == "a⟨U+202E⟩b⟨U+0000⟩c\nd\ttab"
    assert visible("שלום עליكم 👩\u200d💻") == "שלום עליكم 👩\u200d💻"


def test_a_megabyte_is_cut_in_the_middle_and_says_by_how_much():
    text = "start " + "x" * 1_000_000 + " end"
    shown = excerpt(text)
    assert shown.startswith("start ")
    assert shown.endswith(" end")
    assert f"[… {len(text) - TURN_CHARS:,} characters left out …]" in shown
    head, _, tail = shown.split("\n")
    assert len(head) + len(tail) == TURN_CHARS
    assert len(head) == pytest.approx(2 * len(tail), abs=3)


@pytest.mark.parametrize("length", [0, 1, TURN_CHARS])
def test_a_text_that_fits_is_whole(length):
    assert excerpt("y" * length) == "y" * length


def test_tools_reasoning_and_calls_are_turns_of_their_own():
    conversation = Conversation(
        (
            Message("system", "be brief"),
            Message("user", "weather?"),
            Message("assistant", "", '[{"type": "function"}]', "I should look"),
            Message("tool", "rain"),
            Message("assistant", ""),
        ),
        tools='[{"name": "weather"}]',
    )
    assert turns(conversation) == [
        ("tools offered", '[{"name": "weather"}]'),
        ("system", "be brief"),
        ("user", "weather?"),
        ("assistant, reasoning", "I should look"),
        ("assistant, tool calls", '[{"type": "function"}]'),
        ("tool", "rain"),
        ("assistant", "[empty]"),
    ]


def test_of_many_turns_the_first_and_the_last_are_shown():
    conversation = Conversation(tuple(Message("user", str(i)) for i in range(100)))
    shown = turns(conversation)
    assert len(shown) == HEAD_TURNS + 1 + TAIL_TURNS
    assert shown[HEAD_TURNS] == ("", "[… 88 turns left out …]")
    assert shown[-1] == ("user", "99")

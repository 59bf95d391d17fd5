"""Of two duplicates a reader sees where and in what they differ."""

import pytest

from mig_dagster.conversation import Conversation, Message
from mig_dagster.report.reading.side_by_side import differences, first_difference, side_by_side


def said(*contents: str) -> Conversation:
    roles = ["user", "assistant"]
    return Conversation(tuple(Message(roles[i % 2], content) for i, content in enumerate(contents)))


@pytest.mark.parametrize(
    ("removed", "kept", "expected"),
    [
        ("Hello world", "Hello world", []),
        ("hello world", "Hello world", ["letter case"]),
        ("Hello  world\n", "Hello world", ["white space"]),
        ("cafe\u0301", "caf\u00e9", ["Unicode form"]),
        ("CAFE\u0301 ", "caf\u00e9", ["Unicode form", "letter case", "white space"]),
    ],
)
def test_the_differences_are_those_that_normalisation_takes_away(removed, kept, expected):
    assert differences(said(removed, "yes"), said(kept, "yes")) == expected


def test_turns_that_are_equal_are_shown_once():
    assert side_by_side(said("a b", "yes"), said("A b", "yes")) == [
        ("user, removed", "a b"),
        ("user, kept", "A b"),
        ("assistant, the same in both", "yes"),
    ]


def test_a_long_text_is_cut_to_where_the_two_differ():
    head = "same " * 100_000
    turns = side_by_side(said(head + "END"), said(head + "end" + "x" * 5000), most=400)
    assert [role for role, _ in turns] == ["user, removed", "user, kept"]
    assert turns[0][1].startswith("[… 499,800 characters left out …]\n")
    assert turns[0][1].endswith("END")
    assert "end" in turns[1][1]
    assert turns[1][1].endswith("[… 4,803 characters left out …]")


def test_the_first_difference_shows_what_cannot_be_seen():
    assert first_difference(said("one  two"), said("one two")) == "removed “one␣␣two” (U+0020), kept “one␣two” (U+0074)"
    assert first_difference(said("a\n"), said("a")) == "removed “a⏎” (U+000A), kept “a” (its end)"
    assert first_difference(said("a"), said("a")) == ""


def test_one_that_says_more_turns_is_shown_whole():
    assert side_by_side(said("a", "b"), said("a")) == [
        ("user, the same in both", "a"),
        ("assistant, removed", "b"),
        ("assistant, kept", "[nothing]"),
    ]

"""What is read from a model's answer, and when it is complete."""

import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mig_dagster.annotations.flags import Defect
from mig_dagster.annotations.tagging.answers import Answer, AnswerScan, read_tags

TAGS = st.lists(st.text(min_size=1).filter(lambda tag: tag.strip()), min_size=1, max_size=6)
WORDS = st.sampled_from(
    ["[", "]", "{", "}", '"', "\\", ":", ",", " ", "\n", '"tag"', '{"tag": "a"}', "tag", "é", "\\u00e9"]
)
ANYTHING = st.one_of(st.text(), st.lists(WORDS, max_size=40).map("".join))


def answer_of(tags, explanation="why", **options):
    return json.dumps([{"tag": tag, "explanation": explanation} for tag in tags], **options)


def as_read(tags):
    """What is kept of tags: half surrogates become "?", white space collapses, repeated ones go."""
    clean = [" ".join(tag.encode("utf-8", "replace").decode().split()) for tag in tags]
    return list(dict.fromkeys(clean))


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ('[{"tag": "b", "explanation": "x"}, {"tag": "a", "explanation": "y"}]', Answer(["b", "a"])),
        ('{"tag": "sum", "explanation": "x"}', Answer(["sum"])),
        ('{"tag": "a"}, {"tag": "b"}\n{"tag": "a"}', Answer(["a", "b"])),
        ('Here are the tags:\n```json\n[{"tag": "a"}]\n```', Answer(["a"])),
        ('Tags [as JSON]: [{"tag": "a"}]', Answer(["a"])),
        ('[{"tag": "a"}] USER: [{"tag": "b"}]', Answer(["a"])),
        ('{"tag": "a"} and {"tag": "b"}', Answer(["a"])),
        ('[{"tag": " spelling \n check "}]', Answer(["spelling check"])),
        ('[{"tag": "a"}, {"tag": 3}, {"label": "x"}, "b", {"tag": " "}]', Answer(["a"])),
        ('[{"tag": "a", "explanation": "x"}, {"tag": "b", "expl', Answer(["a", "b"], salvaged=True)),
        ('[{"tag": "a", "explanation": "the "best" one"}, {"tag": "b"}]', Answer(["a", "b"], salvaged=True)),
        ('{"tag": "a", "explanation": "the "best""}\n{"tag": "b"}', Answer(["a", "b"], salvaged=True)),
        ('{"tag": str, "explanation": str}: [{"tag": "a"}]', Answer(["a"])),
        ('[{"tag": "say \\"hi\\"", "expl', Answer(['say "hi"'], salvaged=True)),
        ('[{"tag": "C:\\dir", "expl', Answer(["C:\\dir"], salvaged=True)),
        ('[{"tag": "a"', Answer(["a"], salvaged=True)),
        ('[{"tag": "half \\ud83d"}]', Answer(["half ?"])),
        ('[{"tag": "a', Defect("parse_failure")),
        ("mathematics, logic", Defect("parse_failure")),
        ('["a", "b"]', Defect("parse_failure")),
        ('[{"tag": ""}]', Defect("parse_failure")),
        ("[" * 5000, Defect("parse_failure")),
        ("[" * 5000 + "]" * 5000, Defect("parse_failure")),
        ("[]", Defect("empty_output")),
        (" \n", Defect("empty_output")),
    ],
)
def test_tags_are_read_as_far_as_they_can_be(answer, expected):
    assert read_tags(answer) == expected


@given(ANYTHING)
def test_no_answer_makes_the_parser_fail(answer):
    read = read_tags(answer)
    assert isinstance(read, Defect) or (read.tags and all(tag == " ".join(tag.split()) for tag in read.tags))


@given(TAGS, st.text(), st.booleans(), st.sampled_from([None, 2]))
def test_a_list_of_tags_is_read_back(tags, explanation, ascii_only, indent):
    answer = answer_of(tags, explanation, ensure_ascii=ascii_only, indent=indent)
    assert read_tags(answer) == Answer(as_read(tags))


@given(TAGS, st.text(max_size=8), st.booleans())
@example(['"', "\\"], '", "tag": "', True)
@settings(max_examples=60)
def test_every_prefix_of_an_answer_gives_a_prefix_of_its_tags(tags, explanation, as_list):
    answer = answer_of(tags, explanation) if as_list else " ".join(answer_of([tag], explanation)[1:-1] for tag in tags)
    expected = as_read(tags)
    for length in range(len(answer) + 1):
        read = read_tags(answer[:length])
        found = [] if isinstance(read, Defect) else read.tags
        assert found == expected[: len(found)], answer[:length]
        # At most the tag that is being written is missing.
        begun = answer[:length].count('"explanation": ')
        assert len(found) >= len(as_read(tags[:begun]))


@given(ANYTHING)
def test_stopping_where_an_answer_is_complete_changes_none_of_its_tags(answer):
    scan = AnswerScan()
    read = next((i for i, character in enumerate(answer) if scan.feed(character)), len(answer))
    assert read_tags(answer[: read + 1]) == read_tags(answer)


@given(ANYTHING, st.integers(0, 10))
def test_the_pieces_in_which_an_answer_comes_do_not_matter(answer, size):
    whole, pieces = AnswerScan(), AnswerScan()
    whole.feed(answer)
    for start in range(0, len(answer), size + 1):
        pieces.feed(answer[start : start + size + 1])
    assert vars(pieces) == vars(whole)


def test_an_answer_is_complete_with_the_bracket_that_closes_its_list():
    scan = AnswerScan()
    answer = answer_of(["a ] b", "c"])
    assert not scan.feed(answer[:-1])
    assert scan.feed("] and more")
    assert scan.text == answer

"""Which tokens are scored: by offsets, and by the references' rule, where the two differ."""

import numpy as np
import pytest
from transformers import AutoTokenizer, ByT5Tokenizer

from mig_dagster.annotations.ifd.passages import Answer, Passage, Writer
from mig_dagster.annotations.ifd.reading import Reader
from tests.annotations.ifd.language_models import save_tokenizer
from tests.annotations.ifd.random_rows import text


@pytest.fixture(scope="module")
def tokenizers(tmp_path_factory):
    made = {}
    for name, options in {
        "plain": {},
        "marked": {"begin_mark": True, "end_mark": True},
        "trimmed": {"begin_mark": True, "trim_offsets": True},
        "untrimmed": {"begin_mark": True},
    }.items():
        folder = tmp_path_factory.mktemp(name)
        save_tokenizer(folder, **options)
        made[name] = AutoTokenizer.from_pretrained(folder)
    return made


def passage(*parts):
    """A passage whose odd parts are answers."""
    writer = Writer()
    for i, part in enumerate(parts):
        writer.answer(part) if i % 2 else writer.write(part)
    return writer.passage()


def scored_text(tokenizer, span, made, limit=1000, adds_special_tokens=True):
    [reading] = Reader(tokenizer, adds_special_tokens, span).read([made], [limit])
    return [tokenizer.decode(reading.ids[first:last]) for first, last in reading.spans]


def test_a_token_across_the_border_is_scored_by_offsets_and_shifts_the_span_of_the_references(tokenizers):
    """Full stop and two line breaks are one token; encoded apart, the first two and the third are one each."""
    made = passage("It is.\n", "\nYes, it is.")
    assert scored_text(tokenizers["plain"], "offsets", made) == [".\n\nYes, it is."]
    assert scored_text(tokenizers["plain"], "reference", made) == ["Yes, it is."]


def test_a_one_token_answer_is_not_lost_where_it_merged_with_what_stands_before_it(tokenizers):
    made = passage("It is.\n", "\n")
    assert scored_text(tokenizers["plain"], "offsets", made) == [".\n\n"]
    assert scored_text(tokenizers["plain"], "reference", made) == [""]


def test_a_token_across_the_end_of_an_earlier_answer_is_scored_by_offsets(tokenizers):
    made = passage("Is it?\n", "Yes.", "\nIs it?\n", "No")
    assert scored_text(tokenizers["plain"], "offsets", made) == ["Yes.\n", "No"]


def test_both_rules_agree_where_no_token_crosses_a_border(tokenizers):
    made = passage("为", "天", "é", "café")
    for name in ("plain", "untrimmed"):
        assert scored_text(tokenizers[name], "offsets", made) == scored_text(tokenizers[name], "reference", made)


def test_by_the_references_the_last_answer_goes_to_the_end_of_the_text_with_its_end_mark(tokenizers):
    made = passage("为", "天")
    assert scored_text(tokenizers["marked"], "offsets", made) == ["天"]
    [reading] = Reader(tokenizers["marked"], True, "reference").read([made], [1000])
    assert reading.spans == ((3, 4),)  # of <s> 为 天 </s>: the end mark behind the text before counts there, too


def test_offsets_that_leave_spaces_out_give_the_same_tokens(tokenizers):
    draw = np.random.default_rng(5)
    for _ in range(200):
        made = passage(*(text(draw) for _ in range(int(draw.integers(2, 6)))))
        if made.answers:
            assert scored_text(tokenizers["trimmed"], "offsets", made) == scored_text(
                tokenizers["untrimmed"], "offsets", made
            )


def test_every_character_of_an_answer_lies_in_a_scored_token(tokenizers):
    draw = np.random.default_rng(6)
    for _ in range(200):
        made = passage(*(text(draw) for _ in range(int(draw.integers(2, 6)))))
        for answer, scored in zip(made.answers, scored_text(tokenizers["plain"], "offsets", made), strict=True):
            assert made.text[answer.start : answer.end] in scored


def test_a_cut_text_keeps_the_tokenizers_marks_and_says_so(tokenizers):
    made = passage("question", "answer " * 50)
    [reading] = Reader(tokenizers["marked"], True, "offsets").read([made], [20])
    assert (len(reading.ids), reading.ids[0], reading.ids[-1], reading.cut) == (20, 1, 2, True)
    [(_, last)] = reading.spans
    assert last == 19
    [whole] = Reader(tokenizers["marked"], True, "offsets").read([made], [1000])
    assert not whole.cut


def test_an_answer_behind_the_cut_has_an_empty_span(tokenizers):
    made = passage("question " * 50, "answer")
    for span in ("offsets", "reference"):
        [reading] = Reader(tokenizers["plain"], True, span).read([made], [20])
        assert [last - first for first, last in reading.spans] == [0]
        assert reading.cut


def test_the_first_token_of_a_text_is_never_scored(tokenizers):
    made = Passage("answer", (Answer(0, 6, 6),))
    [bare] = Reader(tokenizers["plain"], True, "offsets").read([made], [1000])
    [marked] = Reader(tokenizers["untrimmed"], True, "offsets").read([made], [1000])
    assert bare.targets().scored.sum() == marked.targets().scored.sum() - 1
    assert not bare.targets().scored[0]


def test_items_that_read_and_score_the_same_have_one_key(tokenizers):
    reader = Reader(tokenizers["plain"], True, "offsets")
    one, same, other = reader.read([passage("为", "天"), passage("为", "天"), passage("为天", "天")], [9, 8, 9])
    assert one.targets().key == same.targets().key != other.targets().key
    whole, part = reader.read([passage("", "天为天"), passage("天为", "天")], [9, 9])
    assert whole.targets().key != part.targets().key


def test_an_unknown_span_is_refused(tokenizers):
    with pytest.raises(ValueError, match="span must be one of offsets, reference, got 'mask'"):
        Reader(tokenizers["plain"], True, "mask")


def test_offsets_of_a_tokenizer_without_any_are_refused():
    with pytest.raises(ValueError, match=r"needs a fast tokenizer.*use span='reference'"):
        Reader(ByT5Tokenizer(), True, "offsets")
    assert Reader(ByT5Tokenizer(), True, "reference").read([passage("a", "b")], [9])[0].spans

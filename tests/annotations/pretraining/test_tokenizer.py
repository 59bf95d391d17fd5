import pytest
from transformers import AutoTokenizer

from mig_dagster.annotations.pretraining.tokenizer import train_tokenizer
from tests.annotations.pretraining.small_texts import small_texts


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tokenizer")
    train_tokenizer(small_texts().values(), 320).save_pretrained(folder)
    return AutoTokenizer.from_pretrained(folder)


def test_every_text_begins_with_bos_so_that_its_first_token_is_predicted(tokenizer):
    assert tokenizer("the red fox").input_ids[0] == tokenizer.bos_token_id == 1
    assert tokenizer("").input_ids == [1]
    assert tokenizer("a", "b").input_ids.count(1) == 1
    assert 1 not in tokenizer("the red fox", add_special_tokens=False).input_ids


def test_any_text_comes_back_as_it_was(tokenizer):
    for text in ("the red fox", "naïve 为什么 🦊\r\n\tx  y ", " leading", "a .b , c n't", "\0"):
        assert tokenizer.decode(tokenizer(text).input_ids, skip_special_tokens=True) == text


def test_what_looks_like_a_special_token_in_a_text_is_none(tokenizer):
    """Struck-out HTML is <s>: read as a token it would begin another document."""
    ids = tokenizer("<s>x</s><pad>").input_ids
    assert ids[0] == 1
    assert not set(ids[1:]) & {0, 1, 2}
    assert tokenizer.decode(ids, skip_special_tokens=True) == "<s>x</s><pad>"


def test_offsets_of_pieces_are_known(tokenizer):
    """Spans of answers are found by them."""
    found = tokenizer("the red fox", return_offsets_mapping=True)["offset_mapping"]
    assert found[0] == (0, 0)
    assert found[-1][1] == len("the red fox")


def test_the_vocabulary_is_as_large_as_asked_for_where_texts_hold_so_much(tokenizer):
    assert len(tokenizer) == 320
    assert len(train_tokenizer(["ab"] * 9, 320)) == 3 + 256
    assert len(train_tokenizer(["ab"] * 10, 320)) == 3 + 256 + 1  # of pieces that are rare nothing is learned
    assert (tokenizer.pad_token_id, tokenizer.eos_token_id, tokenizer.model_max_length) == (0, 2, 2048)

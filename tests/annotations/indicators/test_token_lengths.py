import numpy as np
import pytest

from mig_dagster.annotations.encoder import SentenceEncoder
from mig_dagster.annotations.indicators import TokenLength
from mig_dagster.annotations.models import CausalLanguageModel, ModelSpec
from mig_dagster.annotations.token_counts import TokenCounter
from tests.annotations.rows import row

ROWS = [row(("Write a poem.", "The sea is wide."), ("Again.", "Blue.")), row(("Who?", ""))]


@pytest.fixture(scope="module")
def model(tiny_llama):
    return CausalLanguageModel(ModelSpec(str(tiny_llama)))


@pytest.mark.parametrize(
    ("name", "texts"),
    [
        (
            "len",
            [
                "###Instruction:\nWrite a poem.\nAgain.###Response:\nThe sea is wide.\nBlue.",
                "###Instruction:\nWho?###Response:\n",
            ],
        ),
        ("output_len", ["The sea is wide.\nBlue.", ""]),
    ],
)
def test_a_length_is_the_tokens_of_its_text_without_special_ones(model, name, texts):
    measured = TokenLength(name, TokenCounter(model)).measure(ROWS, None, None)
    expected = [len(model.tokenizer.encode(text, add_special_tokens=False)) for text in texts]
    np.testing.assert_array_equal(measured.columns[name], np.array(expected, np.float64))
    assert measured.flags == [None, None]


def test_counting_loads_no_weights(tiny_llama):
    model = CausalLanguageModel(ModelSpec(str(tiny_llama)))
    TokenLength("len", TokenCounter(model)).measure(ROWS, None, None)
    assert "model" not in model.__dict__


def test_the_tokenizer_of_a_sentence_encoder_counts_too(tiny_model):
    encoder = SentenceEncoder(str(tiny_model))
    measured = TokenLength("output_len", TokenCounter(encoder)).measure(ROWS, None, None)
    assert measured.columns["output_len"].tolist() == [18.0, 0.0]  # letters are pieces there


def test_text_and_tokenizer_are_part_of_who_counts(model, tiny_model):
    ours, theirs = TokenCounter(model), TokenCounter(SentenceEncoder(str(tiny_model)))
    counted = [TokenLength("len", ours), TokenLength("output_len", ours), TokenLength("len", theirs)]
    assert len({length.annotator.fingerprint for length in counted}) == 3


def test_a_length_that_is_not_known_is_refused(model):
    with pytest.raises(ValueError, match="name must be one of len, output_len, got 'length'"):
        TokenLength("length", TokenCounter(model))

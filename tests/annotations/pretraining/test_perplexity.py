import math

import numpy as np
import pytest
import torch

from mig_dagster.annotations.pretraining.perplexity import bytes_read, tokens_read, total_loss, unigram_loss
from mig_dagster.annotations.pretraining.tokenizer import train_tokenizer
from mig_dagster.annotations.pretraining.training import new_model
from tests.annotations.pretraining.small_texts import SMALL, small_texts


def test_the_loss_of_many_documents_is_that_of_each_alone():
    model = new_model(SMALL, 50).eval()
    rng = np.random.default_rng(0)
    given = [np.array([1, *rng.integers(3, 50, n), 2]) for n in (1, 7, 200, 3, 0, 64)]
    naive = 0.0
    with torch.inference_mode():
        for document in given:
            ids = torch.from_numpy(document)[None]
            naive += float(model(input_ids=ids, labels=ids).loss) * (len(document) - 1)
    assert total_loss(model, given) == pytest.approx(naive, rel=1e-5)


def test_a_unigram_model_knows_smoothed_frequencies_by_hand():
    """Counts 3, 1, 0, 0 plus one of 8: the first token of a document is never predicted, and counts nowhere."""
    train = [np.array([3, 0, 0]), np.array([2, 0, 1])]
    assert unigram_loss(train, [np.array([3, 0, 2])], 4) == pytest.approx(-math.log(4 / 8) - math.log(1 / 8))


def test_tokens_and_bytes_are_those_of_the_text_and_its_end():
    tokenizer = train_tokenizer(small_texts().values(), 320)
    given = [np.array([*tokenizer(text).input_ids, 2]) for text in ("the red fox", "为什么?")]
    assert bytes_read(tokenizer, given) == 11 + 10
    assert tokens_read(given) == sum(map(len, given)) - 2
    assert tokens_read([np.zeros(5_000, dtype=np.int64)]) == 2_047

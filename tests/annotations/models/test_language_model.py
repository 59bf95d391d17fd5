"""Batched passes say what one pass per sequence says, on every architecture."""

import numpy as np
import pytest
import torch

from mig_dagster.annotations.models import CausalLanguageModel, ModelSpec
from tests.tiny_models import CAUSAL, VOCABULARY, save_causal

LENGTHS = (1, 3, 17, 40, 40, 9)


@pytest.fixture(scope="module", params=CAUSAL)
def language_model(request, tmp_path_factory):
    return CausalLanguageModel(ModelSpec(str(save_causal(tmp_path_factory.mktemp(request.param), request.param))))


@pytest.fixture(scope="module")
def sequences():
    draw = np.random.default_rng(0)
    return [draw.integers(3, VOCABULARY, length).tolist() for length in LENGTHS]


def whole_logits(language_model, sequence):
    with torch.inference_mode():
        return language_model.model(torch.tensor([sequence])).logits[0].float()


def test_next_token_logits_are_those_of_one_full_pass_per_sequence(language_model, sequences):
    wanted = [5, 9, VOCABULARY - 1]
    naive = np.stack([whole_logits(language_model, s)[-1, wanted].numpy() for s in sequences])
    np.testing.assert_allclose(language_model.next_token_logits(sequences, wanted), naive, atol=2e-5, rtol=1e-5)


def test_losses_are_those_of_one_full_pass_per_sequence(language_model, sequences):
    targets = [[i > 0 and (i % 3 > 0) for i in range(len(s))] for s in sequences]
    found = language_model.losses(sequences, targets)
    for sequence, chosen, ours in zip(sequences, targets, found, strict=True):
        logits = whole_logits(language_model, sequence)
        following = torch.tensor(sequence[1:], dtype=torch.long)
        each = torch.nn.functional.cross_entropy(logits[:-1], following, reduction="none").numpy()
        np.testing.assert_allclose(ours, each[np.array(chosen[1:], dtype=bool)], atol=2e-5, rtol=1e-5)


def test_the_first_token_cannot_be_scored(language_model):
    with pytest.raises(ValueError, match="first token"):
        language_model.losses([[4, 5]], [[True, True]])

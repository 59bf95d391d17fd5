"""Sequences that cannot be scored stop with what is wrong, whatever model they are meant for."""

import pytest
import torch

from mig_dagster.annotations.models import CausalLanguageModel, ModelSpec
from mig_dagster.annotations.models.padded import padded


@pytest.fixture(scope="module")
def causal(tiny_llama):
    return CausalLanguageModel(ModelSpec(str(tiny_llama), max_tokens=8))


def test_a_sequence_longer_than_the_limit_is_an_error(causal):
    with pytest.raises(ValueError, match=r"9 tokens is longer than the 8 that llama\S* reads: cut it to `limit`"):
        causal.next_token_logits([[3, 4], [5] * 9], [5])


@pytest.mark.parametrize("sequences", [[], [[3, 4], []]])
def test_no_sequence_and_an_empty_one_are_errors(causal, sequences):
    for run in (
        lambda: causal.next_token_logits(sequences, [5]),
        lambda: causal.hidden_states(sequences),
        lambda: causal.losses(sequences, [[False] * len(s) for s in sequences]),
    ):
        with pytest.raises(ValueError, match="sequences must be there and hold tokens"):
            run()


def test_the_first_token_cannot_be_scored(causal):
    with pytest.raises(ValueError, match="first token"):
        causal.losses([[3, 4], [4, 5]], [[False, True], [True, True]])


@pytest.mark.parametrize("targets", [[[False, True]], [[False, True], [False]]])
def test_targets_that_do_not_fit_their_sequences_are_an_error(causal, targets):
    with pytest.raises(ValueError, match="every token of every sequence"):
        causal.losses([[3, 4], [4, 5]], targets)


def test_sequences_without_a_target_have_no_losses(causal):
    found = causal.losses([[3, 4], [4]], [[False, False], [False]])
    assert [len(losses) for losses in found] == [0, 0]


def test_padding_stands_on_the_right_under_a_mask():
    ids, mask = padded([[7, 8], [9]], 1, "cpu")
    assert ids.tolist() == [[7, 8], [9, 1]]
    assert mask.tolist() == [[1, 1], [1, 0]]
    assert ids.dtype == mask.dtype == torch.int64

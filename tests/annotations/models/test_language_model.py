"""Batched passes say what one pass per sequence says, on every architecture."""

import json

import numpy as np
import pytest
import torch

from mig_dagster.annotations.models import CausalLanguageModel, ModelSpec, language_model
from tests.tiny_models import AFTER_THE_HEAD, CAUSAL, VOCABULARY, save_causal

LENGTHS = (1, 3, 17, 40, 40, 9)
CLOSE = {"atol": 2e-5, "rtol": 1e-5}  # float32: passes of other shapes round otherwise


@pytest.fixture(scope="module", params=[*CAUSAL, *AFTER_THE_HEAD])
def folder(request, tmp_path_factory):
    return save_causal(tmp_path_factory.mktemp(request.param), request.param)


@pytest.fixture(scope="module")
def causal(folder):
    return CausalLanguageModel(ModelSpec(str(folder)))


@pytest.fixture(scope="module")
def sequences():
    draw = np.random.default_rng(0)
    return [draw.integers(3, VOCABULARY, length).tolist() for length in LENGTHS]


@pytest.fixture(scope="module")
def targets():
    return [[i > 0 and (i % 3 > 0) for i in range(length)] for length in LENGTHS]


def whole_logits(causal, sequence):
    with torch.inference_mode():
        return causal.model(torch.tensor([sequence])).logits[0].float()


def naive_losses(causal, sequence, chosen):
    following = torch.tensor(sequence[1:], dtype=torch.long)
    each = torch.nn.functional.cross_entropy(whole_logits(causal, sequence)[:-1], following, reduction="none")
    return each.numpy()[np.array(chosen[1:], dtype=bool)]


def test_next_token_logits_are_those_of_one_full_pass_per_sequence(causal, sequences):
    wanted = [5, 9, VOCABULARY - 1]
    naive = np.stack([whole_logits(causal, s)[-1, wanted].numpy() for s in sequences])
    np.testing.assert_allclose(causal.next_token_logits(sequences, wanted), naive, **CLOSE)


def test_losses_are_those_of_one_full_pass_per_sequence(causal, sequences, targets):
    for sequence, chosen, ours in zip(sequences, targets, causal.losses(sequences, targets), strict=True):
        np.testing.assert_allclose(ours, naive_losses(causal, sequence, chosen), **CLOSE)


def test_the_order_and_the_company_of_a_sequence_change_nothing(causal, sequences, targets):
    together = causal.losses(sequences, targets)
    backwards = causal.losses(sequences[::-1], targets[::-1])[::-1]
    pairs = [causal.losses([s], [t])[0] for s, t in zip(sequences, targets, strict=True)]
    for one, other, alone in zip(together, backwards, pairs, strict=True):
        np.testing.assert_allclose(one, other, **CLOSE)
        np.testing.assert_allclose(one, alone, **CLOSE)


def test_logits_are_taken_in_blocks_of_any_size(causal, sequences, targets, monkeypatch):
    whole = causal.losses(sequences, targets)
    monkeypatch.setattr(language_model, "_LOGITS_AT_ONCE", 3 * VOCABULARY)
    for one, other in zip(causal.losses(sequences, targets), whole, strict=True):
        np.testing.assert_allclose(one, other, **CLOSE)


def test_a_tokenizer_that_pads_on_the_left_changes_nothing(folder, causal, sequences):
    """transformers' own batch of left padding, mask and positions says the same."""
    tokenizer = causal.tokenizer
    tokenizer.padding_side = "left"
    batch = tokenizer.pad({"input_ids": sequences}, return_tensors="pt")
    positions = (batch["attention_mask"].cumsum(1) - 1).clamp(min=0)
    with torch.inference_mode():
        theirs = causal.model(**batch, position_ids=positions).logits[:, -1].float().numpy()
    ours = causal.next_token_logits(sequences, range(VOCABULARY))
    np.testing.assert_allclose(ours, theirs, **CLOSE)
    assert tokenizer.padding_side == "left"


def test_hidden_states_are_those_of_one_pass_per_sequence(causal, sequences):
    hidden, mask = causal.hidden_states(sequences)
    assert mask.sum(dim=1).tolist() == list(LENGTHS)
    for i, sequence in enumerate(sequences):
        with torch.inference_mode():
            alone = causal.model(torch.tensor([sequence]), output_hidden_states=True).hidden_states[-1][0]
        np.testing.assert_allclose(hidden[i, : len(sequence)].numpy(), alone.numpy(), **CLOSE)


def test_what_a_model_does_to_its_logits_after_the_head_is_found_out(folder, causal):
    architecture = json.loads((folder / "config.json").read_text())["model_type"]
    assert causal.traits.head_alone == (architecture not in AFTER_THE_HEAD)
    assert causal.traits.causal


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_in_16_bits_losses_come_from_a_float32_softmax(folder, causal, sequences, targets, dtype):
    half = CausalLanguageModel(ModelSpec(str(folder), dtype=dtype))
    assert half.model.dtype == getattr(torch, dtype)
    assert half.traits.causal
    for sequence, chosen, ours in zip(sequences, targets, half.losses(sequences, targets), strict=True):
        assert ours.dtype == np.float64
        if any(chosen):
            assert not np.array_equal(ours, ours.astype(np.float16)), "rounded to 16 bits"
            alone = naive_losses(half, sequence, chosen)
            np.testing.assert_allclose(ours, alone, atol=0.25 if dtype == "bfloat16" else 0.03)

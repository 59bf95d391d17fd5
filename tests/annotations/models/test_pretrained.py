"""Encoders and encoder-decoders in padded batches say what they say of each sequence alone."""

import numpy as np
import pytest
import torch

from mig_dagster.annotations.models import ModelSpec, PretrainedModel
from tests.tiny_models import VOCABULARY, save_t5, save_xlm_roberta

CLOSE = {"atol": 2e-5, "rtol": 1e-5}


@pytest.fixture(scope="module")
def sequences():
    draw = np.random.default_rng(0)
    return [draw.integers(3, VOCABULARY, length).tolist() for length in (1, 30, 7, 100, 8)]


def classified(model, ids, mask):
    with torch.inference_mode():
        return model.model(input_ids=ids, attention_mask=mask).logits


def first_decoder_step(model, ids, mask):
    start = torch.full((len(ids), 1), model.config.decoder_start_token_id)
    with torch.inference_mode():
        return model.model(input_ids=ids, attention_mask=mask, decoder_input_ids=start, use_cache=False).logits[:, 0]


@pytest.mark.parametrize(
    ("save", "auto_class", "run"),
    [
        (save_xlm_roberta, "AutoModelForSequenceClassification", classified),
        (save_t5, "AutoModelForSeq2SeqLM", first_decoder_step),
    ],
    ids=["xlm_roberta", "t5"],
)
def test_neither_padding_nor_order_changes_what_is_said(save, auto_class, run, tmp_path, sequences):
    model = PretrainedModel(ModelSpec(str(save(tmp_path))), auto_class)
    together = run(model, *model.padded(sequences)).numpy()
    backwards = run(model, *model.padded(sequences[::-1])).numpy()[::-1]
    alone = np.concatenate([run(model, torch.tensor([s]), torch.ones(1, len(s), dtype=int)).numpy() for s in sequences])
    np.testing.assert_allclose(together, alone, **CLOSE)
    np.testing.assert_allclose(backwards, alone, **CLOSE)
    assert alone.std() > 0.01


def test_what_lies_beside_a_model_is_read_without_its_weights(tmp_path):
    model = PretrainedModel(ModelSpec(str(save_xlm_roberta(tmp_path))), "AutoModelForSequenceClassification")
    assert (model.config.num_labels, model.limit, len(model.tokenizer)) == (1, 128, VOCABULARY)
    assert "model" not in model.__dict__
    assert model.files.revision.startswith("sha256:")

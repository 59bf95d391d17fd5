"""Through `score_items`, neither the batch size nor the order nor the tokenizer's side of padding changes a score."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from mig_dagster.annotations.annotator import Annotator
from mig_dagster.annotations.models import CausalLanguageModel, ModelSpec, PretrainedModel
from mig_dagster.annotations.scoring import score_items
from tests.tiny_models import AFTER_THE_HEAD, CAUSAL, SAMPLE, save_causal, save_t5, save_xlm_roberta

CLOSE = {"atol": 2e-5, "rtol": 1e-5}  # float32: passes of other shapes round otherwise


def mean_loss(model, sequences):
    targets = [np.arange(len(sequence)) > 0 for sequence in sequences]
    return np.array([losses.mean() for losses in model.losses(sequences, targets)])


def reward(model, sequences):
    ids, mask = model.padded(sequences)
    with torch.inference_mode():
        return model.model(input_ids=ids, attention_mask=mask).logits[:, 0].double().numpy()


def first_decoder_step(model, sequences):
    ids, mask = model.padded(sequences)
    start = torch.full((len(ids), 1), model.config.decoder_start_token_id)
    with torch.inference_mode():
        logits = model.model(input_ids=ids, attention_mask=mask, decoder_input_ids=start, use_cache=False).logits
        return logits[:, 0, 9].double().numpy()


@dataclass
class Sequence:
    ids: list

    @property
    def tokens(self):
        return len(self.ids)


class Scorer:
    annotator = Annotator("any", "random")

    def __init__(self, model, value, batch_tokens):
        self.columns = {"score": np.empty(0)}
        self.model, self.value, self.batch_tokens = model, value, batch_tokens

    def encode(self, texts):
        return [Sequence(ids) for ids in self.model.tokenizer(list(texts), return_attention_mask=False)["input_ids"]]

    def run(self, batch):
        return {"score": self.value(self.model, [one.ids for one in batch])}


def causal(folder, architecture):
    return CausalLanguageModel(ModelSpec(str(save_causal(folder, architecture)))), mean_loss


def classifier(folder, _):
    return PretrainedModel(ModelSpec(str(save_xlm_roberta(folder))), "AutoModelForSequenceClassification"), reward


def seq2seq(folder, _):
    return PretrainedModel(ModelSpec(str(save_t5(folder))), "AutoModelForSeq2SeqLM"), first_decoder_step


MAKE = dict.fromkeys((*CAUSAL, *AFTER_THE_HEAD), causal) | {"xlm_roberta": classifier, "t5": seq2seq}


@pytest.mark.parametrize("architecture", MAKE)
def test_batch_size_order_and_padding_side_change_no_score(architecture, tmp_path):
    model, value = MAKE[architecture](tmp_path, architecture)
    draw = np.random.default_rng(0)
    words = " ".join(SAMPLE).split()
    texts = [" ".join(draw.choice(words, size)) for size in draw.integers(2, 20, 24)]
    alone = np.array([value(model, [ids])[0] for ids in model.tokenizer(texts)["input_ids"]])
    assert alone.std() > 1e-3

    def scores(given, batch_tokens):
        return score_items(given, given, Scorer(model, value, batch_tokens)).columns["score"]

    for batch_tokens in (1, 150, 100_000):
        np.testing.assert_allclose(scores(texts, batch_tokens), alone, **CLOSE)
    order = draw.permutation(len(texts))
    np.testing.assert_allclose(scores([texts[i] for i in order], 150), alone[order], **CLOSE)
    model.tokenizer.padding_side = "left"
    np.testing.assert_allclose(scores(texts, 150), alone, **CLOSE)

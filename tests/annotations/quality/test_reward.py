"""Reward models: any sequence classifier with one logit, each turn as its card says."""

import json

import numpy as np
import pytest
import torch
import transformers as hf

from mig_dagster.annotations.cache import FragmentCache
from mig_dagster.annotations.flags import Defect
from mig_dagster.annotations.model_files import ModelError
from mig_dagster.annotations.models import ModelSpec
from mig_dagster.annotations.models.pretrained import PretrainedModel
from mig_dagster.annotations.quality import RewardModel, RewardScorer, score_rows
from mig_dagster.annotations.quality.reward import AUTO_CLASS
from mig_dagster.annotations.scoring import score_items
from tests.annotations.memory_files import MemoryFiles
from tests.annotations.rows import row
from tests.tiny_models import VOCABULARY, save_tokenizer

TURNS = [
    ("What is 17 + 25?", "42"),
    ("Write a poem about the sea.", "The sea is wide and blue, and it is never, never still."),
    ("Why is the sky blue?", "Because of Rayleigh scattering." * 6),
    ("Sum?", "1 2 3 4 5 6"),
]
OASST = {"bos_token": "<|prompter|>", "eos_token": "<|endoftext|>", "sep_token": "<|assistant|>"}
SIZES = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "max_position_embeddings": 128,
    "num_labels": 1,
}
CONFIGS = {
    "bert": lambda **more: hf.BertConfig(**SIZES | {"pad_token_id": 0} | more),
    "deberta": lambda **more: hf.DebertaV2Config(**SIZES | {"pad_token_id": 0, "type_vocab_size": 0} | more),
    "gpt_neox": lambda **more: hf.GPTNeoXConfig(**SIZES | {"pad_token_id": 0} | more),
    "llama": lambda **more: hf.LlamaConfig(**SIZES | {"num_key_value_heads": 2} | more),
}


def saved(folder, architecture="bert", special=None, chat=None, **more):
    """A classifier with random weights that say something; its tokenizer marks pairs as BERT's does."""
    from tokenizers.processors import TemplateProcessing

    save_tokenizer(folder, **special or {"cls_token": "[CLS]", "sep_token": "[SEP]"})
    tokenizer = hf.AutoTokenizer.from_pretrained(folder)
    if special is None:
        marks = [(name, tokenizer.convert_tokens_to_ids(name)) for name in ("[CLS]", "[SEP]")]
        tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
            single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=marks
        )
    tokenizer.chat_template = chat
    tokenizer.save_pretrained(folder)
    if special is None:
        file = folder / "tokenizer_config.json"
        inputs = {"model_input_names": ["input_ids", "token_type_ids", "attention_mask"]}
        file.write_text(json.dumps(json.loads(file.read_text("utf-8")) | inputs), encoding="utf-8")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = hf.AutoModelForSequenceClassification.from_config(CONFIGS[architecture](**more))
        for parameter in model.parameters():
            if parameter.dim() > 1:
                torch.nn.init.normal_(parameter, std=0.3)
    model.save_pretrained(folder)
    return folder


def reward_model(folder, form=None, **options):
    return RewardModel(PretrainedModel(ModelSpec(str(folder), **options), AUTO_CLASS), form)


def scored(model, turns=TURNS, **more):
    return score_items(turns, [model.key(turn) for turn in turns], model, **more)


def alone(folder, **inputs):
    model = hf.AutoModelForSequenceClassification.from_pretrained(folder).eval()
    with torch.inference_mode():
        return model(**{name: torch.tensor([value]) for name, value in inputs.items()}).logits.item()


@pytest.mark.parametrize("architecture", ["bert", "deberta"])
def test_pairs_are_read_as_the_tokenizer_joins_them_and_scored_as_one_at_a_time(tmp_path, architecture):
    folder = saved(tmp_path, architecture)
    made = scored(reward_model(folder))
    tokenizer = hf.AutoTokenizer.from_pretrained(folder)
    names = ("input_ids", "token_type_ids", "attention_mask")
    naive = [alone(folder, **{name: tokenizer(*turn)[name] for name in names}) for turn in TURNS]
    np.testing.assert_allclose(made.columns["score"], naive, atol=1e-5)
    assert np.ptp(naive) > 0.01
    assert made.flags == [None] * 4


def test_marked_texts_are_read_as_the_card_of_oasst_writes_them(tmp_path):
    folder = saved(tmp_path, "gpt_neox", OASST)
    model = reward_model(folder)
    assert model.form == "oasst"
    assert model.annotator.prompt_version == "reward-oasst-1"
    tokenizer = hf.AutoTokenizer.from_pretrained(folder)
    texts = [f"<|prompter|>{asked}<|endoftext|><|assistant|>{said}<|endoftext|>" for asked, said in TURNS]
    naive = [alone(folder, input_ids=tokenizer(text)["input_ids"]) for text in texts]
    np.testing.assert_allclose(scored(model).columns["score"], naive, atol=1e-5)


@pytest.mark.parametrize("pad_id", [None, -1])
def test_a_chat_template_is_used_where_there_is_one_and_a_model_without_padding_reads_the_last_token(tmp_path, pad_id):
    chat = "{% for m in messages %}[CLS]{{ m.role }}: {{ m.content }}[SEP]{% endfor %}"
    folder = saved(tmp_path, "llama", chat=chat, pad_token_id=pad_id)
    model = reward_model(folder)
    assert model.form == "chat"
    tokenizer = hf.AutoTokenizer.from_pretrained(folder)
    texts = [f"[CLS]user: {asked}[SEP][CLS]assistant: {said}[SEP]" for asked, said in TURNS]
    naive = [alone(folder, input_ids=tokenizer(text, add_special_tokens=False)["input_ids"]) for text in texts]
    np.testing.assert_allclose(scored(model).columns["score"], naive, atol=1e-5)


def test_a_template_that_writes_the_date_writes_the_same_text_on_every_day(tmp_path):
    chat = "{% for m in messages %}{{ m.content }}{{ strftime_now(' %Y') }}{% endfor %}"
    folder = saved(tmp_path, "llama", chat=chat, pad_token_id=None)
    (passage,) = reward_model(folder).encode([("a", "b")])
    assert hf.AutoTokenizer.from_pretrained(folder).decode(passage.ids) == "a 2024b 2024"


def test_a_long_response_is_cut_and_its_closing_mark_survives(tmp_path):
    folder = saved(tmp_path)
    model = reward_model(folder, max_tokens=40)
    long = ("Why is the sky blue?", "Because of Rayleigh scattering. " * 20)
    (passage,) = model.encode([long])
    assert passage.truncated
    assert 30 < passage.tokens <= 40
    tokenizer = hf.AutoTokenizer.from_pretrained(folder)
    assert passage.ids[-1] == tokenizer.sep_token_id
    assert passage.ids[:20] == tokenizer(*long)["input_ids"][:20]
    (other,) = model.encode([("Why? " * 40, "Because.")])
    assert tokenizer.decode(other.ids).endswith("[SEP]Because.[SEP]")
    assert reward_model(folder, max_tokens=4).encode([TURNS[0]]) == [Defect("truncated")]


def test_rows_are_scored_turn_by_turn_and_the_cache_knows_turns(tmp_path):
    scorer, cache = RewardScorer(reward_model(saved(tmp_path))), FragmentCache(MemoryFiles())
    rows = [row(*TURNS[:2]), row(TURNS[1]), row(("hi", ""))]
    each = scored(scorer.model).columns["score"]
    made = score_rows(rows, scorer, "turn_mean", cache)
    np.testing.assert_allclose(made.values["score"][:2], [each[:2].mean(), each[1]], atol=1e-5)
    assert made.flags == [None, None, "empty_text"]
    assert made.counts == {"turns": 3, "truncated_turns": 0, "blank_turns": 1}
    scorer.model.run = None  # whatever is read now is in the cache
    summed = score_rows(rows, scorer, "turn_sum", cache)
    assert summed.values["score"][0] == pytest.approx(2 * made.values["score"][0])
    assert summed.annotators[0] != made.annotators[0]


def test_a_classifier_of_several_labels_is_no_reward_model(tmp_path):
    model = reward_model(saved(tmp_path, num_labels=3))
    with pytest.raises(ModelError, match="gives 3 values of a text: expected 1"):
        scored(model)


def test_unknown_forms_are_refused(tmp_path):
    with pytest.raises(ValueError, match="form must be one of pair, oasst, chat, got 'alpaca'"):
        reward_model(tmp_path, "alpaca")

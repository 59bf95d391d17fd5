"""How many tokens a model reads is known without its weights."""

import json

import pytest

from mig_dagster.annotations.models import CausalLanguageModel, ModelSpec, PretrainedModel
from tests.tiny_models import save_causal, save_t5, save_xlm_roberta


def limit(folder, most=100_000):
    (folder / "model.safetensors").unlink(missing_ok=True)
    return CausalLanguageModel(ModelSpec(str(folder), max_tokens=most)).limit


def tokenizer_says(folder, most):
    path = folder / "tokenizer_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"model_max_length": most}))


@pytest.mark.parametrize("architecture", ["llama", "gpt2", "gpt_neox"])
def test_positions_are_the_limit_under_whatever_name(architecture, tmp_path):
    assert limit(save_causal(tmp_path, architecture, positions=48)) == 48


def test_the_callers_own_limit_holds_where_it_is_lower(tmp_path):
    assert limit(save_causal(tmp_path, positions=48), most=40) == 40


def test_the_tokenizers_limit_holds_where_it_is_lower(tmp_path):
    folder = save_causal(tmp_path, positions=48)
    tokenizer_says(folder, 32)
    assert limit(folder) == 32


def test_roberta_never_uses_its_first_positions(tmp_path):
    """XLM-R has 514 positions and reads 512 tokens: the first two are the padding's."""
    assert limit(save_xlm_roberta(tmp_path, positions=50)) == 48


def test_a_model_of_relative_positions_reads_more_than_its_tokenizer_says(tmp_path):
    folder = save_t5(tmp_path)
    tokenizer_says(folder, 512)
    assert limit(folder, most=1024) == 1024


def test_a_model_without_a_limit_takes_the_callers(tmp_path):
    import transformers as hf

    folder = save_causal(tmp_path)
    hf.BloomConfig(vocab_size=400, hidden_size=32, n_layer=1, n_head=4).save_pretrained(folder)
    assert limit(folder, most=5_000) == 5_000


@pytest.mark.parametrize("positions", [50, 200])
def test_a_sequence_as_long_as_the_limit_fits(tmp_path, positions):
    model = PretrainedModel(ModelSpec(str(save_xlm_roberta(tmp_path, positions=positions))), "AutoModel", ["pooler."])
    ids, mask = model.padded([[5] * model.limit, [5]])
    assert model.model(input_ids=ids, attention_mask=mask).last_hidden_state.shape == (2, positions - 2, 32)

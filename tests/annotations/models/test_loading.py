"""A model that cannot be had as it was asked for stops with what to do; none is scored with in part."""

import json
import shutil

import pytest
import torch

from mig_dagster.annotations.model_files import ModelError
from mig_dagster.annotations.models import CausalLanguageModel, ModelSpec, PretrainedModel
from tests.tiny_models import save_causal, save_t5, save_xlm_roberta

SAVED = {"gpt2": lambda folder: save_causal(folder, "gpt2"), "t5": save_t5, "xlm_roberta": save_xlm_roberta}


@pytest.fixture
def copy(tiny_llama, tmp_path):
    """A copy of the tiny Llama that a test may damage."""
    return shutil.copytree(tiny_llama, tmp_path / "copied")


def causal(folder, **options):
    return CausalLanguageModel(ModelSpec(str(folder), **options))


def edit_config(folder, **changes):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_a_head_that_the_checkpoint_lacks_is_not_made_up(tiny_llama):
    """transformers draws it at random and logs a line: a reward model without its head would give noise for scores."""
    classifier = PretrainedModel(ModelSpec(str(tiny_llama)), "AutoModelForSequenceClassification")
    with pytest.raises(ModelError, match=r"lacks weights that AutoModelForSequenceClassification needs: score\.weight"):
        _ = classifier.model


def test_weights_that_the_caller_does_not_read_may_be_missing(tmp_path):
    folder = save_xlm_roberta(tmp_path)
    with pytest.raises(ModelError, match=r"AutoModel needs: pooler\.dense\.bias, pooler\.dense\.weight"):
        _ = PretrainedModel(ModelSpec(str(folder)), "AutoModel").model
    assert PretrainedModel(ModelSpec(str(folder)), "AutoModel", unused=["pooler."]).model.training is False


def test_weights_of_another_shape_are_named_and_the_rest_counted(copy):
    edit_config(copy, hidden_size=64, head_dim=16)
    with pytest.raises(ModelError, match=r"lm_head\.weight \(of another shape\).* and \d+ more\. They would be random"):
        _ = causal(copy).model


@pytest.mark.parametrize("architecture", SAVED)
def test_a_folder_without_a_tokenizer_is_an_error(architecture, tmp_path):
    """transformers makes a tokenizer that takes every word for the same unknown one."""
    folder = SAVED[architecture](tmp_path)
    for path in folder.glob("token*"):
        path.unlink()
    with pytest.raises(ModelError, match=r"save the tokenizer that the model was trained with into its folder"):
        _ = causal(folder).tokenizer


def test_a_tokenizer_without_a_token_for_padding_needs_none(copy, tiny_llama):
    for name in ("tokenizer_config.json", "special_tokens_map.json"):
        if (path := copy / name).exists():
            kept = {key: value for key, value in json.loads(path.read_text()).items() if key != "pad_token"}
            path.write_text(json.dumps(kept))
    without = causal(copy)
    assert without.tokenizer.pad_token_id is None
    given = [[3, 4, 5], [6]]
    wanted = causal(tiny_llama).next_token_logits(given, [7])
    assert without.next_token_logits(given, [7]) == pytest.approx(wanted)


def edit_tokenizer(folder, **changes):
    path = folder / "tokenizer_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_a_token_for_padding_that_the_model_does_not_know_is_not_read(copy, tiny_llama):
    edit_tokenizer(copy, pad_token="[PAD]")
    added = causal(copy)
    assert added.tokenizer.pad_token_id >= added.config.vocab_size
    given = [[3, 4, 5], [6]]
    wanted = causal(tiny_llama).next_token_logits(given, [7])
    assert added.next_token_logits(given, [7]) == pytest.approx(wanted)


def test_texts_are_cut_from_the_right_whatever_side_the_tokenizer_says(copy):
    edit_tokenizer(copy, truncation_side="left")
    tokenizer = causal(copy).tokenizer
    whole = tokenizer("Why is the sky blue?")["input_ids"]
    assert tokenizer("Why is the sky blue?", truncation=True, max_length=4)["input_ids"] == whole[:4]


def test_weights_that_are_cut_short_are_an_error(copy):
    weights = copy / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(ModelError, match="a file of weights is cut short or damaged: fetch it again"):
        _ = causal(copy).model


def test_a_folder_without_weights_is_an_error(copy):
    (copy / "model.safetensors").unlink()
    with pytest.raises(ModelError, match=r"no file named model\.safetensors.*put the missing file into the folder"):
        _ = causal(copy).model


def test_an_architecture_that_transformers_does_not_know_is_an_error(copy):
    edit_config(copy, model_type="nonsense")
    with pytest.raises(ModelError, match="upgrade transformers, or take another model"):
        _ = causal(copy).limit


def test_code_beside_the_weights_runs_only_when_asked(copy):
    (copy / "own.py").write_text("raise SystemExit('it ran')")
    edit_config(copy, model_type="own", auto_map={"AutoConfig": "own.Config"})
    with pytest.raises(ModelError, match="read it, and set trust_remote_code=True if you trust it"):
        _ = causal(copy).config
    with pytest.raises(SystemExit, match="it ran"):
        _ = causal(copy, trust_remote_code=True).config


def test_trusted_code_counts_in_the_fingerprint_and_untrusted_models_keep_theirs():
    assert ModelSpec("m", trust_remote_code=True).parameters()["trust_remote_code"] is True
    assert "trust_remote_code" not in ModelSpec("m").parameters()


def test_flash_attention_that_is_not_installed_is_an_error(tiny_llama):
    pytest.importorskip("transformers")
    from transformers.utils import is_flash_attn_2_available

    if is_flash_attn_2_available():
        pytest.skip("flash-attn is installed")
    with pytest.raises(ModelError, match="needs a CUDA device and the package flash-attn: install it, or leave"):
        _ = causal(tiny_llama, attention="flash_attention_2").model


def test_without_a_word_on_attention_an_architecture_uses_what_it_has(tmp_path):
    """DeBERTa, of which reward models are made, has no sdpa."""
    from transformers import DebertaV2Config, DebertaV2ForSequenceClassification

    sizes = {"vocab_size": 40, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    DebertaV2ForSequenceClassification(DebertaV2Config(**sizes, intermediate_size=16)).save_pretrained(tmp_path)
    loaded = PretrainedModel(ModelSpec(str(tmp_path)), "AutoModelForSequenceClassification")
    assert loaded.model.config._attn_implementation == "eager"
    asked = PretrainedModel(ModelSpec(str(tmp_path), attention="sdpa"), "AutoModelForSequenceClassification")
    with pytest.raises(ModelError, match="leave attention out, or set attention='eager'"):
        _ = asked.model


def test_quantisation_without_a_cuda_device_is_an_error(tiny_llama):
    with pytest.raises(ModelError, match="quantisation='int8' needs a CUDA device, got 'cpu': leave quantisation out"):
        _ = causal(tiny_llama, quantisation="int8").model


def test_quantisation_without_its_packages_is_an_error(tiny_llama, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr("mig_dagster.annotations.models.quantisation.find_spec", lambda name: None)
    with pytest.raises(ModelError, match="needs bitsandbytes and accelerate: pip install bitsandbytes accelerate"):
        _ = causal(tiny_llama, device="cuda:0", quantisation="int4").model


@pytest.mark.gpu
@pytest.mark.parametrize("quantisation", ["int8", "int4"])
def test_quantised_weights_say_nearly_the_same(tiny_llama, quantisation):
    pytest.importorskip("bitsandbytes")
    on_gpu = {"device": "cuda:0", "dtype": "float16"}
    whole, fewer = causal(tiny_llama, **on_gpu), causal(tiny_llama, **on_gpu, quantisation=quantisation)
    given = [[3, 4, 5, 6], [7, 8]]
    assert fewer.next_token_logits(given, range(50)) == pytest.approx(whole.next_token_logits(given, range(50)), abs=1)


def test_a_cuda_device_that_is_not_there_is_an_error(tiny_llama, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match="device 'cuda:0' was asked for, but torch sees no CUDA device"):
        _ = causal(tiny_llama, device="cuda:0").model


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dtype": "int8"}, "dtype must be one of float32, bfloat16, float16, got 'int8'"),
        ({"attention": "fast"}, "attention must be one of None, sdpa, eager, flash_attention_2, got 'fast'"),
        ({"quantisation": "int2"}, "quantisation must be one of None, int8, int4, got 'int2'"),
        ({"batch_tokens": 0}, "batch_tokens must be at least 1, got 0"),
        ({"max_tokens": 0}, "max_tokens must be at least 1, got 0"),
    ],
)
def test_values_that_no_model_runs_with_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        ModelSpec("m", **options)


def test_loading_shows_no_bar_of_its_own(tiny_llama, capfd):
    causal(tiny_llama).next_token_logits([[3]], [4])
    assert "Loading weights" not in capfd.readouterr().err

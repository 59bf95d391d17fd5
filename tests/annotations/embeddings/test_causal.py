import numpy as np
import pytest

from mig_dagster.annotations.cache import FragmentCache
from mig_dagster.annotations.embeddings import CausalEmbedder, embed_rows
from mig_dagster.annotations.models import CausalLanguageModel, ModelSpec
from tests.annotations.memory_files import MemoryFiles
from tests.annotations.rows import row
from tests.tiny_models import CAUSAL, save_causal

TEXTS = ["The sea is wide and blue.", "write", "为什么天空是蓝色的? " * 3, "x" * 70, "The sea is wide and blue."]


@pytest.fixture(scope="module", params=CAUSAL)
def folder(request, tmp_path_factory):
    return save_causal(tmp_path_factory.mktemp(request.param), request.param)


def one_at_a_time(folder, text, pooling):
    """A text alone through the model, nothing padded."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model, tokenizer = AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    hidden = model.eval()(**tokenizer(text, return_tensors="pt"), output_hidden_states=True).hidden_states[-1][0]
    vector = (hidden[-1] if pooling == "last_token" else hidden.mean(dim=0)).detach().numpy()
    return vector / np.linalg.norm(vector)


@pytest.mark.parametrize("pooling", ["last_token", "mean"])
@pytest.mark.parametrize("batch_tokens", [1, 100, 4096])
def test_batches_give_what_one_text_at_a_time_gives(folder, pooling, batch_tokens):
    embedder = CausalEmbedder(CausalLanguageModel(ModelSpec(str(folder), batch_tokens=batch_tokens)), pooling)
    expected = np.array([one_at_a_time(folder, text, pooling) for text in TEXTS])
    np.testing.assert_allclose(embedder.encode_cached(TEXTS, None), expected, atol=2e-5)


@pytest.fixture
def model(tiny_llama):
    return CausalLanguageModel(ModelSpec(str(tiny_llama)))


def test_long_texts_are_cut_from_the_right(tiny_llama, model):
    text = "one two three four five six seven"
    cut = CausalLanguageModel(ModelSpec(str(tiny_llama), max_tokens=6))
    head = model.tokenizer.decode(model.tokenizer(text)["input_ids"][:6])
    short = CausalEmbedder(cut).encode_cached([text], None)
    np.testing.assert_allclose(short, CausalEmbedder(model).encode_cached([head], None), atol=1e-5)


def test_each_distinct_text_is_computed_once_and_never_again(tiny_llama, model):
    files, told = MemoryFiles(), []
    first = CausalEmbedder(model).encode_cached(TEXTS, FragmentCache(files), told.append)
    assert (told[-1].items, told[-1].of_items) == (4, 4)
    np.testing.assert_array_equal(first[0], first[4])
    again = CausalLanguageModel(ModelSpec(str(tiny_llama)))
    second = CausalEmbedder(again).encode_cached(TEXTS[::-1], FragmentCache(files))
    np.testing.assert_array_equal(second[::-1], first)
    assert "model" not in again.__dict__


def test_pooling_and_model_are_part_of_who_gives_them(tiny_llama, model):
    cut = CausalLanguageModel(ModelSpec(str(tiny_llama), max_tokens=8))
    who = [CausalEmbedder(model), CausalEmbedder(model, "mean"), CausalEmbedder(cut)]
    assert len({embedder.annotator.fingerprint for embedder in who}) == 3
    assert "model" not in model.__dict__


@pytest.mark.parametrize("value", [0.0, float("nan")])
def test_rows_of_which_the_model_makes_no_direction_are_flagged(model, value):
    import torch

    broken = model.tokenizer.encode("z", add_special_tokens=False)[-1]
    with torch.no_grad():
        model.model.get_input_embeddings().weight[broken] = value
        if value == 0.0:
            model.model.base_model.norm.weight.zero_()
    told = embed_rows([row(("z", "1")), row((" ", "2"))], CausalEmbedder(model))
    assert told.flags == ["not_finite", "empty_text"]
    assert np.isnan(told.values["embedding"]).all()


def test_no_texts_give_an_empty_matrix_without_the_weights(model):
    assert CausalEmbedder(model).encode_cached([], None).shape == (0, 32)
    assert "model" not in model.__dict__


def test_a_pooling_that_is_not_known_is_refused(model):
    with pytest.raises(ValueError, match="pooling must be one of last_token, mean, got 'max'"):
        CausalEmbedder(model, "max")


@pytest.mark.gpu
def test_a_gpu_gives_the_embeddings_of_the_cpu(tiny_llama, model):
    if not pytest.importorskip("torch").cuda.is_available():
        pytest.skip("needs a CUDA device")
    on_gpu = CausalEmbedder(CausalLanguageModel(ModelSpec(str(tiny_llama), device="cuda:0")))
    expected = CausalEmbedder(model).encode_cached(TEXTS, None)
    np.testing.assert_allclose(on_gpu.encode_cached(TEXTS, None), expected, atol=1e-4)

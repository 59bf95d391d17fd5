import gc
import random
import weakref

import numpy as np
import pytest
import torch

from mig_dagster.annotations import model_files
from mig_dagster.annotations.annotator import Annotator
from mig_dagster.annotations.cache import FragmentCache
from mig_dagster.annotations.encoder import SentenceEncoder
from mig_dagster.annotations.model_files import ModelError
from tests.annotations.memory_files import MemoryFiles


def texts(n, seed=0):
    draw = random.Random(seed)
    words = ["sum", "two", "numbers", "please", "write", "a", "poem", "42", "why?"]
    return [" ".join(draw.choices(words, k=draw.randrange(0, 30))) + f" {i}" for i in range(n)]


@pytest.fixture(scope="module")
def encoder(tiny_model):
    return SentenceEncoder(str(tiny_model), batch_tokens=256, max_tokens=48)


def theirs(encoder, given):
    return encoder._model.encode(given, batch_size=1, normalize_embeddings=True)


def test_embeddings_are_those_of_sentence_transformers_in_the_order_given(encoder):
    given = [*texts(50), "", "x" * 500]
    ours = encoder.encode(given)
    assert ours.dtype == np.float32
    assert ours.shape == (52, 16)
    np.testing.assert_allclose(ours, theirs(encoder, given), atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(ours, axis=1), 1, atol=1e-6)


def test_the_order_of_texts_does_not_change_an_embedding(encoder):
    given = texts(80)
    shuffled = random.Random(1).sample(range(80), 80)
    np.testing.assert_allclose(encoder.encode([given[i] for i in shuffled]), encoder.encode(given)[shuffled], atol=1e-5)


def test_the_token_budget_does_not_change_an_embedding(tiny_model, encoder):
    given = texts(40)
    one_by_one = SentenceEncoder(str(tiny_model), batch_tokens=1, max_tokens=48).encode(given)
    np.testing.assert_allclose(encoder.encode(given), one_by_one, atol=1e-5)


def test_no_texts_give_no_rows_of_the_right_dimension(encoder):
    assert encoder.encode([]).shape == (0, 16)
    assert encoder.encode_cached([], FragmentCache(MemoryFiles())).shape == (0, 16)
    assert encoder.dimension == 16


def test_texts_are_cut_at_max_tokens(tiny_model):
    cut = SentenceEncoder(str(tiny_model), max_tokens=6)
    np.testing.assert_allclose(cut.encode(["abcdxyz"]), cut.encode(["abcdqqq"]), atol=1e-5)
    assert np.abs(cut.encode(["abcdxyz"]) - cut.encode(["abxdqqq"])).max() > 1e-3


def test_the_models_own_limit_holds_where_it_is_lower(tiny_model):
    unlimited = SentenceEncoder(str(tiny_model), max_tokens=100_000)
    assert unlimited.encode(["word " * 500]).shape == (1, 16)
    assert unlimited._model.max_seq_length == 64


def test_bfloat16_is_close_to_float32_and_normalised_in_float32(tiny_model, encoder):
    half = SentenceEncoder(str(tiny_model), dtype="bfloat16", max_tokens=48).encode(texts(20))
    assert half.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(half, axis=1), 1, atol=1e-6)
    whole = encoder.encode(texts(20))
    assert (half * whole).sum(axis=1).min() > 0.99
    assert np.abs(half - whole).max() > 1e-5, "computed in float32 after all"


def test_progress_reaches_the_number_of_texts(encoder):
    seen = []
    encoder.encode(texts(30), lambda now: seen.append((now.items, now.of_items)))
    assert len(seen) > 1
    assert seen == sorted(seen)
    assert seen[-1] == (30, 30)


def test_out_of_memory_halves_the_budget_and_gives_the_same_embeddings(tiny_model, encoder, monkeypatch):
    small = SentenceEncoder(str(tiny_model), batch_tokens=4096, max_tokens=48)
    forward, sizes = small._forward, []

    def forward_on_a_small_device(given):
        sizes.append(len(given))
        if len(given) > 5:
            raise torch.OutOfMemoryError("simulated")
        return forward(given)

    monkeypatch.setattr(small, "_forward", forward_on_a_small_device)
    given = texts(30)
    np.testing.assert_allclose(small.encode(given), encoder.encode(given), atol=1e-5)
    assert max(sizes) > 5
    sizes.clear()
    small.encode(["word " * 20] * 30)  # the lesson is kept: the long texts of a later call fit at once
    assert max(sizes) <= 5


def test_a_text_that_never_fits_is_an_error(tiny_model, monkeypatch):
    small = SentenceEncoder(str(tiny_model), max_tokens=48)

    def forward(given):
        raise torch.OutOfMemoryError("simulated")

    monkeypatch.setattr(small, "_forward", forward)
    with pytest.raises(MemoryError, match="one text of 48 tokens does not fit"):
        small.encode(["a " * 200, "b"])


def test_a_model_that_gives_nan_is_an_error_not_an_embedding(tiny_model):
    broken = SentenceEncoder(str(tiny_model))
    with torch.no_grad():
        broken._model[0].model.embeddings.word_embeddings.weight.fill_(float("nan"))
    with pytest.raises(FloatingPointError, match="under dtype float32 gave a NaN, infinite or zero embedding"):
        broken.encode(["abc"])


class Counting(SentenceEncoder):
    """Counts the texts that went through the model."""

    def _forward(self, given):
        if getattr(self, "dies_after", None) is not None and len(self.seen) + len(given) > self.dies_after:
            raise RuntimeError("killed")
        self.seen += given
        return super()._forward(given)


def counting(tiny_model, dies_after=None):
    encoder = Counting(str(tiny_model), batch_tokens=64, max_tokens=48)
    encoder.seen, encoder.dies_after = [], dies_after
    return encoder


def test_through_the_cache_each_distinct_text_is_encoded_once_ever(tiny_model, encoder):
    files, given = MemoryFiles(), texts(20)
    first, second, third = counting(tiny_model), counting(tiny_model), counting(tiny_model)
    one = first.encode_cached(given[:10] * 3, FragmentCache(files))
    two = second.encode_cached(given[::-1], FragmentCache(files))
    three = third.encode_cached(given, FragmentCache(files))
    assert sorted(first.seen) == sorted(given[:10])
    assert sorted(second.seen) == sorted(given[10:])
    assert third.seen == []
    assert "_model" not in third.__dict__, "what the cache knows needs no model"
    assert np.array_equal(two[::-1], three)
    assert np.array_equal(one[:10], three[:10])
    np.testing.assert_allclose(three, encoder.encode(given), atol=1e-5)


def test_without_a_cache_each_distinct_text_is_encoded_once_a_call(tiny_model):
    encoder = counting(tiny_model)
    assert encoder.encode_cached(["b", "a", "b"], None).shape == (3, 16)
    assert sorted(encoder.seen) == ["a", "b"]


def test_a_killed_run_resumes_and_encodes_no_text_twice(tiny_model):
    files, given = MemoryFiles(), texts(40)
    dying, resumed = counting(tiny_model, dies_after=17), counting(tiny_model)
    with pytest.raises(RuntimeError, match="killed"):
        dying.encode_cached(given, FragmentCache(files))
    resumed.encode_cached(given, FragmentCache(files))
    assert dying.seen
    assert sorted(dying.seen + resumed.seen) == sorted(given)


def test_the_annotator_says_what_the_values_depend_on_without_loading_the_model(tiny_model):
    def fingerprint(**options):
        encoder = SentenceEncoder(str(tiny_model), **options)
        made = encoder.annotator.fingerprint
        assert "_model" not in encoder.__dict__
        return made

    base = fingerprint()
    assert fingerprint(batch_tokens=7, device="meta") == base
    assert len({base, fingerprint(dtype="bfloat16"), fingerprint(max_tokens=7)}) == 3


def test_a_static_embedding_model_works_too(tmp_path):
    """They have another tokenizer class and no attention mask, and encode thousands of rows a second on a CPU."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace

    tokenizer = Tokenizer(WordLevel({"[UNK]": 0, "red": 1, "apple": 2}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    model = SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_dim=4)], device="cpu")
    model.save(str(tmp_path / "static"))
    given = ["red", "apple red apple", "red apple"]
    ours = SentenceEncoder(str(tmp_path / "static")).encode(given)
    np.testing.assert_allclose(ours, model.encode(given, normalize_embeddings=True), atol=1e-6)


def test_the_models_default_prompt_is_used(tiny_model, tmp_path):
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(
        str(tiny_model), prompts={"query": "please "}, default_prompt_name="query", device="cpu"
    )
    model.save(str(tmp_path / "prompted"))
    ours = SentenceEncoder(str(tmp_path / "prompted"), max_tokens=48)
    np.testing.assert_allclose(ours.encode(["add"]), SentenceEncoder(str(tiny_model)).encode(["please add"]), atol=1e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dtype": "int8"}, "dtype must be one of float32, bfloat16, float16, got 'int8'"),
        ({"batch_tokens": 0}, "batch_tokens must be at least 1, got 0"),
        ({"max_tokens": -1}, "max_tokens must be at least 1, got -1"),
    ],
)
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        SentenceEncoder(**options)


def test_a_gpu_that_is_not_there_is_an_error(tiny_model, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(
        ValueError, match="device 'cuda:0' was asked for, but torch sees no CUDA device: use device='cpu'"
    ):
        SentenceEncoder(str(tiny_model), device="cuda:0").encode(["a"])


def test_weights_that_cannot_be_fetched_stop_with_what_to_do(tiny_model, tmp_path):
    (tmp_path / "half").mkdir()
    for name in ("config.json", "modules.json"):
        (tmp_path / "half" / name).write_bytes((tiny_model / name).read_bytes())
    with pytest.raises(ModelError, match="put the missing file into the folder"):
        SentenceEncoder(str(tmp_path / "half")).encode(["a"])


def test_the_offline_package_encodes_as_sentence_transformers_does():
    if model_files.packaged_minilm() is None:
        pytest.skip("needs the extra 'offline'")
    encoder = SentenceEncoder()
    given = ["add two numbers", "write a poem about the sea", "sum a pair of integers"]
    ours = encoder.encode(given)
    np.testing.assert_allclose(ours, theirs(encoder, given), atol=1e-5)
    similarity = ours @ ours.T
    assert similarity[0, 2] > 0.5 > 0.3 > similarity[0, 1]


def test_loading_a_model_shows_no_bar_of_its_own(tiny_model, capfd):
    SentenceEncoder(str(tiny_model)).encode(["a"])
    assert "Loading weights" not in capfd.readouterr().err


def test_the_fingerprint_is_the_one_that_older_caches_are_keyed_by(tiny_model):
    """Knobs that came later count only where they are used."""
    encoder = SentenceEncoder(str(tiny_model), max_tokens=48)
    parameters = {"dtype": "float32", "max_tokens": 48, "normalised": True}
    older = Annotator("sentence_embedding", encoder.files.name, encoder.files.revision, parameters=parameters)
    assert encoder.annotator.fingerprint == older.fingerprint
    later = [{"quantisation": "int8"}, {"trust_remote_code": True}]
    made = {SentenceEncoder(str(tiny_model), max_tokens=48, **knob).annotator.fingerprint for knob in later}
    assert len(made | {older.fingerprint}) == 3
    assert SentenceEncoder(str(tiny_model), max_tokens=48, attention="eager").annotator == encoder.annotator


def test_attention_is_the_one_asked_for_and_changes_no_embedding(tiny_model, encoder):
    eager = SentenceEncoder(str(tiny_model), max_tokens=48, attention="eager")
    np.testing.assert_allclose(eager.encode(texts(20)), encoder.encode(texts(20)), atol=1e-5)
    assert eager._model[0].model.config._attn_implementation == "eager"
    assert encoder._model[0].model.config._attn_implementation == "sdpa"


def test_a_released_encoder_loads_its_model_again(tiny_model, encoder):
    released = SentenceEncoder(str(tiny_model), max_tokens=48)
    released.encode(["a"])
    gone = weakref.ref(released._model)
    released.release()
    gc.collect()
    assert gone() is None
    np.testing.assert_allclose(released.encode(texts(9)), encoder.encode(texts(9)), atol=1e-5)

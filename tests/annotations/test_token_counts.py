import pytest

from mig_dagster.annotations import token_counts
from mig_dagster.annotations.encoder import SentenceEncoder
from mig_dagster.annotations.token_counts import TokenCounter, all_text
from mig_dagster.conversation import Conversation, Message


@pytest.fixture(scope="module")
def count(tiny_model):
    return TokenCounter(SentenceEncoder(str(tiny_model)))


@pytest.fixture(scope="module")
def static(tmp_path_factory):
    """A model that averages word vectors; its tokenizer cuts at two words and pads, as saved ones may."""
    import numpy as np
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace

    tokenizer = Tokenizer(WordLevel({"[UNK]": 0, "one": 1, "two": 2}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.enable_truncation(2)
    tokenizer.enable_padding()
    module = StaticEmbedding(tokenizer, embedding_weights=np.eye(3, dtype=np.float32))
    folder = tmp_path_factory.mktemp("static")
    SentenceTransformer(modules=[module], device="cpu").save(str(folder))
    return SentenceEncoder(str(folder))


def test_every_piece_counts_and_no_mark_is_added(count):
    assert count(["a b", "ab", "", "a, b!"]).tolist() == [2, 2, 0, 4]


def test_texts_longer_than_the_model_reads_are_counted_whole(count):
    assert count(["a " * 5_000]).tolist() == [5_000]


def test_a_static_models_tokenizer_neither_cuts_nor_pads(static):
    assert TokenCounter(static)(["one two one", "", "three two"]).tolist() == [3, 0, 2]
    assert static.encode(["one two one"]).shape == (1, 3)  # the model's own tokenizer is left as it was


def test_counts_do_not_depend_on_the_batches(count, monkeypatch):
    texts = ["a " * i for i in range(10)]
    monkeypatch.setattr(token_counts, "_AT_ONCE", 3)
    assert count(texts).tolist() == list(range(10))
    assert count([]).tolist() == []


def test_the_counter_says_whose_tokenizer_it_is(count, tiny_model):
    assert count.name.startswith(f"{tiny_model.name} @ sha256:")


def test_all_that_a_conversation_says_counts():
    messages = (
        Message("user", "ask"),
        Message("assistant", "", tool_calls='[{"type": "function"}]', reasoning_content="think"),
        Message("tool", "found"),
    )
    assert all_text(Conversation(messages)) == 'ask\nthink\n[{"type": "function"}]\nfound'

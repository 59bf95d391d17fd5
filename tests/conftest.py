"""What many tests share: the S3 servers, and a sentence-transformers model with random weights."""

import pytest

pytest_plugins = ["tests.e2e.hub_server", "tests.e2e.s3_server"]


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory):
    """A folder with a 2-layer BERT, a vocabulary of letters and common pieces, and mean pooling; 16 dimensions."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from transformers import BertConfig, BertModel, BertTokenizer

    folder = tmp_path_factory.mktemp("bert")
    letters = "abcdefghijklmnopqrstuvwxyz0123456789.,?!"
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *(f"##{letter}" for letter in letters)]
    (folder / "vocab.txt").write_text("\n".join(vocabulary), encoding="utf-8")
    BertTokenizer(vocab=str(folder / "vocab.txt")).save_pretrained(folder)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=64,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        BertModel(config).save_pretrained(folder)
    saved = tmp_path_factory.mktemp("encoder")
    transformer = Transformer(str(folder), max_seq_length=64)
    SentenceTransformer(modules=[transformer, Pooling(16)], device="cpu").save(str(saved))
    return saved


@pytest.fixture(scope="session")
def tiny_llama(tmp_path_factory):
    """A folder with a 2-layer Llama and its byte-level tokenizer; random weights."""
    from tests.tiny_models import save_causal

    return save_causal(tmp_path_factory.mktemp("llama"))

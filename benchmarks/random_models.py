"""Models of given sizes with random weights, made on the device itself: a 7B one never touches the disk."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from mig_dagster.annotations.encoder import SentenceEncoder
from mig_dagster.annotations.models import CausalLanguageModel, ModelSpec


@dataclass(frozen=True, slots=True)
class Shape:
    """The sizes of a model.

    Attributes:
        family: of `FAMILIES`.
        layers: how many.
        width: of hidden states.
        inner: of the feed-forward part.
        heads: of attention.
        key_heads: of keys and values; as many as of attention, or fewer.
        vocabulary: tokens.
        positions: the most tokens of a sequence.
    """

    family: str
    layers: int
    width: int
    inner: int
    heads: int
    key_heads: int
    vocabulary: int
    positions: int

    @property
    def weights(self) -> int:
        """Weights that every token meets: of the layers, without embeddings and head."""
        keys = self.width * self.key_heads // self.heads
        gates = 2 if self.family in CAUSAL else 1
        return self.layers * self.width * (2 * self.width + 2 * keys + (1 + gates) * self.inner)

    def operations(self, tokens: int, asked: int = 0) -> float:
        """Return what a pass over one sequence needs, padding aside.

        2 for each weight that a token meets, those of the head only for the positions asked for; and in each layer, in
        each of the two products of attention, 2 * width for each token that a token looks at.
        """
        looks = tokens * (tokens + 1) / 2 if self.family in CAUSAL else tokens**2
        head = asked * self.width * self.vocabulary
        return 2.0 * (self.weights * tokens + head) + 4.0 * self.layers * self.width * looks


CAUSAL = ("llama", "mistral")

LLAMA_7B = Shape("llama", 32, 4_096, 11_008, 32, 32, 32_000, 4_096)
MINILM = Shape("bert", 6, 384, 1_536, 12, 12, 30_522, 512)
MPNET = Shape("mpnet", 12, 768, 3_072, 12, 12, 30_527, 514)
E5_MISTRAL = Shape("mistral", 32, 4_096, 14_336, 32, 8, 32_000, 4_096)


def config(shape: Shape) -> Any:
    """Return the configuration of a shape."""
    import transformers as hf

    sizes = {
        "vocab_size": shape.vocabulary,
        "hidden_size": shape.width,
        "intermediate_size": shape.inner,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "max_position_embeddings": shape.positions,
        "pad_token_id": 0,
    }
    keys = {"num_key_value_heads": shape.key_heads}
    families: dict[str, Callable[[], Any]] = {
        "llama": lambda: hf.LlamaConfig(**sizes, **keys),
        "mistral": lambda: hf.MistralConfig(**sizes, **keys),
        "bert": lambda: hf.BertConfig(**sizes),
        "mpnet": lambda: hf.MPNetConfig(**{**sizes, "pad_token_id": 1}),
    }
    return families[shape.family]()


def build(shape: Shape, auto_class: str, device: str, dtype: str) -> Any:
    """Return a model of a shape, its weights drawn on the device in their dtype."""
    import torch
    import transformers as hf

    torch.manual_seed(0)
    with torch.device(device):
        model = getattr(hf, auto_class).from_config(config(shape), dtype=getattr(torch, dtype))
    return model.to(device).eval()


class RandomCausal(CausalLanguageModel):
    """A causal language model with random weights and no files."""

    def __init__(self, shape: Shape, device: str, dtype: Any, longest: int) -> None:
        super().__init__(ModelSpec(shape.family, device=device, dtype=dtype, max_tokens=longest))
        self.shape = shape

    @cached_property
    def tokenizer(self) -> Any:
        """What of a tokenizer a pass reads."""
        return SimpleNamespace(pad_token_id=0, model_max_length=self.shape.positions)

    @cached_property
    def config(self) -> Any:
        """The shape's."""
        return config(self.shape)

    @cached_property
    def model(self) -> Any:
        """The weights."""
        return build(self.shape, "AutoModelForCausalLM", self.spec.device, self.spec.dtype)


def random_encoder(shape: Shape, folder: Path, **how: Any) -> SentenceEncoder:
    """Return a sentence encoder with random weights, whose texts are words `w0`, `w1`, ... of one token each.

    A small one of the same family goes through the disk; its transformer is then replaced by the one asked for.
    """
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer

    small = Shape(shape.family, 1, 4 * shape.heads, 8, shape.heads, shape.key_heads, shape.vocabulary, shape.positions)
    build(small, "AutoModel", "cpu", "float32").save_pretrained(folder / "transformer")
    _save_words(folder / "transformer", min(shape.vocabulary, 1_000))
    pooling = Pooling(shape.width, "lasttoken" if shape.family in CAUSAL else "mean")
    modules = [Transformer(str(folder / "transformer")), pooling]
    SentenceTransformer(modules=modules, device="cpu").save(str(folder / "encoder"))
    encoder = SentenceEncoder(str(folder / "encoder"), **how)
    on_gpu = encoder.spec.device != "cpu"
    dtype = encoder.spec.dtype if on_gpu else "float32"
    first: Any = encoder._model[0]
    first.model = build(shape, "AutoModel", encoder.spec.device, dtype)
    return encoder


def _save_words(folder: Path, n: int) -> None:
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(WordLevel({"<pad>": 0, "<unk>": 1} | {f"w{i}": 2 + i for i in range(n)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = Whitespace()
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<pad>", unk_token="<unk>").save_pretrained(folder)

"""Tiny models of real architectures with random weights, and byte-level tokenizers trained on a few lines."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

SAMPLE = [
    "You are a helpful assistant. Please identify the complexity score of the following user query.",
    "Instruction: write a poem about the sea. Response: The sea is wide and blue, 1 2 3 4 5 6.",
    '[{"tag": "mathematics", "explanation": "The user asks for a sum."}]',
    "### Question: what is 17 + 25? ### Answer: 42 \n def add(a, b):\n    return a + b\n",
    "为什么天空是蓝色的? Because of Rayleigh scattering.",
]
CAUSAL = ("llama", "mistral", "gpt2", "qwen3", "gpt_neox")
AFTER_THE_HEAD = ("gemma2", "cohere", "granite")  # these do something to what the head gives
VOCABULARY = 400


def save_tokenizer(folder: Path, **special: str) -> None:
    """Train a byte-level BPE of `VOCABULARY` pieces, in which every digit is a piece, and save it."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    digits = pre_tokenizers.Digits(individual_digits=True)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([digits, pre_tokenizers.ByteLevel(add_prefix_space=False)])
    tokenizer.decoder = decoders.ByteLevel()
    special = special or {"bos_token": "<s>", "eos_token": "</s>"}
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=["<pad>", *special.values()],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(SAMPLE, trainer)
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<pad>", **special).save_pretrained(folder)


def save_causal(folder: Path, architecture: str = "llama", seed: int = 0, positions: int = 512) -> Path:
    """Save a causal language model of one of `CAUSAL` or `AFTER_THE_HEAD`: 2 layers, width 32, random weights."""
    import transformers as hf

    save_tokenizer(folder)
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "max_position_embeddings": positions}
    wide = {**sizes, "intermediate_size": 64, "vocab_size": VOCABULARY}
    config = {
        "llama": lambda: hf.LlamaConfig(**wide, num_key_value_heads=2),
        "mistral": lambda: hf.MistralConfig(**wide, num_key_value_heads=2),
        "qwen3": lambda: hf.Qwen3Config(**wide, num_key_value_heads=2, head_dim=8),
        "gpt_neox": lambda: hf.GPTNeoXConfig(**wide),
        "gpt2": lambda: hf.GPT2Config(vocab_size=VOCABULARY, n_positions=positions, n_embd=32, n_layer=2, n_head=4),
        "gemma2": lambda: hf.Gemma2Config(**wide, num_key_value_heads=2, head_dim=8, final_logit_softcapping=3.0),
        "cohere": lambda: hf.CohereConfig(**wide, num_key_value_heads=2, logit_scale=0.5),
        "granite": lambda: hf.GraniteConfig(**wide, num_key_value_heads=2, logits_scaling=2.0),
    }[architecture]()
    config.pad_token_id, config.bos_token_id, config.eos_token_id = 0, 1, 2
    return _save(folder, lambda: hf.AutoModelForCausalLM.from_config(config), seed)


def save_xlm_roberta(folder: Path, classes: int = 1, seed: int = 0, positions: int = 130) -> Path:
    """Save an XLM-R with a classification head, of one number as reward models have it; it reads 128 tokens."""
    import transformers as hf

    save_tokenizer(folder, bos_token="<s>", eos_token="</s>")
    config = hf.XLMRobertaConfig(
        vocab_size=VOCABULARY,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=positions,
        pad_token_id=1,
        num_labels=classes,
    )
    return _save(folder, lambda: hf.XLMRobertaForSequenceClassification(config), seed)


def save_t5(folder: Path, seed: int = 0) -> Path:
    """Save a T5, an encoder-decoder with relative positions."""
    import transformers as hf

    save_tokenizer(folder)
    config = hf.T5Config(
        vocab_size=VOCABULARY,
        d_model=32,
        d_kv=8,
        d_ff=64,
        num_layers=2,
        num_decoder_layers=2,
        num_heads=4,
        pad_token_id=0,
        eos_token_id=2,
        decoder_start_token_id=0,
    )
    return _save(folder, lambda: hf.T5ForConditionalGeneration(config), seed)


def _save(folder: Path, make: Callable[[], Any], seed: int) -> Path:
    """Save a model whose matrices are redrawn: as transformers draws them, all tokens are about equally likely."""
    import torch

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = make()
        for parameter in model.parameters():
            if parameter.dim() > 1:
                torch.nn.init.normal_(parameter, std=0.3)
    model.save_pretrained(folder)
    return folder

"""Tiny models of real architectures with random weights, and byte-level tokenizers trained on a few lines."""

from pathlib import Path

SAMPLE = [
    "You are a helpful assistant. Please identify the complexity score of the following user query.",
    "Instruction: write a poem about the sea. Response: The sea is wide and blue, 1 2 3 4 5 6.",
    '[{"tag": "mathematics", "explanation": "The user asks for a sum."}]',
    "### Question: what is 17 + 25? ### Answer: 42 \n def add(a, b):\n    return a + b\n",
    "为什么天空是蓝色的? Because of Rayleigh scattering.",
]
CAUSAL = ("llama", "mistral", "gpt2", "qwen3", "gpt_neox")
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
    """Save a causal language model of one of `CAUSAL`: 2 layers, width 32, random weights that say something."""
    import torch
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
    }[architecture]()
    config.pad_token_id, config.bos_token_id, config.eos_token_id = 0, 1, 2
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = hf.AutoModelForCausalLM.from_config(config)
        for parameter in model.parameters():  # the default is so small that all tokens are about equally likely
            if parameter.dim() > 1:
                torch.nn.init.normal_(parameter, std=0.3)
    model.save_pretrained(folder)
    return folder

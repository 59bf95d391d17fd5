"""How many tokens a model reads, by its configuration and its tokenizer alone."""

from typing import Any

_ROBERTAS = ("roberta", "roberta-prelayernorm", "xlm-roberta", "xlm-roberta-xl", "xmod", "camembert")
_POSITIONS_AFTER_PAD = frozenset([*_ROBERTAS, "data2vec-text", "ibert", "longformer", "mpnet"])
"""Model types that number positions from `pad_token_id + 1` on, so that so many of them are never used."""

_NO_LIMIT = 1_000_000_000
"""transformers writes 1e30 where a tokenizer knows no limit."""


def most_tokens(config: Any, tokenizer: Any) -> int | None:
    """Return the most tokens that a model reads; None where neither its positions nor its tokenizer set a limit.

    The tokenizer's own limit does not count where positions are relative to each other (T5): it is the length of the
    pretraining then, not what the model can read; UniEval's scorers read 1024 tokens with a tokenizer that says 512.

    Args:
        config: of the model; `max_position_embeddings`, or what stands for it (GPT-2's `n_positions`).
        tokenizer: its `model_max_length`.
    """
    text = config.get_text_config()
    limits = []
    positions = getattr(text, "max_position_embeddings", None)
    if positions is not None and positions > 0:
        unused = (text.pad_token_id or 0) + 1 if text.model_type in _POSITIONS_AFTER_PAD else 0
        limits.append(positions - unused)
    relative = positions is None and getattr(text, "relative_attention_num_buckets", None) is not None
    if not relative and tokenizer.model_max_length < _NO_LIMIT:
        limits.append(int(tokenizer.model_max_length))
    return min(limits, default=None)

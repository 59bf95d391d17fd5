"""What a loaded causal language model allows, found by trying it on a few tokens.

Running the body of a model and then its head on chosen positions alone saves most of the head's work, and a causal
model needs no mask over padding that stands on the right. Neither holds for every architecture: Gemma 2 bends its
logits after the head, Cohere and Granite scale them, and a model of the BERT family reads in both directions. Scores
would be wrong without a sign; so each model is asked when it is loaded.
"""

from dataclasses import dataclass
from typing import Any

_TOKENS = 8
_ROUNDING = {"float32": 1e-4, "float16": 0.01, "bfloat16": 0.05}
"""Of the norm of hidden states, our choice: how much they may change by rounding alone, in a pass of another length."""


@dataclass(frozen=True, slots=True)
class Traits:
    """What may be left out with a model.

    Attributes:
        head_alone: its logits are those of its output embeddings over the last hidden states, bit for bit; otherwise
            they must come from the whole model.
        causal: tokens on the right change nothing; otherwise padding must be masked.
    """

    head_alone: bool
    causal: bool


def traits_of(model: Any) -> Traits:
    """Try a model on 8 tokens."""
    import torch

    vocabulary = model.get_input_embeddings().num_embeddings
    tokens = torch.tensor([[(31 * i * i + 17 * i + 5) % vocabulary for i in range(_TOKENS)]], device=model.device)
    with torch.inference_mode():
        hidden = last_hidden(model, input_ids=tokens)
        logits = model(input_ids=tokens, use_cache=False).logits
        half = last_hidden(model, input_ids=tokens[:, : _TOKENS // 2])
    head = model.get_output_embeddings()
    head_alone = has_body(model) and head is not None
    if head_alone:
        with torch.inference_mode():
            head_alone = torch.equal(head(hidden), logits)
    before, after = half.float(), hidden[:, : _TOKENS // 2].float()
    rounding = _ROUNDING[str(hidden.dtype).removeprefix("torch.")]
    return Traits(head_alone, bool((after - before).norm() <= rounding * before.norm()))


def has_body(model: Any) -> bool:
    """Say whether a model names the part of it that stands below its head."""
    return model.base_model is not model


def last_hidden(model: Any, **inputs: Any) -> Any:
    """Return the last layer's hidden states, (n, tokens, d)."""
    if has_body(model):
        return model.base_model(**inputs, use_cache=False).last_hidden_state
    return model(**inputs, use_cache=False, output_hidden_states=True).hidden_states[-1]

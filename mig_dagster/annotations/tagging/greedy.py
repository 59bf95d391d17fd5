"""Greedy decoding of many prompts at once: what each says does not depend on the others.

A loop of our own, as `generate` takes sampling, penalties and lengths from the model's `generation_config` wherever
they are not overruled one by one.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from mig_dagster.annotations.models import CausalLanguageModel

if TYPE_CHECKING:
    import torch

IsLast = Callable[[int], bool]
"""Called with each token of one answer in turn; true ends the answer."""


def continue_greedily(
    language_model: CausalLanguageModel, prompts: Sequence[Sequence[int]], most: int, is_last: Sequence[IsLast]
) -> list[list[int]]:
    """Return the likeliest token after each prompt, then after that, and so on, one batch.

    Prompts are padded on the left under a mask, and their positions begin with their first token. Where half of the
    answers have ended they leave the batch, as what is read of each for the next token grows with it.

    Args:
        language_model: a decoder whose layers take `position_ids`.
        prompts: n sequences of at least one token id; with `most` more they must fit the model.
        most: tokens of an answer, at least 1.
        is_last: one per prompt; the batch ends when all answers have.

    Returns:
        n answers of 1 to `most` token ids, the one that ended it included.

    Raises:
        FloatingPointError: the model gave NaN or an infinity.
    """
    import torch

    model = language_model.model
    answers: list[list[int]] = [[] for _ in prompts]
    batch, ended = list(range(len(prompts))), set[int]()
    tokens, mask = _left_padded(prompts, language_model.spec.device)
    positions = (mask.cumsum(dim=1) - 1).clamp(min=0)
    past = None
    with torch.inference_mode():
        for _ in range(most):
            read = model(
                input_ids=tokens,
                attention_mask=mask,
                position_ids=positions,
                past_key_values=past,
                use_cache=True,
                logits_to_keep=1,
            )
            past = read.past_key_values
            chosen = _likeliest(read.logits[:, -1].float(), language_model)
            for i, token in zip(batch, chosen.tolist(), strict=True):
                if i not in ended:
                    answers[i].append(token)
                    if is_last[i](token):
                        ended.add(i)
            if len(ended) == len(prompts):
                break
            tokens, positions = chosen[:, None], positions[:, -1:] + 1
            mask = torch.cat([mask, mask.new_ones((len(batch), 1))], dim=1)
            going_on = [line for line, i in enumerate(batch) if i not in ended]
            if len(going_on) <= len(batch) // 2:
                lines = torch.tensor(going_on, device=tokens.device)
                past.batch_select_indices(lines)
                tokens, positions, mask = tokens[lines], positions[lines], mask[lines]
                batch = [batch[line] for line in going_on]
    return answers


def _likeliest(logits: "torch.Tensor", language_model: CausalLanguageModel) -> "torch.Tensor":
    best, chosen = logits.max(dim=-1)
    if not bool(best.isfinite().all()):
        raise FloatingPointError(
            f"{language_model.files.name} under dtype {language_model.spec.dtype} gave a NaN or infinite logit: use "
            "float32 or bfloat16, or check the model's weights"
        )
    return chosen


def _left_padded(sequences: Sequence[Sequence[int]], device: str) -> "tuple[torch.Tensor, torch.Tensor]":
    import torch

    longest = max(map(len, sequences))
    ids = torch.zeros((len(sequences), longest), dtype=torch.long)
    mask = torch.zeros((len(sequences), longest), dtype=torch.long)
    for i, sequence in enumerate(sequences):
        ids[i, longest - len(sequence) :] = torch.tensor(sequence)
        mask[i, longest - len(sequence) :] = 1
    return ids.to(device), mask.to(device)

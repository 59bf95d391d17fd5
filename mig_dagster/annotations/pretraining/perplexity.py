"""How well held-out texts are predicted: by the model, and by a unigram model of the same tokens."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from mig_dagster.annotations.pretraining.tokenizer import POSITIONS
from mig_dagster.annotations.token_batches import run_in_token_batches

Tokens = npt.NDArray[np.int64]
_BATCH_TOKENS = 4096


def total_loss(model: Any, documents: Sequence[Tokens]) -> float:
    """Return the summed natural-log loss of all tokens but the first of each document, as far as the model reads."""
    import torch

    sums: list[float] = []

    def add(batch: list[int]) -> None:
        cut = [documents[i][:POSITIONS] for i in batch]
        longest = max(map(len, cut))
        ids = torch.zeros((len(cut), longest), dtype=torch.long)
        targets = torch.full((len(cut), longest), -100)
        for row, tokens in enumerate(cut):
            ids[row, : len(tokens)] = torch.from_numpy(tokens)
            targets[row, : len(tokens) - 1] = ids[row, 1 : len(tokens)]
        # Padding stands on the right, where a causal model never looks: no mask is needed.
        logits = model(input_ids=ids, use_cache=False).logits
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="sum")
        sums.append(float(loss))

    with torch.inference_mode():
        run_in_token_batches([min(len(tokens), POSITIONS) for tokens in documents], _BATCH_TOKENS, add)
    return math.fsum(sums)


def unigram_loss(train: Iterable[Tokens], held_out: Sequence[Tokens], vocabulary: int) -> float:
    """Return what `total_loss` would be of a model that knows only how often each token is.

    Args:
        train: documents whose tokens are counted, their first ones aside: <s> is never predicted.
        held_out: documents.
        vocabulary: pieces of the tokenizer; each counts one more than it was seen (Laplace).
    """
    counts = np.ones(vocabulary)
    for tokens in train:
        np.add.at(counts, tokens[1:], 1)
    losses = math.log(counts.sum()) - np.log(counts)
    return math.fsum(losses[tokens[1:POSITIONS]].sum() for tokens in held_out)


def tokens_read(documents: Sequence[Tokens]) -> int:
    """Return how many tokens the two losses are sums over."""
    return sum(min(len(tokens), POSITIONS) - 1 for tokens in documents)


def bytes_read(tokenizer: Any, documents: Sequence[Tokens]) -> int:
    """Return how many bytes of text those tokens are."""
    read = [list(tokens[1:POSITIONS]) for tokens in documents]
    return sum(len(text.encode()) for text in tokenizer.batch_decode(read, skip_special_tokens=True))

"""The training loop: packed sequences, AdamW, warm-up and cosine; every number follows from the seed."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from mig_dagster.annotations.pretraining.settings import TrainingSettings
from mig_dagster.annotations.pretraining.tokenizer import BOS_ID, EOS_ID, PAD_ID, POSITIONS

if TYPE_CHECKING:
    import torch

Documents = Sequence[npt.NDArray[np.int64]]
"""Token ids of each text, from <s> to </s>."""

_LOWEST_RATE = 0.05
_BETAS = (0.9, 0.95)
_CLIP = 1.0
_POINTS = 100
_COPIED = 0.1


@dataclass(frozen=True, slots=True)
class TrainingProgress:
    """How far training has come.

    Attributes:
        step: steps taken, of `of_steps`.
        loss: of the last step, nats a token.
        tokens: read so far.
        seconds: since the first step began.
    """

    step: int
    of_steps: int
    loss: float
    tokens: int
    seconds: float

    @property
    def tokens_per_second(self) -> float:
        """Tokens read a second."""
        return self.tokens / self.seconds if self.seconds > 0 else 0.0

    @property
    def seconds_left(self) -> float:
        """At this rate."""
        return (self.of_steps - self.step) * self.seconds / self.step


OnTraining = Callable[[TrainingProgress], None]


def new_model(settings: TrainingSettings, vocabulary: int) -> Any:
    """Return a Llama with random weights, a function of the seed; it leaves torch's own generator as it was."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=settings.width,
        intermediate_size=math.ceil(8 * settings.width / 3 / 32) * 32,
        num_hidden_layers=settings.layers,
        num_attention_heads=settings.heads,
        max_position_embeddings=POSITIONS,
        tie_word_embeddings=True,
        pad_token_id=PAD_ID,
        bos_token_id=BOS_ID,
        eos_token_id=EOS_ID,
        dtype="float32",
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        model = LlamaForCausalLM(config)
        _begin_by_copying(model)
    return model


def _begin_by_copying(model: Any) -> None:
    """Give each layer value and output weights that undo one another.

    What attention reads at a token is then a share of that token's own embedding, which is its output weight as well:
    from the first step on, a token that was seen is likelier to come again. Heads that copy are what relates an answer
    to its question, and they take longer than a minute to grow from random weights alone (our own choice; such
    beginnings are called mimetic by Trockman and Kolter).
    """
    import torch

    with torch.no_grad():
        for layer in model.model.layers:
            values, output = layer.self_attn.v_proj.weight, layer.self_attn.o_proj.weight
            basis = torch.linalg.qr(torch.randn(values.shape))[0]
            values.copy_(_COPIED * basis)
            output.copy_(basis.T)


def train(
    model: Any, documents: Documents, settings: TrainingSettings, progress: OnTraining | None = None
) -> tuple[list[tuple[int, float]], int]:
    """Train a model in place.

    Args:
        model: of `new_model`.
        documents: what it is trained on; together at least 2 tokens.
        settings: how.
        progress: called after each step.

    Returns:
        (step, mean loss since the point before) at up to 100 steps, and how many tokens were read.
    """
    import torch

    steps = step_count(documents, settings)
    optimiser = _optimiser(model, settings)
    model.train()
    started, tokens = time.monotonic(), 0
    losses: list[float] = []
    for step, ids in enumerate(batches(documents, settings, steps), 1):
        for group in optimiser.param_groups:
            group["lr"] = settings.learning_rate * _rate(step, steps, settings.warm_up)
        loss = packed_loss(model, ids)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), _CLIP)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        losses.append(loss.item())
        tokens += ids.size
        if progress is not None:
            progress(TrainingProgress(step, steps, losses[-1], tokens, time.monotonic() - started))
    model.eval()
    return _curve(losses), tokens


def step_count(documents: Documents, settings: TrainingSettings) -> int:
    """Return how many steps are taken: as many as asked for, or as show each document `passes` times."""
    total = settings.passes * sum(map(len, documents))
    return max(1, min(settings.steps, total // (settings.batch_sequences * sequence_tokens(documents, settings))))


def sequence_tokens(documents: Documents, settings: TrainingSettings) -> int:
    """Return the length of a packed sequence: what the settings say, or all there is."""
    return min(settings.sequence_tokens, sum(map(len, documents)))


def batches(documents: Documents, settings: TrainingSettings, steps: int) -> Iterator[npt.NDArray[np.int64]]:
    """Yield one (sequences, tokens) array a step: the documents in random order end to end, cut to one length.

    The order is drawn anew whenever all were shown. Sequences of one step come from different places of the order.
    """
    rng = np.random.default_rng(settings.seed)
    length = sequence_tokens(documents, settings)
    wanted = steps * settings.batch_sequences * length
    shown: list[npt.NDArray[np.int64]] = []
    have = 0
    while have < wanted:
        for i in rng.permutation(len(documents)):
            shown.append(documents[i])
            have += len(documents[i])
            if have >= wanted:
                break
    packed = np.concatenate(shown)[:wanted].reshape(settings.batch_sequences, steps, length)
    return (np.ascontiguousarray(packed[:, step]) for step in range(steps))


def positions(ids: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return each token's place in its document, (sequences, tokens); one that began earlier is counted from the cut.

    Where places begin anew, transformers keeps attention from crossing: a document sees none of those packed with it.
    """
    at = np.broadcast_to(np.arange(ids.shape[1]), ids.shape)
    return at - np.maximum.accumulate(np.where(ids == BOS_ID, at, 0), axis=1)


def packed_loss(model: Any, ids: npt.NDArray[np.int64]) -> "torch.Tensor":
    """Return the mean loss of all tokens of a batch but the first of each sequence."""
    import torch

    tokens = torch.from_numpy(ids)
    logits = model(input_ids=tokens, position_ids=torch.from_numpy(positions(ids)), use_cache=False).logits
    return torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), tokens[:, 1:].flatten())


def _optimiser(model: Any, settings: TrainingSettings) -> "torch.optim.Optimizer":
    import torch

    matrices = [parameter for parameter in model.parameters() if parameter.dim() > 1]
    rest = [parameter for parameter in model.parameters() if parameter.dim() <= 1]
    groups = [{"params": matrices, "weight_decay": settings.weight_decay}, {"params": rest, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=settings.learning_rate, betas=_BETAS)


def _rate(step: int, steps: int, warm_up: float) -> float:
    """Return the share of the highest rate: up in a line, then down a cosine to `_LOWEST_RATE`."""
    rising = max(1, round(warm_up * steps))
    if step <= rising:
        return step / rising
    done = (step - rising) / max(1, steps - rising)
    return _LOWEST_RATE + (1 - _LOWEST_RATE) * (1 + math.cos(math.pi * done)) / 2


def _curve(losses: Sequence[float]) -> list[tuple[int, float]]:
    ends = np.unique(np.linspace(0, len(losses), min(_POINTS, len(losses)) + 1).astype(int))
    return [(int(end), float(np.mean(losses[start:end]))) for start, end in pairwise(ends)]

"""What the benchmarks of models score with, as `score_items` takes it; and models with random weights, saved."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from mig_dagster.annotations import Annotator
from mig_dagster.annotations.annotator import Column, Columns
from mig_dagster.annotations.models import CausalLanguageModel, ModelSpec, PretrainedModel
from mig_dagster.annotations.scoring import TokenProgress, score_items


@dataclass(frozen=True, slots=True)
class Item:
    """Token ids, of which those from `answer` on are scored."""

    ids: list[int]
    answer: int

    @property
    def tokens(self) -> int:
        """How many a pass reads."""
        return len(self.ids)


class Losses:
    """The mean loss of an item's answer, as IFD takes it."""

    columns: Columns = MappingProxyType({"value": np.empty(0)})
    annotator = Annotator("losses", "random weights")

    def __init__(self, model: Any, batch_tokens: int) -> None:
        self.model, self.batch_tokens = model, batch_tokens

    def encode(self, items: Sequence[Item]) -> Sequence[Item]:
        """Return the items: they are tokens already."""
        return items

    def run(self, batch: Sequence[Item]) -> dict[str, Column]:
        """Return the values of a batch."""
        return {"value": self.values(batch)}

    def values(self, batch: Sequence[Item]) -> Any:
        """Return the mean losses of a batch."""
        targets = [np.arange(item.tokens) >= item.answer for item in batch]
        return np.array([losses.mean() for losses in self.model.losses([item.ids for item in batch], targets)])


class NextToken(Losses):
    """The expectation over the logits of six tokens, as DEITA's scorers take it."""

    annotator = Annotator("next_token", "random weights")

    def values(self, batch: Sequence[Item]) -> Any:
        """Return the scores of a batch."""
        logits = self.model.next_token_logits([item.ids for item in batch], range(10, 16)).astype(np.float64)
        weights = np.exp(logits - logits.max(axis=1, keepdims=True))
        return weights @ np.arange(1.0, 7.0) / weights.sum(axis=1)


class Encoded(Losses):
    """The mean of an encoder's last hidden states, projected on one direction: every position reaches the value."""

    annotator = Annotator("encoded", "random weights")

    def values(self, batch: Sequence[Item]) -> Any:
        """Return the values of a batch."""
        import torch

        ids, mask = self.model.padded([item.ids for item in batch])
        with torch.inference_mode():
            hidden = self.model.model(input_ids=ids, attention_mask=mask).last_hidden_state.float()
            mean = (hidden * mask[..., None]).sum(dim=1) / mask.sum(dim=1, keepdim=True)
            return (mean * torch.linspace(-1, 1, mean.shape[1], device=mean.device)).sum(dim=1).cpu().numpy()


@dataclass(frozen=True, slots=True)
class Scored:
    """The values of items, in order, and what was read for them: tokens, and tokens with their padding."""

    values: Any
    tokens: int
    padded: int

    @property
    def padding_share(self) -> float:
        """Padding among what was read."""
        return 1 - self.tokens / self.padded


def by_token_budget(scorer: Losses, items: Sequence[Item]) -> Scored:
    """Score as every annotator does."""
    told: list[TokenProgress] = []
    batch = score_items(items, [str(i) for i in range(len(items))], scorer, progress=told.append)
    return Scored(np.asarray(batch.columns["value"]), told[-1].tokens, told[-1].padded)


def by_rows(scorer: Losses, items: Sequence[Item], rows: int) -> Scored:
    """Score in batches of so many items, in the order given."""
    batches = [items[i : i + rows] for i in range(0, len(items), rows)]
    padded = sum(len(batch) * max(item.tokens for item in batch) for batch in batches)
    values = np.concatenate([scorer.values(batch) for batch in batches])
    return Scored(values, sum(item.tokens for item in items), padded)


def save(folder: Path, make: Callable[[], Any], save_tokenizer: Callable[[Path], None]) -> Path:
    """Save a model with random weights, and its tokenizer."""
    import torch

    torch.manual_seed(0)
    make().save_pretrained(folder)
    save_tokenizer(folder)
    return folder


def load_causal(folder: Path, **how: Any) -> CausalLanguageModel:
    """Load a causal language model."""
    return CausalLanguageModel(ModelSpec(str(folder), **how))


def load_encoder(folder: Path, **how: Any) -> PretrainedModel:
    """Load an encoder."""
    return PretrainedModel(ModelSpec(str(folder), **how), "AutoModel", unused=["pooler."])

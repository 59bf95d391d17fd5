"""A pretrained model of transformers: its files, tokenizer, configuration and weights, each loaded at first use."""

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from mig_dagster.annotations.model_files import ModelFiles, find_model
from mig_dagster.annotations.models.limits import most_tokens
from mig_dagster.annotations.models.loading import load_config, load_model, load_tokenizer
from mig_dagster.annotations.models.padded import TokenIds, padded
from mig_dagster.annotations.models.specification import ModelSpec

if TYPE_CHECKING:
    import torch


class PretrainedModel:
    """A model of any architecture: an encoder, a sequence classifier, an encoder-decoder.

    Args:
        spec: which model, and how it is run.
        auto_class: the class of transformers that loads it, such as "AutoModelForSequenceClassification".
        unused: beginnings of the names of weights that the caller does not read, such as "pooler.": these alone may be
            missing from the checkpoint.
    """

    def __init__(self, spec: ModelSpec, auto_class: str, unused: Sequence[str] = ()) -> None:
        self.spec = spec
        self.batch_tokens = spec.batch_tokens
        self._auto_class, self._unused = auto_class, tuple(unused)

    @cached_property
    def files(self) -> ModelFiles:
        """Where the model is; raises ModelError where it cannot be had."""
        return find_model(self.spec.model, self.spec.revision)

    @cached_property
    def tokenizer(self) -> Any:
        """Its tokenizer, loaded without the weights."""
        return load_tokenizer(self.spec, self.files)

    @cached_property
    def config(self) -> Any:
        """Its configuration, loaded without the weights."""
        return load_config(self.spec, self.files)

    @cached_property
    def model(self) -> Any:
        """The weights, in evaluation mode on their device."""
        return load_model(self.spec, self.files, self._auto_class, self._unused)

    @cached_property
    def limit(self) -> int:
        """The most tokens of a sequence, special ones included; known without the weights."""
        return min(self.spec.max_tokens, most_tokens(self.config, self.tokenizer) or self.spec.max_tokens)

    def release(self) -> None:
        """Give the memory of the weights back; they are loaded again when they are used again."""
        for name in ("model", "traits"):
            self.__dict__.pop(name, None)

    def padded(self, sequences: Sequence[TokenIds]) -> "tuple[torch.Tensor, torch.Tensor]":
        """Return sequences as ids and mask, both (n, longest) int64, padded on the right, on the model's device.

        Raises:
            ValueError: a sequence is empty, or longer than `limit`.
        """
        longest = max(map(len, sequences), default=0)
        if longest > self.limit:
            raise ValueError(
                f"a sequence of {longest} tokens is longer than the {self.limit} that {self.files.name} reads: cut it "
                "to `limit`"
            )
        # Not the tokenizer's token for padding, which is often none of the model's: what is masked may be any.
        return padded(sequences, 0, self.spec.device)

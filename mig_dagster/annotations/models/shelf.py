"""The models of a run: one instance of each, however many signals use it, and one way to be rid of them all."""

import gc
import sys
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar

from mig_dagster.annotations.encoder import SentenceEncoder
from mig_dagster.annotations.models.language_model import CausalLanguageModel
from mig_dagster.annotations.models.pretrained import PretrainedModel
from mig_dagster.annotations.models.specification import ModelSpec


class Releasable(Protocol):
    """What can give its memory back and take it again."""

    def release(self) -> None:
        """Give the memory of the weights back."""


Held = TypeVar("Held", bound=Releasable)


class ModelShelf:
    """Models by specification, each loaded at first use and held until `release`.

    As a context it releases them at its end, also when what was done with them failed.
    """

    def __init__(self) -> None:
        self._held: dict[tuple[Any, ...], Any] = {}

    def causal(self, spec: ModelSpec) -> CausalLanguageModel:
        """Return a causal language model."""
        return self._one(("causal", spec), lambda: CausalLanguageModel(spec))

    def pretrained(self, spec: ModelSpec, auto_class: str, unused: Sequence[str] = ()) -> PretrainedModel:
        """Return a model of any architecture; arguments as of `PretrainedModel`."""
        return self._one((auto_class, spec, tuple(unused)), lambda: PretrainedModel(spec, auto_class, unused))

    def sentence_encoder(self, spec: ModelSpec) -> SentenceEncoder:
        """Return a sentence encoder."""
        return self._one(("sentence encoder", spec), lambda: SentenceEncoder.of(spec))

    def hold(self, model: Held) -> Held:
        """Take in a model of another kind, so that it is released with the others; returns it."""
        return self._one((id(model),), lambda: model)

    def release(self) -> None:
        """Free the memory of every model, on the GPU too.

        The instances stay as they are, so that an annotator that holds one goes on to work: it loads its model again.
        """
        for held in self._held.values():
            held.release()
        gc.collect()
        torch = sys.modules.get("torch")
        if torch is not None and torch.cuda.is_initialized():
            torch.cuda.empty_cache()

    def __enter__(self) -> Self:
        """Return the shelf."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Release what is held."""
        self.release()

    def _one(self, key: tuple[Any, ...], make: Callable[[], Held]) -> Held:
        if key not in self._held:
            self._held[key] = make()
        held: Held = self._held[key]
        return held

"""The loss of tokens under a causal language model: what every ratio and perplexity is put together from."""

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from mig_dagster.annotations.annotator import Annotator, Column
from mig_dagster.annotations.ifd.reading import Targets
from mig_dagster.annotations.models import CausalLanguageModel


class AnswerLosses:
    """Sums of token losses, as `scoring.score_items` asks for them.

    An item is token ids and which of them are scored, so neither template, span nor limit belongs to who speaks: passes
    that two settings have in common are one.

    Args:
        model: loaded at the first item that the cache does not know.
    """

    def __init__(self, model: CausalLanguageModel) -> None:
        self._model = model
        self.columns: dict[str, Column] = {"loss": np.empty(0)}
        """loss: sum of the natural-log losses of the scored tokens of an item, float64."""

    @property
    def batch_tokens(self) -> int:
        """The model's: what one call learns of the memory the next one knows."""
        return self._model.batch_tokens

    @batch_tokens.setter
    def batch_tokens(self, value: int) -> None:
        self._model.batch_tokens = value

    @cached_property
    def annotator(self) -> Annotator:
        """Who gives the losses."""
        files = self._model.files
        parameters = {name: value for name, value in self._model.spec.parameters().items() if name != "max_tokens"}
        return Annotator("token_losses", files.name, files.revision, parameters=parameters)

    def encode(self, items: Sequence[Targets]) -> list[Targets]:
        """Return the items, which are tokens already."""
        return list(items)

    def run(self, encoded: Sequence[Targets]) -> dict[str, Column]:
        """Return the sums of one batch."""
        ids = [item.ids.tolist() for item in encoded]
        losses = self._model.losses(ids, [item.scored.tolist() for item in encoded])
        return {"loss": np.array([found.sum() for found in losses])}

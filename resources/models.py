"""The models of a run, loaded at first use."""

from functools import cached_property, partial
from typing import TYPE_CHECKING

import dagster as dg

from resources.gpu import Gpu

if TYPE_CHECKING:
    from mig_dagster.annotations.annotator import Annotator
    from mig_dagster.annotations.cache import FragmentCache
    from mig_dagster.annotations.encoder import SentenceEncoder
    from mig_dagster.graph.merging import Encode


class Models(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Models by role.

    Attributes:
        encoder_model: sentence encoder for tags, labels and rows: a Hub id, a folder, or `offline`'s all-MiniLM-L6-v2.
        batch_tokens: tokens in one batch, padding included.
        max_tokens: where longer texts are cut.
    """

    gpu: dg.ResourceDependency[Gpu]
    encoder_model: str = "all-MiniLM-L6-v2"
    batch_tokens: int = 4096
    max_tokens: int = 256

    def sentence_encoder(self) -> "SentenceEncoder":
        """Return the sentence encoder, one for the whole run; its model is loaded with the first text."""
        return self._encoder

    def encoder(self, cache: "FragmentCache") -> "Encode":
        """Return a function from n texts to unit vectors (n, d) that computes only what the cache does not know."""
        return partial(self._encoder.encode_cached, cache=cache)

    def annotator(self) -> "Annotator":
        """Return who gives the embeddings."""
        return self._encoder.annotator

    @cached_property
    def _encoder(self) -> "SentenceEncoder":
        from mig_dagster.annotations.encoder import SentenceEncoder

        return SentenceEncoder(
            self.encoder_model,
            device=self.gpu.model_device(),
            dtype=self.gpu.model_dtype(),
            batch_tokens=self.batch_tokens,
            max_tokens=self.max_tokens,
        )

"""The models of a run: each loaded at first use, and freed when the step that used it ends."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import dagster as dg

from resources.gpu import Gpu

if TYPE_CHECKING:
    from mig_dagster.annotations.annotator import Annotator
    from mig_dagster.annotations.cache import FragmentCache
    from mig_dagster.annotations.encoder import SentenceEncoder
    from mig_dagster.annotations.models import CausalLanguageModel, ModelSpec
    from mig_dagster.annotations.models.shelf import ModelShelf
    from mig_dagster.graph.merging import Encode


class Models(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Models, on the device of `gpu` and in its precision unless a model's own is given.

    A login for gated models is taken from HF_TOKEN, and HF_HUB_OFFLINE=1 keeps to what the cache of HF_HOME holds: both
    are read by huggingface_hub, so that no token passes through Dagster's configuration.

    Attributes:
        encoder_model: sentence encoder for tags, labels and rows: a Hub id, a folder, or `offline`'s all-MiniLM-L6-v2.
        encoder_revision: Hub branch, tag or commit of it.
        batch_tokens: tokens in one batch, padding included.
        max_tokens: where longer texts are cut.
        attention: as in `mig_dagster.annotations.models.ModelSpec`; so are the next two.
        quantisation: of the encoder's weights.
        trust_remote_code: run code that lies beside the encoder's weights.
    """

    gpu: dg.ResourceDependency[Gpu]
    encoder_model: str = "all-MiniLM-L6-v2"
    encoder_revision: str | None = None
    batch_tokens: int = 4096
    max_tokens: int = 256
    attention: str | None = None
    quantisation: str | None = None
    trust_remote_code: bool = False

    @cached_property
    def shelf(self) -> "ModelShelf":
        """The models of this run, one instance of each."""
        from mig_dagster.annotations.models.shelf import ModelShelf

        return ModelShelf()

    def spec(self, model: str, **options: Any) -> "ModelSpec":
        """Return a model's specification: device and dtype are those of `gpu` where the options name none.

        Args:
            model: a folder, or a Hub id.
            options: the other fields of `ModelSpec`.
        """
        from mig_dagster.annotations.models import ModelSpec

        where = {"device": self.gpu.model_device(), "dtype": self.gpu.model_dtype()}
        return ModelSpec(model, **(where | options))

    def causal(self, spec: "ModelSpec") -> "CausalLanguageModel":
        """Return a causal language model, one for the whole run; it is loaded with the first text."""
        return self.shelf.causal(spec)

    def sentence_encoder(self) -> "SentenceEncoder":
        """Return the sentence encoder, one for the whole run; its model is loaded with the first text."""
        return self.shelf.sentence_encoder(
            self.spec(
                self.encoder_model,
                revision=self.encoder_revision,
                attention=self.attention,
                quantisation=self.quantisation,
                trust_remote_code=self.trust_remote_code,
                batch_tokens=self.batch_tokens,
                max_tokens=self.max_tokens,
            )
        )

    def encoder(self, cache: "FragmentCache") -> "Encode":
        """Return a function from n texts to unit vectors (n, d) that computes only what the cache does not know."""
        return partial(self.sentence_encoder().encode_cached, cache=cache)

    def annotator(self) -> "Annotator":
        """Return who gives the embeddings."""
        return self.sentence_encoder().annotator

    def release(self) -> None:
        """Free the memory of every model; what is used again is loaded again."""
        if "shelf" in self.__dict__:
            self.shelf.release()


@contextmanager
def released(resources: Mapping[str, Any]) -> Iterator[None]:
    """Free the models among a step's resources at the end, also when the step failed.

    Dagster tears resources down only when the run ends, whose later steps may need the memory.
    """
    try:
        yield
    finally:
        for resource in resources.values():
            if isinstance(resource, Models):
                resource.release()

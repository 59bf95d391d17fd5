"""The models of a run: each loaded at first use, and freed when the step that used it ends."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from resources.gpu import Gpu

if TYPE_CHECKING:
    from collections.abc import Callable

    from mig_dagster.annotations.cache import FragmentCache
    from mig_dagster.annotations.encoder import SentenceEncoder
    from mig_dagster.annotations.models.shelf import ModelShelf
    from mig_dagster.annotations.scoring import OnTokens
    from mig_dagster.graph.merging import Encode
    from mig_dagster.stages.pool_options import PoolOptions
    from mig_dagster.stages.signals import Annotators


class Models(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Models as the options file names them, on the device of `gpu` where neither a model nor the file names one.

    A login for gated models is taken from HF_TOKEN, and HF_HUB_OFFLINE=1 keeps to what the cache of HF_HOME holds: both
    are read by huggingface_hub, so that no token passes through Dagster's configuration.

    Attributes:
        options_path: YAML file as `mig_dagster.stages.options_file` reads it; "" is the profile `cpu`.
    """

    gpu: dg.ResourceDependency[Gpu]
    options_path: str = ""

    @cached_property
    def options(self) -> "PoolOptions":
        """The options; a run sees the file as it was when it first asked."""
        from mig_dagster.stages.options_file import read_options

        return read_options(Path(self.options_path) if self.options_path else None)

    @property
    def device(self) -> str:
        """Torch device of models whose section names none."""
        return self.gpu.model_device() if self.options.device == "auto" else self.options.device

    @property
    def selection_device(self) -> str | None:
        """Torch device of selection methods; None is their numpy engine."""
        return None if self.device == "cpu" else self.device

    @cached_property
    def shelf(self) -> "ModelShelf":
        """The models of this run, one instance of each."""
        from mig_dagster.annotations.models.shelf import ModelShelf

        return ModelShelf()

    def annotators(
        self,
        cache: "FragmentCache",
        pool_language_model: "Callable[[], Path]",
        progress: "OnTokens | None" = None,
        **sections: Any,
    ) -> "Annotators":
        """Return what gives each signal.

        Args:
            cache: what was said before.
            pool_language_model: gives the folder of the pool's own language model.
            progress: told how far a model has come.
            sections: of the options, in the place of the file's.
        """
        from mig_dagster.stages.signals import Annotators

        options = replace(self.options, **sections)
        return Annotators(options, self.shelf, cache, self.device, pool_language_model, progress)

    def sentence_encoder(self) -> "SentenceEncoder":
        """Return the sentence encoder of tags and rows, one for the whole run; it is loaded with the first text."""
        return self.shelf.sentence_encoder(self.options.encoder.spec(self.device))

    def label_encoder(self) -> "SentenceEncoder":
        """Return the sentence encoder of labels."""
        return self.shelf.sentence_encoder((self.options.label_encoder or self.options.encoder).spec(self.device))

    def encode_labels(self, cache: "FragmentCache") -> "Encode":
        """Return a function from n labels to unit vectors (n, d) that computes only what the cache does not know."""
        return partial(self.label_encoder().encode_cached, cache=cache)

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

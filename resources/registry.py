"""sources.yaml as a resource."""

from pathlib import Path

import dagster as dg

from mig_dagster.sources import Source, load_registry


class SourceRegistry(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The registered sources.

    Attributes:
        path: the file that declares them; read at every use, so an edit counts at once.
    """

    path: str

    def load(self) -> dict[str, Source]:
        """Return every source by name."""
        return load_registry(Path(self.path))

    def source(self, name: str) -> Source:
        """Return one source.

        Raises:
            LookupError: it is not registered.
        """
        sources = self.load()
        if name not in sources:
            raise LookupError(
                f"source {name!r} is not in {self.path} (it has {', '.join(sources) or 'none'}): "
                "add it there, or delete the partition"
            )
        return sources[name]

    def priorities(self) -> dict[str, int]:
        """Return each source's priority in the resolution of duplicates."""
        return {name: source.priority for name, source in self.load().items()}

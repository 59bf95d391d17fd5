"""The registered sources as a resource: those of sources.yaml, and those that were discovered."""

from pathlib import Path

import dagster as dg

from mig_dagster.sources import Source, load_registry
from mig_dagster.sources.discovery import Discovered, read_log
from resources.home import MigHome


class SourceRegistry(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The registered sources; everything is read at every use, so a change counts at once.

    Attributes:
        path: the file that declares sources.
        home: keeps what was discovered, under `registry/`.
    """

    path: str
    home: MigHome

    def load(self) -> dict[str, Source]:
        """Return every source by name: of two with one name or one URI, the declared one."""
        return self.discovered().registered(self.declared())

    def declared(self) -> dict[str, Source]:
        """Return the sources of sources.yaml by name."""
        return load_registry(Path(self.path))

    def discovered(self, seen: int = 0) -> Discovered:
        """Return what was ever discovered, with its state, and which sources were asked to be looked at again.

        Raises:
            RegistryError: the log of it cannot be used, or ends before the batch whose number is `seen`.
        """
        return read_log(self.home.store, seen)

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

    def removal_reason(self, name: str) -> str:
        """Return why a source that has a partition is no longer registered."""
        entry = self.discovered().named(name)
        return entry.reason if entry is not None and entry.state == "removed" else "taken out of sources.yaml"

    def priorities(self) -> dict[str, int]:
        """Return each source's priority in the resolution of duplicates."""
        return {name: source.priority for name, source in self.load().items()}

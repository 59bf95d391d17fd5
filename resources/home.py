"""Where everything is kept: one folder or bucket prefix with the lake, the cache, the ledger and the catalog."""

from collections.abc import Sequence
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from uuid import uuid4

import dagster as dg

from mig_dagster.annotations.cache import FragmentCache
from mig_dagster.conversation import canonical_json
from mig_dagster.export.bundle import of_a_format
from mig_dagster.lineage import Ledger
from mig_dagster.lineage.published_catalog import CATALOG
from mig_dagster.sources import Revision, Source
from mig_dagster.storage import Lake, Store

EXPORTS = "exports"


class MigHome(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The project's data.

    Attributes:
        root: a folder, made when missing, or an fsspec URI.
        reports_url: web address under which its folder `reports` is served; "" where nobody serves it.
    """

    root: str
    reports_url: str = ""

    @cached_property
    def store(self) -> Store:
        """The named objects below `root`."""
        return Store(self.root)

    @cached_property
    def lake(self) -> Lake:
        """The versions of every asset."""
        return Lake(self.store)

    @cached_property
    def ledger(self) -> Ledger:
        """What happened: runs, revisions, removals."""
        return Ledger(self.store)

    @cached_property
    def cache(self) -> FragmentCache:
        """What annotators said before, by fingerprint."""
        return FragmentCache(self.store)

    @property
    def catalog(self) -> str:
        """The path or URI of the DuckDB file that answers questions about lineage, as `open_catalog` takes it."""
        return self.store.uri(CATALOG)

    def export_folder(self, subset: str) -> str:
        """Return the path or URI of a subset's folder of files."""
        return self.store.uri(f"{EXPORTS}/{subset}")

    def publish_export(self, subset: str, built: Path, names: Sequence[str]) -> None:
        """Put a subset's files in place, one after the other, and remove those of consumers that are no longer made.

        Args:
            subset: whose folder it is.
            built: the folder where the files were built, on the disk of the home where that is a folder.
            names: their paths in it, the lock last.
        """
        folder = f"{EXPORTS}/{subset}"
        for name in names:
            self.store.publish_file(built / name, f"{folder}/{name}")
        wanted = {f"{folder}/{name}" for name in names}
        for path in self.store.list(folder):
            if path not in wanted and of_a_format(path.removeprefix(f"{folder}/")):
                self.store.remove(path)

    def record_revision(self, source: Source, revision: Revision, run_id: str) -> None:
        """Add what was read to the ledger."""
        line = {
            "source": source.name,
            "uri": source.uri,
            "licence": source.licence,
            "revision": revision.id,
            "files": canonical_json([asdict(file) for file in revision.files]),
            "bytes": sum(file.size for file in revision.files),
        }
        self.ledger.record("revisions", [line], asset="raw_pool", partition=source.name, run_id=run_id)

    def record_removal(self, source: str, reason: str) -> None:
        """Note in the ledger that a source is no longer registered, and why; its rows stay in the lake."""
        line = {"source": source, "reason": reason}
        self.ledger.record("removals", [line], asset="raw_pool", partition=source, run_id=f"sensor-{uuid4().hex[:12]}")

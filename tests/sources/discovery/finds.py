"""Finds, rules and rounds for the tests of discovery."""

import os
from datetime import UTC, datetime
from pathlib import Path

from mig_dagster.lineage import Ledger
from mig_dagster.sources.discovery import read_log
from mig_dagster.sources.discovery.cursor import Cursor
from mig_dagster.stages.discovery import Discovery, discover
from mig_dagster.storage import Store

DAY = datetime(2026, 11, 20, 12, tzinfo=UTC)


class Project:
    """A registry and a home in a folder (or a home elsewhere), and rounds of discovery as a sensor makes them."""

    def __init__(self, folder: Path, home: str | None = None):
        self.folder, self.cursor = folder, Cursor()
        self.registry = folder / "sources.yaml"
        self.home = home or str(folder / "home")

    @property
    def ledger(self) -> Ledger:
        return Ledger(Store(self.home))

    @property
    def log(self):
        return read_log(Store(self.home))

    @property
    def states(self) -> dict[str, str]:
        return {entry.source.name: entry.state for entry in self.log.entries.values()}

    def rules(self, *rules: str, sources: str = "sources: []") -> None:
        """Write the registry; each rule is YAML in braces."""
        lines = "".join(f"  - {rule}\n" for rule in rules)
        self.registry.write_text(f"{sources}\ndiscovery:\n{lines}" if rules else f"{sources}\n")

    def put(self, name: str, text: str = "{}\n", changed: float = 1000.0) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        os.utime(path, (changed, changed))
        return path

    def look(self, now: datetime = DAY, *, keep_cursor: bool = True, dry_run: bool = False) -> Discovery:
        found = discover(self.ledger, self.registry, self.cursor, now=now, dry_run=dry_run)
        if keep_cursor:
            self.cursor = Cursor.load(found.cursor.dump())
        return found


def happened(found: Discovery) -> list[tuple[str, str]]:
    return [(event.kind, event.name) for outcome in found.outcomes for event in outcome.events]

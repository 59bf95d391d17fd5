"""`mig-dagster sources list`."""

from typing import Annotated

import typer
from rich.table import Table

from mig_dagster.cli.console import (
    DEFAULT_HOME,
    DEFAULT_REGISTRY,
    AsJson,
    Home,
    Registry,
    explain_errors,
    print_json,
    print_table,
)
from mig_dagster.cli.sources.options import fields, found_fields, shown
from mig_dagster.sources import load_registry
from mig_dagster.sources.discovery import read_log
from mig_dagster.storage import Store

All = Annotated[bool, typer.Option("--all", help="Also what is proposed, rejected or removed.")]


@explain_errors
def list_sources(
    every: All = False,
    registry: Registry = DEFAULT_REGISTRY,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """List the registered sources: those of sources.yaml, and those that were discovered."""
    declared, discovered = load_registry(registry), read_log(Store(home))
    lines = []
    for source in discovered.registered(declared).values():
        entry = None if source.name in declared else discovered.entries[source.uri]
        lines.append({**fields(source), **(found_fields(entry) if entry else {"state": "declared"})})
    if every:
        named = {line["name"] for line in lines if line["state"] != "declared"}
        others = [entry for entry in discovered.entries.values() if entry.source.name not in named]
        lines += [{**fields(entry.source), **found_fields(entry)} for entry in others]
    if as_json:
        print_json({"sources": lines})
        return
    table = Table("source", "uri", "format", "licence", "priority", "state", "rule")
    for line in lines:
        read_as = line["format"] or "detect"
        values = (line["uri"], read_as, line["licence"], line["priority"], line["state"], line.get("rule"))
        table.add_row(line["name"], *map(shown, values))
    print_table(table)

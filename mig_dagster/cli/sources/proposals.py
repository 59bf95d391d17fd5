"""`mig-dagster sources proposals`: what was discovered and waits for a person."""

from collections.abc import Sequence
from typing import Any

import typer
from rich.table import Table

from mig_dagster.cli.console import DEFAULT_HOME, AsJson, Home, explain_errors, out, print_json, print_table
from mig_dagster.cli.sources.options import (
    Names,
    access,
    fields,
    found_fields,
    shown,
)
from mig_dagster.sources.discovery import Discovered, Entry, Event, read_log, record
from mig_dagster.sources.discovery.events import Kind
from mig_dagster.storage import Store

proposals = typer.Typer(help="List what was discovered and waits for a person; approve or reject it.")


@proposals.callback(invoke_without_command=True)
@explain_errors
def list_proposals(context: typer.Context, home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """List the proposals, the oldest first; with `approve` or `reject`, decide on them."""
    if context.invoked_subcommand:
        return
    waiting = [entry for entry in read_log(Store(home)).entries.values() if entry.state == "proposed"]
    if as_json:
        print_json({"proposals": [_document(entry) for entry in waiting]})
        return
    table = Table("source", "uri", "rule", "licence", "likes", "rows", "bytes", "found", "access")
    for entry in waiting:
        about = (entry.details.get(key) for key in ("likes", "rows", "bytes"))
        values = (entry.source.uri, entry.rule, entry.source.licence, *about, entry.found_at.date())
        table.add_row(entry.source.name, *map(shown, values), shown(access(entry.details)))
    print_table(table)


@proposals.command("approve")
@explain_errors
def approve(names: Names, home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Make proposals sources of the pool; also what was rejected or removed before."""
    entries = _decide("approved", names, home, ("proposed", "rejected", "removed"))
    if as_json:
        print_json({"approved": list(names)})
        return
    for entry in entries:
        out.print(f"approved [bold]{entry.source.name}[/]; a running `make dev` reads it within 30 seconds")
        if obstacle := access(entry.details):
            out.print(f"  {shown(obstacle)}")


@proposals.command("reject")
@explain_errors
def reject(names: Names, home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Turn proposals down; they are not proposed again."""
    _decide("rejected", names, home, ("proposed",))
    if as_json:
        print_json({"rejected": list(names)})
        return
    for name in names:
        out.print(f"rejected [bold]{shown(name)}[/]")


def _decide(kind: Kind, names: Sequence[str], home: str, states: Sequence[str]) -> list[Entry]:
    """Write one decision on sources that are in one of some states, on all of them or on none.

    Raises:
        LookupError: one of them is unknown, or in another state.
    """
    entries: list[Entry] = []

    def decide(state: Discovered) -> list[Event]:
        entries[:] = [_chosen(state, name, kind, states) for name in dict.fromkeys(names)]
        return [Event(kind, entry.source.uri, entry.source.name, reason="by hand") for entry in entries]

    record(Store(home), decide)
    return entries


def _chosen(state: Discovered, name: str, kind: str, states: Sequence[str]) -> Entry:
    entry = state.named(name)
    if entry is None:
        waiting = [entry.source.name for entry in state.entries.values() if entry.state == "proposed"]
        raise LookupError(f"nothing called {name!r} was discovered; proposals are: {', '.join(waiting) or 'none'}")
    if entry.state not in states:
        remedy = "; `mig-dagster sources remove` takes it out" if entry.state in ("added", "approved") else ""
        raise LookupError(f"source {name!r} is {entry.state} and cannot be {kind}{remedy}")
    return entry


def _document(entry: Entry) -> dict[str, Any]:
    return {**fields(entry.source), **found_fields(entry), "details": dict(entry.details)}

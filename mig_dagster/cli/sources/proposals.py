"""`mig-dagster sources proposals`: what waits for a person: datasets that were discovered, sources that cost much."""

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
from mig_dagster.sources.discovery import Discovered, Entry, Event, Hold, read_log, record
from mig_dagster.sources.discovery.events import Kind
from mig_dagster.stages.held import waiting
from mig_dagster.storage import Lake, Store

proposals = typer.Typer(help="List what waits for a person; approve or reject it.")


@proposals.callback(invoke_without_command=True)
@explain_errors
def list_proposals(context: typer.Context, home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """List the proposals, the oldest first; with `approve` or `reject`, decide on them."""
    if context.invoked_subcommand:
        return
    lake = Lake(Store(home))
    state = read_log(lake.store)
    found = [entry for entry in state.entries.values() if entry.state == "proposed"]
    names = [name for name, hold in state.holds.items() if hold.state == "held" and _is_held(state, name)]
    held = {name: state.holds[name] for name in waiting(state, lake, names)}
    if as_json:
        print_json({"proposals": [_document(entry) for entry in found], "held": _held_documents(held)})
        return
    table = Table("source", "uri", "rule", "licence", "likes", "rows", "bytes", "found", "access")
    for entry in found:
        about = (entry.details.get(key) for key in ("likes", "rows", "bytes"))
        values = (entry.source.uri, entry.rule, entry.source.licence, *about, entry.found_at.date())
        table.add_row(entry.source.name, *map(shown, values), shown(access(entry.details)))
    if found or not held:
        print_table(table)
    if held:
        _print_held(held)


def _print_held(held: dict[str, Hold]) -> None:
    table = Table("held source", "GPU hours", "allowed", "rows", "tokens", "since", "problem")
    for name, hold in held.items():
        hours = "unknown" if hold.hours is None else f"{hold.hours:,.3g}"
        counts = (hold.plan.get("rows"), hold.plan.get("tokens_missing"))
        limit = f"{hold.limit:g}"
        table.add_row(name, hours, limit, *map(shown, (*counts, hold.changed_at.date(), hold.plan.get("problem"))))
    print_table(table)


@explain_errors
def approve(names: Names, home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Make proposals sources of the pool, also what was rejected or removed before; annotate sources that are held."""
    entries, held = _decide(names, home, "approved", ("proposed", "rejected", "removed"), "released")
    if as_json:
        print_json({"approved": list(names)})
        return
    for entry in entries:
        out.print(f"approved [bold]{entry.source.name}[/]; a running `make dev` reads it within 30 seconds")
        if obstacle := access(entry.details):
            out.print(f"  {shown(obstacle)}")
    for name in held:
        out.print(f"approved [bold]{shown(name)}[/]; a running `make dev` begins to annotate it within 30 seconds")


@explain_errors
def reject(names: Names, home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Turn proposals down, which are not proposed again; leave rows of held sources that are not annotated out."""
    _, held = _decide(names, home, "rejected", ("proposed",), "withheld")
    if as_json:
        print_json({"rejected": list(names)})
        return
    for name in names:
        rest = "; the pool goes on without its rows that are not annotated" if name in held else ""
        out.print(f"rejected [bold]{shown(name)}[/]{rest}")


proposals.command("approve")(approve)
proposals.command("reject")(reject)


def _decide(
    names: Sequence[str], home: str, kind: Kind, states: Sequence[str], on_hold: Kind
) -> tuple[list[Entry], list[str]]:
    """Write one decision on sources: on all of them or on none.

    Args:
        names: proposals, and sources that are held.
        home: has the log.
        kind: what happens to a proposal.
        states: those in which it can.
        on_hold: what happens to a source that is held.

    Returns:
        The proposals, and the names of the held sources.

    Raises:
        LookupError: one of them is unknown, or in another state.
    """
    entries: list[Entry] = []
    held: list[str] = []

    def decide(state: Discovered) -> list[Event]:
        distinct = list(dict.fromkeys(names))
        held[:] = [name for name in distinct if _is_held(state, name)]
        entries[:] = [_chosen(state, name, kind, states) for name in distinct if name not in held]
        decided = [Event(kind, entry.source.uri, entry.source.name, reason="by hand") for entry in entries]
        again = [name for name in held if state.holds[name].state != on_hold]
        return [*decided, *(Event(on_hold, "", name, reason="by hand") for name in again)]

    record(Store(home), decide)
    return entries, held


def _is_held(state: Discovered, name: str) -> bool:
    """Say whether a name is that of a registered source whose annotation was held once."""
    entry = state.named(name)
    return name in state.holds and (entry is None or entry.state not in ("proposed", "rejected", "removed"))


def _chosen(state: Discovered, name: str, kind: str, states: Sequence[str]) -> Entry:
    entry = state.named(name)
    if entry is None:
        open_entries = [entry.source.name for entry in state.entries.values() if entry.state == "proposed"]
        there = ", ".join([*open_entries, *state.holds]) or "none"
        raise LookupError(f"nothing called {name!r} was discovered or is held; proposals are: {there}")
    if entry.state not in states:
        remedy = "; `mig-dagster sources remove` takes it out" if entry.state in ("added", "approved") else ""
        raise LookupError(f"source {name!r} is {entry.state} and cannot be {kind}{remedy}")
    return entry


def _document(entry: Entry) -> dict[str, Any]:
    return {**fields(entry.source), **found_fields(entry), "details": dict(entry.details)}


def _held_documents(held: dict[str, Hold]) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "gpu_hours": hold.hours,
            "max_gpu_hours": hold.limit,
            "since": hold.changed_at.isoformat(),
            "plan": dict(hold.plan),
        }
        for name, hold in held.items()
    ]

"""`mig-dagster sources remove`."""

from collections.abc import Mapping
from pathlib import Path

from rich.markup import escape

from mig_dagster.cli.console import (
    DEFAULT_HOME,
    DEFAULT_REGISTRY,
    AsJson,
    Home,
    Registry,
    explain_errors,
    out,
    print_json,
)
from mig_dagster.sources import Source, load_registry, remove_source
from mig_dagster.sources.discovery import REGISTERED, Discovered, Event, load_rules, record
from mig_dagster.sources.discovery.events import first_event
from mig_dagster.storage import Store


@explain_errors
def remove(
    name: str, registry: Registry = DEFAULT_REGISTRY, home: Home = DEFAULT_HOME, as_json: AsJson = False
) -> None:
    """Take a source out of the pool; its stored rows stay, marked removed, and no rule finds it again."""
    declared = load_registry(registry)
    known, rules = declared.get(name), load_rules(registry)

    def decide(state: Discovered) -> list[Event]:
        return _removals(name, known, declared, state, registry, discovers=bool(rules))

    # First the log: what went from sources.yaml alone, a rule that watches its folder would find.
    record(Store(home), decide)
    if known is not None:
        remove_source(registry, name)
    if as_json:
        print_json({"removed": name, "declared": known is not None})
        return
    place = escape(str(registry)) if known is not None else "the discovered sources"
    out.print(f"removed [bold]{name}[/] from {place}; a running `make dev` rebuilds the pool without it")


def _removals(
    name: str,
    known: Source | None,
    declared: Mapping[str, Source],
    state: Discovered,
    registry: Path,
    *,
    discovers: bool,
) -> list[Event]:
    """Return the event that keeps a source out.

    Raises:
        LookupError: there is nothing of that name to remove.
    """
    reason = "removed by hand"
    entry = state.named(name)
    same = [entry, state.entries.get(known.uri) if known is not None else None]
    registered = {found.source.uri: found for found in same if found is not None and found.state in REGISTERED}
    if registered:
        return [Event("removed", uri, found.source.name, reason=reason) for uri, found in registered.items()]
    if known is not None:
        return [first_event("removed", known, reason=reason)] if discovers and known.uri not in state.entries else []
    if entry is not None:
        remedy = "`mig-dagster sources proposals reject` turns it down" if entry.state == "proposed" else "it stays so"
        raise LookupError(f"source {name!r} is not registered but {entry.state}; {remedy}")
    there = ", ".join(state.registered(declared)) or "none"
    raise LookupError(f"no source is called {name!r} in {registry}; there are: {there}")

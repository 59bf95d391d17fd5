"""`mig-dagster sources refresh`: what reading the sources again would change, and asking for it."""

import sys
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer
from rich.table import Table

from mig_dagster.cli.console import (
    DEFAULT_HOME,
    DEFAULT_REGISTRY,
    AsJson,
    Home,
    Registry,
    err,
    explain_errors,
    out,
    print_json,
    print_table,
)
from mig_dagster.cli.sources.options import DryRun, shown
from mig_dagster.lineage import Ledger
from mig_dagster.lineage.last_revisions import last_revisions
from mig_dagster.sources import Source, load_registry, refresh_plan
from mig_dagster.sources.discovery import Event, read_log, record
from mig_dagster.storage import Store

Chosen = Annotated[list[str] | None, typer.Argument(help="Names of sources; none means all of them.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
FILES_SHOWN = 10


@explain_errors
def refresh(
    names: Chosen = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    registry: Registry = DEFAULT_REGISTRY,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Show what changed in sources since their rows were read, ask, and have a running instance read them again."""
    if not (yes or dry_run) and (as_json or not _can_ask()):
        raise ValueError("nobody can be asked here: pass --yes to go ahead, or --dry-run to see what would change")
    store = Store(home)
    registered = read_log(store).registered(load_registry(registry))
    plan = refresh_plan(_chosen(registered, names or []), last_revisions(Ledger(store)))
    stale = [line["source"] for line in plan if line["state"] in ("new", "changed")]
    if not as_json:
        _print(plan)
    asked = stale if stale and not dry_run and (yes or typer.confirm(_question(stale), err=True)) else []
    if asked:
        record(store, lambda state: [Event("refresh", "", name, reason="by hand") for name in asked])
    if as_json:
        print_json({"sources": plan, "asked": asked})
    elif asked:
        out.print("asked for; a running `make dev` looks at them within 30 seconds and runs what depends on them")
    if any(line["problem"] for line in plan):
        raise typer.Exit(1)


def _chosen(registered: Mapping[str, Source], names: Sequence[str]) -> list[Source]:
    for name in names:
        if name not in registered:
            raise LookupError(f"no source is called {name!r}; there are: {', '.join(registered) or 'none'}")
    return [registered[name] for name in dict.fromkeys(names) or registered]


def _question(stale: Sequence[str]) -> str:
    return f"Read {len(stale)} source{'s' if len(stale) > 1 else ''} again, and what is made from their new rows?"


def _print(plan: Sequence[Mapping[str, Any]]) -> None:
    table = Table("source", "state", "read", "now", "files changed", "bytes")
    for line in plan:
        old, new = ((line[key] or "")[:12] for key in ("old", "new"))
        table.add_row(line["source"], line["state"], *map(shown, (old, new, len(line["files"]), line["bytes"])))
    print_table(table)
    for line in plan:
        for file in line["files"][:FILES_SHOWN] if line["state"] == "changed" else ():
            sizes = " -> ".join(f"{file[key]:,}" for key in ("old_size", "new_size") if file[key] is not None)
            out.print(f"{line['source']}: {file['change']} {shown(file['path'])} ({sizes} bytes)", highlight=False)
        if line["problem"]:
            err.print(line["problem"], markup=False, style="red", highlight=False)


def _can_ask() -> bool:
    return sys.stdin.isatty()

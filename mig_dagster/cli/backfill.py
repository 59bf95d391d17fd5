"""`mig-dagster backfill`: make some assets of some sources again, by the daemon of this checkout's instance."""

import time
from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from mig_dagster.cli.console import (
    AsJson,
    err,
    explain_errors,
    print_json,
    print_table,
    print_warning,
    progress_bar,
)

CHECKOUT_ONLY = (
    "the assets are not installed: `mig-dagster backfill` launches Dagster runs and needs a checkout of the project "
    "(git clone, then `make install`); every other command works from the wheel, save `demo`"
)
POLL_SECONDS = 1.0


@explain_errors
def backfill(
    sources: Annotated[list[str] | None, typer.Option(help="Sources, as a,b; repeatable.")] = None,
    assets: Annotated[
        list[str] | None, typer.Option(help="Assets, as tags,quality_scores; repeatable. Default: all of a source.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Every source.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would run, and start nothing.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for the end; exit code 1 when something failed.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make annotations, or whatever has a partition a source, again; needs a running daemon (`make dev`)."""
    chosen = _names(sources)
    if bool(chosen) == every:
        raise ValueError("name sources with --sources a,b, or take all with --all: one of the two")
    backfills, local_instance, definitions = _checkout()
    with local_instance() as instance:
        plan = backfills.plan(definitions, instance, None if every else chosen, _names(assets))
        alive = backfills.daemon_runs(instance)
        result: dict[str, Any] = {"sources": list(plan.sources), "assets": list(plan.assets), "daemon": alive}
        if not as_json:
            _print_plan(result)
        if wait and not (alive or dry_run):
            raise ValueError("no daemon runs on this instance: start one first (`make dev`), or leave out --wait")
        if not dry_run:
            result["backfill"] = backfills.launch(definitions, instance, plan)
            follow = _waited if wait else _left
            result |= follow(result, partial(backfills.progress, instance, result["backfill"]))
    if as_json:
        print_json(result)
    if result.get("status", "COMPLETED_SUCCESS") != "COMPLETED_SUCCESS":
        raise typer.Exit(1)


def _checkout() -> tuple[Any, Any, Any]:
    """Return what only a checkout has: the module of backfills, how to open the instance, and the definitions."""
    try:
        from assets import backfills
        from assets.local_runs import local_instance
    except ModuleNotFoundError as missing:
        if missing.name not in ("assets", "assets.backfills", "assets.local_runs"):
            raise
        err.print(f"[bold red]error:[/] {CHECKOUT_ONLY}")
        raise typer.Exit(2) from missing
    from mig_dagster.definitions import defs

    return backfills, local_instance, defs()


def _names(given: list[str] | None) -> list[str]:
    """Return names that were given with commas, in several options, or both."""
    return [name.strip() for part in given or [] for name in part.split(",") if name.strip()]


def _left(result: dict[str, Any], progress: Callable[[], Any]) -> dict[str, Any]:
    """Say where the backfill is, and leave it to the daemon."""
    del progress
    err.print(f"backfill [bold]{result['backfill']}[/] launched; the UI shows it under Runs, Backfills")
    if not result["daemon"]:
        print_warning("no daemon runs on this instance: it begins when one does (`make dev`)")
    return {}


def _waited(result: dict[str, Any], progress: Callable[[], Any]) -> dict[str, Any]:
    """Wait for the end of the backfill; return what is to be added to the result."""
    total = len(result["sources"])
    with progress_bar("backfill") as report:
        while not (now := progress()).over:
            report(", ".join(result["assets"]), now.done, total)
            time.sleep(POLL_SECONDS)
    err.print(f"backfill [bold]{result['backfill']}[/]: {now.done} of {total} sources, {now.status}", highlight=False)
    for failure in now.failures:
        where = f"{failure['asset']} of {failure['source']}" if failure["source"] else "the backfill itself"
        err.print(f"[red]failed[/] {where}: {escape(failure['reason'])}", highlight=False)
    return {"status": now.status, "done": now.done, "failures": now.failures}


def _print_plan(result: dict[str, Any]) -> None:
    table = Table("source", "assets")
    for name in result["sources"]:
        table.add_row(name, ", ".join(result["assets"]))
    print_table(table)

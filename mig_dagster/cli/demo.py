"""`mig-dagster demo`: the whole asset graph on the embedded sources, as real Dagster runs."""

import os
import time
from pathlib import Path

import typer
from rich.markup import escape

from mig_dagster.cli.console import AsJson, err, explain_errors, out, print_json, progress_bar

CHECKOUT_ONLY = (
    "the assets are not installed: `mig-dagster demo` launches Dagster runs and needs a checkout of the "
    "project (git clone, then `make demo`); every other command works from the wheel"
)


@explain_errors
def demo(as_json: AsJson = False) -> None:
    """Run every asset on the embedded sources, then say where subset, comparison, report, lineage and UI are."""
    try:
        from assets.local_runs import demo_result, demo_runs, local_instance
    except ModuleNotFoundError as missing:
        if missing.name not in ("assets", "assets.local_runs"):
            raise
        err.print(f"[bold red]error:[/] {CHECKOUT_ONLY}")
        raise typer.Exit(2) from missing
    from mig_dagster.definitions import defs

    started = time.monotonic()
    definitions = defs()
    with local_instance() as instance, progress_bar("starting") as report:
        runs = demo_runs(definitions, instance)
        for done, run in enumerate(runs):
            report(run.name, done, len(runs))
            begun = time.monotonic()
            outcome = run.start()
            err.print(
                f"[green]done[/] {time.monotonic() - begun:5.1f} s  [bold]{escape(run.name)}[/]: {escape(outcome)}",
                highlight=False,
            )
    result = demo_result(definitions) | {"seconds": round(time.monotonic() - started, 1)}
    if as_json:
        print_json(result)
        return
    out.print(f"\n[bold]{result['rows']:,}[/] of {result['pool_rows']:,} rows chosen in {result['seconds']:.0f} s")
    out.print(f"subset    {_short(result['export'])}")
    out.print(f"methods   {_short(result['comparison'])}, asset selection_report in the UI")
    out.print(f"report    {_short(result['report'])}")
    out.print(f"lineage   {_short(result['catalog'])}")
    out.print(f"one row   mig-dagster trace {result['first_row_id']}")
    out.print(f"why       mig-dagster explain {result['first_row_id']}")
    out.print("UI        make dev, then http://127.0.0.1:3000")


def _short(path: str) -> str:
    return os.path.relpath(path) if Path(path).is_relative_to(Path.cwd()) else path

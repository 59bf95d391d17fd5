"""`mig-dagster export`: a subset, written for the tools that train on it, and the command that starts them."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from mig_dagster.cli.console import (
    DEFAULT_HOME,
    AsJson,
    Home,
    explain_errors,
    out,
    print_json,
    print_table,
    print_warning,
    progress_bar,
)
from mig_dagster.export import FORMATS, Exported
from mig_dagster.export.formats import REASONS


@explain_errors
def export(
    subset: Annotated[str, typer.Argument(help="A folder that select wrote, or a name: mig, mig_subset, mig~1.")],
    to: Annotated[list[str], typer.Option(help=f"{', '.join(FORMATS)}; repeatable.")],
    output: Annotated[Path, typer.Option(help="Folder that gets a folder for each format; made when missing.")],
    rows: Annotated[int | None, typer.Option(help="Only the first rows by rank: the subset for that budget.")] = None,
    prompt_completion: Annotated[
        bool, typer.Option("--prompt-completion", help="For TRL: train the last answer alone.")
    ] = False,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Write a subset for trainers, in rank order, every row read back; prints how to train on it."""
    from mig_dagster.stages.export_subset import export_subset

    formats = ["trl-prompt-completion" if prompt_completion and name == "trl" else name for name in to]
    with progress_bar("reading") as report:
        done = export_subset(subset, output, formats=formats, home=home, first=rows, on_progress=report)
    if as_json:
        print_json({"subset": subset, "output": str(output), "exports": [_described(each) for each in done]})
        return
    print_table(_table(done))
    for each in done:
        for reason, count in each.left_out.items():
            print_warning(f"{each.format}: {count:,} of {each.rows:,} rows left out: {reason}, {REASONS[reason]}")
        if each.left_out:
            out.print(f"{each.format}: {escape(str(each.folder / each.listing))} names each row left out")
        for note in each.notes:
            out.print(f"{each.format}: {escape(note)}")
    for each in done:
        for command in each.commands:
            out.print(escape(command), highlight=False)


def _table(done: list[Exported]) -> Table:
    table = Table("format", "rows", "left out", "bytes", "folder")
    for each in done:
        counts = (each.written, each.rows - each.written, sum(each.bytes.values()))
        table.add_row(each.format, *(f"{count:,}" for count in counts), escape(str(each.folder)))
    return table


def _described(exported: Exported) -> dict[str, Any]:
    kept = {name: value for name, value in asdict(exported).items() if name not in ("left_out_ranks", "data")}
    return kept | {"folder": str(exported.folder)}

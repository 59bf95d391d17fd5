"""`mig-dagster check-export SUBSET --for TRAINER`: what a trainer would lose, before it is started."""

from pathlib import Path
from typing import Annotated

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
    progress_bar,
)
from mig_dagster.export import FORMATS
from mig_dagster.export.consumers import REASONS, DryRun

_COLOURS = {"stops": "bold red", "dropped": "red", "cut": "yellow", "altered": "cyan"}


@explain_errors
def check_export(
    subset: Annotated[str, typer.Argument(help="A subset's folder, or its name in the home, such as mig or mig~1.")],
    trainer: Annotated[list[str], typer.Option("--for", help=f"Whose export: {', '.join(FORMATS)}; repeatable.")],
    tokenizer: Annotated[
        str | None, typer.Option(help="Folder or Hugging Face id: also check its chat template and the token limit.")
    ] = None,
    max_tokens: Annotated[
        int | None, typer.Option(help="The trainer's token limit: cutoff_len, max_length, sequence_len.", min=1)
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="Folder for every row found, as Parquet: TRAINER.dropped, .cut, .altered.")
    ] = None,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Say which rows of a subset a trainer would drop, cut or change, and why; exit code 1 when it would lose one."""
    # Imported here, so that `--help` does not load the models' libraries.
    from mig_dagster.annotations.tokens import RowTokenizer
    from mig_dagster.stages.dry_run import check_subset

    if max_tokens is not None and tokenizer is None:
        raise ValueError("--max-tokens needs --tokenizer: name the one of the model that is trained")
    counts = None if tokenizer is None else RowTokenizer(tokenizer)
    with progress_bar("reading") as report:
        runs = check_subset(subset, trainer, home=home, tokenizer=counts, max_tokens=max_tokens, on_progress=report)
    if output is not None:
        for name, run in runs.items():
            _write(output, name, run)
    if as_json:
        print_json({name: run.as_dict() for name, run in runs.items()})
    else:
        for name, run in runs.items():
            _show(name, run)
    if any(run.lost for run in runs.values()):
        raise typer.Exit(1)


def _write(folder: Path, name: str, run: DryRun) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for what, frame in (("dropped", run.dropped), ("cut", run.cut), ("altered", run.altered)):
        frame.write_parquet(folder / f"{name}.{what}.parquet")


def _show(name: str, run: DryRun) -> None:
    """Print one trainer's verdict: a line for each reason, with the first row it was found in, and what it means."""
    limit = f", {run.max_tokens:,} tokens of {run.tokenizer}" if run.max_tokens else ""
    style = "bold red" if run.lost else "bold green"
    out.print(f"[bold]{escape(name)}[/] ({escape(run.rules + limit)}): [{style}]{run.kept:,} of {run.rows:,} rows[/]")
    reasons = run.by_reason()
    if reasons.is_empty():
        return
    table = Table("effect", "reason", "rows", "first rank", "there")
    for row in reasons.iter_rows(named=True):
        effect = f"[{_COLOURS[row['effect']]}]{row['effect']}[/]"
        table.add_row(effect, row["reason"], f"{row['rows']:,}", f"{row['first_rank']:,}", escape(row["detail"]))
    print_table(table)
    for reason in reasons["reason"].unique(maintain_order=True):
        out.print(f"{reason}: {REASONS[reason]}")

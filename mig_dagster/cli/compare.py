"""`mig-dagster compare`: files in, the subsets of every method side by side."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from mig_dagster.cli.console import (
    DEFAULT_HOME,
    AsJson,
    Config,
    Home,
    err,
    explain_errors,
    out,
    print_json,
    print_table,
    print_warning,
    progress_bar,
)
from mig_dagster.cli.settings import AcceptMixed, method_name, method_settings, named_sources, pool_options
from mig_dagster.stages.budget import WORDS

if TYPE_CHECKING:
    from mig_dagster.stages.compare.from_files import Comparison


@explain_errors
def compare(
    pool: Annotated[list[str], typer.Argument(help="Files, folders, globs or demo://name, in any known format.")],
    output: Annotated[Path, typer.Option(help="Folder for the tables; made when missing.")],
    budget: Annotated[str, typer.Option(help=WORDS)] = "5%",
    methods: Annotated[
        str | None, typer.Option(help="Names, with commas; without it every method whose inputs can be made.")
    ] = None,
    option: Annotated[
        list[str] | None, typer.Option(help="Option of a method, method.name=value as mig.gain=exact; repeatable.")
    ] = None,
    config: Config = None,
    accept_mixed: AcceptMixed = False,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Run methods on one pool and compare what they choose, beside random draws and the baselines."""
    # Imported here, so that `--help` does not load the models' libraries.
    from mig_dagster.annotations.cache import FragmentCache
    from mig_dagster.stages.compare.from_files import compare_files
    from mig_dagster.stages.file_pool import file_lake
    from mig_dagster.stages.pool_language_model import local_models
    from mig_dagster.storage import Store

    with progress_bar("reading") as report:
        done = compare_files(
            named_sources(pool),
            output,
            methods=None if methods is None else [method_name(name) for name in methods.split(",")],
            budget=budget,
            settings=settings_by_method(option or []),
            options=pool_options(config, accept_mixed),
            cache=FragmentCache(Store(home)),
            lake=file_lake(home),
            models=local_models(Store(home)),
            on_progress=report,
        )
    if as_json:
        print_json(_document(done) | {"output": str(output)})
    else:
        _print(done, output)
    if done.failures:
        raise typer.Exit(1)


def settings_by_method(pairs: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return the options of methods from `method.name=value` pairs, each as its type.

    Raises:
        ValueError: there is no such method, it has no such option, or the value is of another type.
    """
    by_method: dict[str, list[str]] = {}
    for pair in pairs:
        method, point, rest = pair.partition(".")
        if not point or "=" in method:
            raise ValueError(f"--option must be method.name=value, as mig.gain=exact, got {pair!r}")
        by_method.setdefault(method_name(method), []).append(rest)
    return {method: method_settings(method, own) for method, own in by_method.items()}


def _document(done: "Comparison") -> dict[str, Any]:
    """Return a comparison for machines, without the rows of its subsets: those are in the folder."""
    tables = {name: table.to_dicts() for name, table in done.tables.items() if name != "subsets"}
    return {
        "budget": done.budget,
        "pool_rows": done.pool_rows,
        "duplicates": done.duplicates,
        "sources": done.records,
        "failures": done.failures,
        "warnings": done.warnings,
        "lacking": list(done.lacking),
        **tables,
    }


def _print(done: "Comparison", output: Path) -> None:
    from mig_dagster.stages.compare.files import SHOWN, meaning, shown_lines

    table = Table()
    table.add_column("method")
    for title, _ in SHOWN.values():
        table.add_column(title, justify="right")
    for cells in shown_lines(done.tables):
        table.add_row(*map(escape, cells), style="dim" if cells[0].startswith("random (") else None)
    print_table(table)
    out.print(escape(meaning(done.tables)), style="dim", highlight=False)
    for warning in _warnings(done):
        print_warning(warning)
    for method, error in done.failures.items():
        err.print(f"[bold red]failed[/] {method}: {escape(error)}", highlight=False)
    out.print(f"{done.pool_rows:,} rows compared under a budget of {done.budget} -> {escape(str(output))}")


def _warnings(done: "Comparison") -> list[str]:
    """Return what a reader of the table has to know."""
    from mig_dagster.stages.compare.files import shortfalls

    return [
        *(f"{name}: {shortfall}" for name, shortfall in shortfalls(done.tables).items()),
        *(f"measures of labels are null: {reason}" for reason in done.lacking),
        *(f"{method}: {warning}" for method, warnings in done.warnings.items() for warning in warnings),
    ]

"""How commands talk: results on stdout (tables for people, one JSON object for machines), the rest on stderr."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, ParamSpec, TypeVar

import typer
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.measure import Measurement
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from mig_dagster.annotations import CacheError
from mig_dagster.annotations.model_files import ModelError
from mig_dagster.annotations.tagging import EndpointError
from mig_dagster.sources import RegistryError, SourceFileError

USER_ERRORS = (RegistryError, SourceFileError, ModelError, EndpointError, CacheError, LookupError, ValueError, OSError)
DEFECTS = (IndexError, BrokenPipeError)
"""Of the kinds above, what no user can mend: a mistake of ours, and a reader of our output that went away."""

P = ParamSpec("P")
R = TypeVar("R")

out = Console(soft_wrap=True)
err = Console(stderr=True, soft_wrap=True)

_UNLIMITED = 1_000_000  # columns

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else on stdout.")]
Home = Annotated[
    str,
    typer.Option(
        "--home", envvar="MIG_HOME", help="Folder, or s3:// URI, of the lake, the cache and the lineage catalog."
    ),
]
Registry = Annotated[Path, typer.Option("--registry", envvar="MIG_SOURCES", help="The sources.yaml to read or edit.")]
Config = Annotated[
    Path | None,
    typer.Option("--config", envvar="MIG_OPTIONS", help="Options file: profile, models, everything before the method."),
]

DEFAULT_HOME = "mig_home"
DEFAULT_REGISTRY = Path("sources.yaml")


def print_json(document: Any) -> None:
    """Print one JSON document on stdout."""
    typer.echo(json.dumps(document, ensure_ascii=False, default=str))


def print_warning(text: str) -> None:
    """Print a warning on stderr, as one line."""
    err.print(f"[yellow]warning:[/] {escape(text)}", highlight=False)


def print_table(table: Table) -> None:
    """Print a table on stdout, every value whole and every row one line, however narrow the terminal is.

    One that does not fit, or that no terminal shows, is Markdown: its lines still hold together where they wrap.
    """
    for column in table.columns:
        column.no_wrap = True
    unlimited = out.options.update(max_width=_UNLIMITED)
    if not out.is_terminal or Measurement.get(out, unlimited, table).maximum > out.width:
        table.box = box.MARKDOWN
        table.width = Measurement.get(out, unlimited, table).maximum
    out.print(table)


def explain_errors(command: Callable[P, R]) -> Callable[P, R]:
    """Turn what a user can mend into one line on stderr and exit code 2; leave real defects their traceback."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except DEFECTS:
            raise
        except USER_ERRORS as problem:
            message = problem.args[0] if isinstance(problem, KeyError) else problem
            err.print(f"[bold red]error:[/] {escape(str(message))}", highlight=False)
            raise typer.Exit(2) from problem

    return run


@contextmanager
def progress_bar(description: str) -> Iterator[Callable[[str, int, int | None], None]]:
    """Show progress on a terminal; yields `report(what, done, total)`, with `total` None while unknown.

    Each `what` is timed on its own, so that the time left is that of the step which is shown.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(
        *columns, TimeRemainingColumn(), console=err, transient=True, disable=not err.is_terminal
    ) as progress:
        shown, task = description, progress.add_task(description, total=None)

        def report(what: str, done: int, total: int | None) -> None:
            nonlocal shown, task
            if what != shown:
                progress.remove_task(task)
                shown, task = what, progress.add_task(what, total=None)
            progress.update(task, completed=done, total=total)

        yield report

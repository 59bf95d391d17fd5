"""`mig-dagster methods`: what every selection method reads and what can be set."""

import inspect
from collections.abc import Mapping
from typing import Any

import click
from rich.markup import escape
from typer.core import TyperCommand

from mig_dagster.cli.console import AsJson, explain_errors, out, print_json


@explain_errors
def methods(as_json: AsJson = False) -> None:
    """List the selection methods: what each does, what it reads, its options and their defaults."""
    listed = method_table()
    if as_json:
        print_json({"methods": listed})
        return
    for method in listed:
        _print(method)


def _print(method: Mapping[str, Any]) -> None:
    """Print a method as lines of its own: a table of all of them is wider than most terminals."""
    out.print(f"[bold]{method['name']}[/]: {escape(method['what'])}", highlight=False)
    out.print(f"  reads {', '.join(method['reads'])}", highlight=False)
    for name, default in method["options"].items():
        out.print(f"  --option {escape(f'{name}={_written(default)}')}", highlight=False)
    out.print()


def method_table() -> list[dict[str, Any]]:
    """Return the methods by name, JSON-ready; loads no model's library."""
    from mig_dagster.selection import METHODS, options, reads

    return [
        {
            "name": name,
            "what": first_line(method),
            "reads": list(reads(method)),
            "options": {option: default for option, (_, default) in options(method).items()},
        }
        for name, method in sorted(METHODS.items())
    ]


def first_line(method: Any) -> str:
    """Return what a method does: the first line of its file, without its name."""
    documented = inspect.getdoc(inspect.getmodule(method)) or inspect.getdoc(method) or ""
    line = documented.partition("\n")[0]
    return line.partition(": ")[2] or line


class ListsMethods(TyperCommand):
    """A command whose help ends with the selection methods; they are looked up only when help is asked for."""

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the help."""
        # One paragraph a method: a line break alone is none in the help's markup.
        self.epilog = "\n\n".join(["Methods:", *(f"{m['name']}: {escape(m['what'])}" for m in method_table())])
        super().format_help(ctx, formatter)


def _written(default: Any) -> str:
    """Return a default as `--option` takes it."""
    if default is None:
        return "null"
    if isinstance(default, Mapping):
        return "{" + ", ".join(f"{key}: {value}" for key, value in default.items()) + "}"
    return str(default).lower() if isinstance(default, bool) else str(default)

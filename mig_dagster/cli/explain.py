"""`mig-dagster explain ROW_ID`: why a row is in a subset, or why not."""

from collections.abc import Mapping, Sequence
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
    progress_bar,
)
from mig_dagster.stages.explain.explanation import Explanation
from mig_dagster.stages.explain.explanation import explain as explain_row
from mig_dagster.stages.stored_subset import find_subset

DIGITS = 8
"""Of row ids in tables: enough to ask for them."""


@explain_errors
def explain(
    row_id: Annotated[str, typer.Argument(help="A row id, enough of its first digits to be unique, or source/origin.")],
    subset: Annotated[
        str,
        typer.Option("--subset", help="A subset's folder, or its asset: mig_subset, deita, mig~1 for the one before."),
    ] = "mig_subset",
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Say why a row was chosen, or why not: its gain, what the subset knew already, and which row beat it."""
    with progress_bar("explaining") as report:
        found = explain_row(row_id, find_subset(subset, home), report)
    if as_json:
        print_json(found)
    else:
        _print(found)


def _print(found: Explanation) -> None:
    name = found["row_id"] or "no row"
    out.print(f"[bold]{name}[/] {escape(found['source'])}/{escape(found['origin'])}", highlight=False)
    where = f"in {found['subset']} ({found['method']}, budget {found['budget']})"
    out.print(f"[bold]{found['status']}[/] {escape(where)}", highlight=False)
    out.print(escape(found["reason"]), highlight=False)
    if "instead" in found:
        out.print()
        _print(found["instead"])
    elif found["status"] in ("chosen", "not chosen"):
        _print_details(found["details"])


def _print_details(details: Mapping[str, Any]) -> None:
    tables = {name: value for name, value in details.items() if _is_table(value)}
    facts = {name: value for name, value in details.items() if name not in tables and value not in (None, [], {})}
    _print_lines([{"": name.replace("_", " "), "value": value} for name, value in facts.items()])
    for name, lines in tables.items():
        out.print(f"[bold]{name.replace('_', ' ')}[/]")
        _print_lines(lines)


def _is_table(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(line, Mapping) for line in value)


def _print_lines(lines: Sequence[Mapping[str, Any]]) -> None:
    if not lines:
        return
    table = Table(*(escape(name.replace("_", " ")) for name in lines[0]))
    for line in lines:
        table.add_row(*(escape(_shown(value)) for value in line.values()))
    print_table(table)


def _shown(value: Any) -> str:
    """Return a value as one cell: numbers to four digits, rows by their first digits, what is nested in words."""
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: ""}[value]
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, Mapping):
        said = {name: each for name, each in value.items() if each not in (None, [], {})}
        said = {name: _shown(each) for name, each in value.items() if each not in (None, [], {})}
        cut = {
            name: text[:DIGITS] if name == "row_id" else f"{name.replace('_', ' ')} {text}"
            for name, text in said.items()
        }
        return ", ".join(cut.values())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "; ".join(map(_shown, value))
    return str(value)

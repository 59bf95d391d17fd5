"""`mig-dagster sources`: what is registered, what a file holds, and editing sources.yaml."""

import os
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from mig_dagster.cli.console import DEFAULT_REGISTRY, AsJson, Registry, err, explain_errors, out, print_json
from mig_dagster.sources import REASONS, Source, add_source, check, load_registry, remove_source

sources = typer.Typer(help="List, check, add and remove sources.", no_args_is_help=True)

Format = Annotated[str | None, typer.Option("--format", help="Read as this format instead of detecting it.")]
Columns = Annotated[
    list[str] | None, typer.Option("--column", help="Where a field of the format is, as field=column; repeatable.")
]


@sources.command("list")
@explain_errors
def list_sources(registry: Registry = DEFAULT_REGISTRY, as_json: AsJson = False) -> None:
    """List the registered sources."""
    registered = load_registry(registry).values()
    if as_json:
        print_json({"sources": [_fields(source) for source in registered]})
        return
    table = Table("source", "uri", "format", "licence", "priority")
    for source in registered:
        table.add_row(
            source.name, escape(source.uri), source.format or "detect", source.licence or "-", str(source.priority)
        )
    out.print(table)


@sources.command("check")
@explain_errors
def check_source(
    uri: Annotated[str, typer.Argument(help="A file, folder, glob or demo://name.")],
    file_format: Format = None,
    column: Columns = None,
    as_json: AsJson = False,
) -> None:
    """Read a source without storing anything, and count what would be accepted and rejected."""
    report = check(uri, file_format, _mapping(column))
    if as_json:
        print_json(report)
    else:
        _print_report(report)
    if any(file["failure"] for file in report["files"]):
        raise typer.Exit(1)


@sources.command("add")
@explain_errors
def add(
    name: Annotated[str, typer.Argument(help="Slug: a-z, 0-9, dot, underscore, hyphen. Becomes the partition key.")],
    uri: Annotated[str, typer.Argument(help="A file, folder, glob or demo://name.")],
    file_format: Format = None,
    column: Columns = None,
    licence: Annotated[str | None, typer.Option(help="Licence of the rows, for the lineage and the card.")] = None,
    priority: Annotated[int, typer.Option(help="Of two duplicates, the source with the higher priority keeps it.")] = 0,
    registry: Registry = DEFAULT_REGISTRY,
    as_json: AsJson = False,
) -> None:
    """Check a source and add it to sources.yaml; a source with an unreadable file is not added."""
    source = Source(name, _from_registry(uri, registry), file_format, licence, priority, _mapping(column))
    report = check(uri, file_format, source.columns)
    failed = [file["failure"] for file in report["files"] if file["failure"]]
    if not failed:
        add_source(registry, source)
    if as_json:
        print_json({"added": not failed, "source": _fields(source), **report})
    else:
        _print_report(report)
        if not failed:
            out.print(f"added [bold]{name}[/] to {registry}; a running `make dev` picks it up within 30 seconds")
    if failed:
        err.print(f"not added: {len(failed)} file(s) could not be read")
        raise typer.Exit(1)


@sources.command("remove")
@explain_errors
def remove(name: str, registry: Registry = DEFAULT_REGISTRY, as_json: AsJson = False) -> None:
    """Take a source out of sources.yaml; its stored rows stay, marked removed."""
    remove_source(registry, name)
    if as_json:
        print_json({"removed": name})
    else:
        out.print(f"removed [bold]{name}[/] from {registry}; a running `make dev` rebuilds the pool without it")


def _from_registry(uri: str, registry: Path) -> str:
    """Return a path as seen from the registry's folder, where relative paths in it start; URIs stay as they are."""
    if "://" in uri or Path(uri).is_absolute():
        return uri
    return os.path.relpath(uri, registry.parent)


def _mapping(column: list[str] | None) -> dict[str, str]:
    pairs = [pair.partition("=") for pair in column or []]
    for field, separator, name in pairs:
        if not (field and separator and name):
            raise ValueError(f"--column must be field=column, got {field + separator + name!r}")
    return {field: name for field, _, name in pairs}


def _fields(source: Source) -> dict[str, Any]:
    return {
        "name": source.name,
        "uri": source.uri,
        "format": source.format,
        "licence": source.licence,
        "priority": source.priority,
        "columns": dict(source.columns),
    }


def _print_report(report: dict[str, Any]) -> None:
    table = Table("file", "format", "records", "accepted", "rejected", "blank")
    for file in report["files"]:
        table.add_row(
            escape(Path(file["path"]).name),
            file["format"] or "-",
            f"{file['records']:,}",
            f"{file['accepted']:,}",
            f"{sum(file['rejected'].values()):,}",
            f"{file['blank']:,}",
        )
    out.print(table)
    for file in report["files"]:
        for reason, count in sorted(file["rejected"].items()):
            out.print(
                f"{Path(file['path']).name}: {count:,} {reason} ({REASONS[reason]})", markup=False, highlight=False
            )
        if file["failure"]:
            err.print(file["failure"], markup=False, style="red")

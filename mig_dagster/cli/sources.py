"""`mig-dagster sources`: what is registered, what a file holds, and editing sources.yaml."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from mig_dagster.cli.console import (
    DEFAULT_REGISTRY,
    AsJson,
    Registry,
    err,
    explain_errors,
    out,
    print_json,
    print_table,
    progress_bar,
)
from mig_dagster.sources import REASONS, Source, add_source, check, check_addition, load_registry, remove_source

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
            source.name,
            escape(source.uri),
            source.format or "detect",
            escape(source.licence or "-"),
            str(source.priority),
        )
    print_table(table)


@sources.command("check")
@explain_errors
def check_source(
    uri: Annotated[str, typer.Argument(help="A file, folder, glob or demo://name.")],
    file_format: Format = None,
    column: Columns = None,
    as_json: AsJson = False,
) -> None:
    """Read a source without storing anything, and count what would be accepted and rejected."""
    report = _checked(uri, file_format, _mapping(column))
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
    """Check a source and add it to sources.yaml; one with an unreadable file, or without a usable record, is not."""
    source = Source(name, _from_registry(uri, registry), file_format, licence, priority, _mapping(column))
    check_addition(registry, source)  # a slug that is no slug is said before every file is read
    report = _checked(uri, file_format, source.columns)
    obstacle = _obstacle(report)
    if obstacle is None:
        add_source(registry, source)
    if as_json:
        print_json({"added": obstacle is None, "source": _fields(source), **report})
    else:
        _print_report(report)
        if obstacle is None:
            added = f"added [bold]{name}[/] to {escape(str(registry))}"
            out.print(f"{added}; a running `make dev` picks it up within 30 seconds")
    if obstacle is not None:
        err.print(f"not added: {obstacle}", markup=False, highlight=False)
        raise typer.Exit(1)


@sources.command("remove")
@explain_errors
def remove(name: str, registry: Registry = DEFAULT_REGISTRY, as_json: AsJson = False) -> None:
    """Take a source out of sources.yaml; its stored rows stay, marked removed."""
    remove_source(registry, name)
    if as_json:
        print_json({"removed": name})
    else:
        removed = f"removed [bold]{name}[/] from {escape(str(registry))}"
        out.print(f"{removed}; a running `make dev` rebuilds the pool without it")


def _checked(uri: str, file_format: str | None, columns: Mapping[str, str]) -> dict[str, Any]:
    with progress_bar("reading") as report:
        return check(uri, file_format, columns, on_progress=lambda path, records: report(path, records, None))


def _obstacle(report: dict[str, Any]) -> str | None:
    """Return why a source cannot be added, None where it can."""
    failed = sum(file["failure"] is not None for file in report["files"])
    if failed:
        return f"{failed} of {len(report['files'])} files could not be read"
    if not any(file["accepted"] for file in report["files"]):
        return "every record is rejected; name another --format, or map its fields with --column"
    return None


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
    names = _short_names([file["path"] for file in report["files"]])
    for name, file in zip(names, report["files"], strict=True):
        counts = (file["records"], file["accepted"], sum(file["rejected"].values()), file["blank"])
        table.add_row(escape(name), file["format"] or "-", *(f"{count:,}" for count in counts))
    print_table(table)
    for name, file in zip(names, report["files"], strict=True):
        for reason, count in file["rejected"].items():
            out.print(f"{name}: {count:,} {reason} ({REASONS[reason]})", markup=False, highlight=False)
        if file["failure"]:
            err.print(file["failure"], markup=False, style="red", highlight=False)


def _short_names(paths: Sequence[str]) -> list[str]:
    """Return paths without the folders that all of them share."""
    folders = [path.rpartition("/")[0] + "/" for path in paths]
    shared = os.path.commonprefix(folders).rpartition("/")[0]  # noqa: RUF071 - cut back to a whole folder; may be a URI
    return [path[len(shared) :].lstrip("/") for path in paths]

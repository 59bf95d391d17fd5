"""`mig-dagster sources check` and `add`: what a source holds, before it is part of the pool and as it becomes one."""

import os
import re
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
from mig_dagster.cli.sources.options import fields, shown
from mig_dagster.sources import REASONS, Source, add_source, check, check_addition
from mig_dagster.sources.locations import READABLE

Format = Annotated[str | None, typer.Option("--format", help="Read as this format instead of detecting it.")]
Columns = Annotated[
    list[str] | None, typer.Option("--column", help="Where a field of the format is, as field=column; repeatable.")
]
Uri = Annotated[
    str, typer.Argument(help="A file, folder or glob, s3://..., hf://datasets/org/name or org/name, or demo://name.")
]
Revision = Annotated[str | None, typer.Option(help="On the Hub: the branch, tag or commit to stay at.")]
Config = Annotated[str | None, typer.Option(help="On the Hub: which configuration of the dataset.")]
Split = Annotated[str | None, typer.Option(help="On the Hub: which split; else train, or the only one.")]
Scores = Annotated[
    str | None, typer.Option(help="Files whose columns belong to the records of the same `id`, as OpenDataArena's.")
]

_HUB_ID = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*", re.ASCII)


@explain_errors
def check_source(
    uri: Uri,
    file_format: Format = None,
    column: Columns = None,
    revision: Revision = None,
    config: Config = None,
    split: Split = None,
    scores: Scores = None,
    as_json: AsJson = False,
) -> None:
    """Read a source without storing anything, and count what would be accepted and rejected."""
    rest = {"revision": revision, "config": config, "split": split, "scores": scores}
    report = _checked(_meant(uri), file_format, _mapping(column), rest)
    if as_json:
        print_json(report)
    else:
        _print_report(report)
    if any(file["failure"] for file in report["files"]):
        raise typer.Exit(1)


@explain_errors
def add(
    name: Annotated[str, typer.Argument(help="Slug: a-z, 0-9, dot, underscore, hyphen. Becomes the partition key.")],
    uri: Uri,
    file_format: Format = None,
    column: Columns = None,
    revision: Revision = None,
    config: Config = None,
    split: Split = None,
    scores: Scores = None,
    licence: Annotated[str | None, typer.Option(help="Licence of the rows, for the lineage and the card.")] = None,
    priority: Annotated[int, typer.Option(help="Of two duplicates, the source with the higher priority keeps it.")] = 0,
    max_gpu_hours: Annotated[
        float | None,
        typer.Option(min=0, help="Automation holds the source where annotating it would take longer on a GPU."),
    ] = None,
    read: Annotated[
        bool,
        typer.Option("--check/--no-check", help="Read every record first; a source on the Hub is downloaded for it."),
    ] = True,
    registry: Registry = DEFAULT_REGISTRY,
    as_json: AsJson = False,
) -> None:
    """Check a source and add it to sources.yaml; one with an unreadable file, or without a usable record, is not."""
    meant = _meant(uri)
    pins = {"revision": revision, "config": config, "split": split}
    source = Source(
        name,
        _from_registry(meant, registry),
        file_format,
        licence,
        priority,
        _mapping(column),
        **pins,
        max_gpu_hours=max_gpu_hours,
        scores=None if scores is None else _from_registry(scores, registry),
    )
    check_addition(registry, source)  # a slug that is no slug is said before every file is read
    report = _checked(meant, file_format, source.columns, {**pins, "scores": scores}) if read else {"files": []}
    obstacle = _obstacle(report) if read else None
    if obstacle is None:
        add_source(registry, source)
    if as_json:
        print_json({"added": obstacle is None, "source": fields(source), **report})
    else:
        _print_added(source, registry, report, obstacle)
    if obstacle is not None:
        err.print(f"not added: {obstacle}", markup=False, highlight=False)
        raise typer.Exit(1)


def _print_added(source: Source, registry: Path, report: dict[str, Any], obstacle: str | None) -> None:
    if report["files"]:
        _print_report(report)
    if obstacle is None:
        added = f"added [bold]{source.name}[/] ({shown(source.uri)}) to {escape(str(registry))}"
        out.print(f"{added}; a running `make dev` picks it up within 30 seconds", highlight=False)


def _checked(
    uri: str, file_format: str | None, columns: Mapping[str, str], rest: Mapping[str, str | None]
) -> dict[str, Any]:
    with progress_bar("reading") as report:
        return check(uri, file_format, columns, lambda path, records: report(path, records, None), **rest)


def _meant(uri: str) -> str:
    """Return `org/name` as the dataset of the Hub that it is where it cannot be a path on this machine."""
    is_path = uri.lower().endswith(READABLE) or Path(uri).exists() or Path(uri).parent.exists()
    return uri if is_path or not _HUB_ID.fullmatch(uri) else f"hf://datasets/{uri}"


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
    if "scores" in report:
        joined = report["scores"]
        out.print(f"scores: {joined['ids']:,} ids, {joined['joined']:,} records have one", highlight=False)


def _short_names(paths: Sequence[str]) -> list[str]:
    """Return paths without the folders that all of them share."""
    folders = [path.rpartition("/")[0] + "/" for path in paths]
    shared = os.path.commonprefix(folders).rpartition("/")[0]  # noqa: RUF071 - cut back to a whole folder; may be a URI
    return [path[len(shared) :].lstrip("/") for path in paths]

"""What the commands about sources have in common: arguments, and how a source is shown."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer
from rich.markup import escape

from mig_dagster.sources import Source
from mig_dagster.sources.discovery import Entry

Names = Annotated[list[str], typer.Argument(help="Names of sources.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would happen.")]


def fields(source: Source) -> dict[str, Any]:
    """Return a source, JSON-ready."""
    given = ("revision", "config", "split", "max_gpu_hours", "scores")
    return {
        "name": source.name,
        "uri": source.uri,
        "format": source.format,
        "licence": source.licence,
        "priority": source.priority,
        "columns": dict(source.columns),
        **{key: value for key in given if (value := getattr(source, key)) is not None},
    }


def found_fields(entry: Entry) -> dict[str, Any]:
    """Return what is known of a discovered source beside its own fields, JSON-ready."""
    return {
        "state": entry.state,
        "rule": entry.rule,
        "place": entry.place,
        "reason": entry.reason,
        "found_at": entry.found_at.isoformat(),
        "changed_at": entry.changed_at.isoformat(),
    }


def shown(value: object) -> str:
    """Return a value for a terminal: what strangers wrote can neither colour it nor move its cursor."""
    text = "-" if value is None or value == "" else str(value)
    return escape("".join(c if c.isprintable() else repr(c)[1:-1] for c in text))


def access(details: Mapping[str, Any]) -> str:
    """Return what stands in the way of reading a discovered source; "" where nothing is known to."""
    if details.get("gated"):
        return f"gated: {details.get('remedy', '')}"
    return str(details.get("problem", ""))

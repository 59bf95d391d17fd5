"""What a dry run and a real library say of the same file, in the same words."""

from collections.abc import Iterable, Mapping
from typing import Any

from mig_dagster.export.consumers import DryRun, ExportedRow
from tests.e2e.consumers.rows import ranks


def exported(records: Iterable[Mapping[str, Any]]) -> list[ExportedRow]:
    """Return records as the lines of a file."""
    return [ExportedRow(rank, f"id {rank}", record) for rank, record in enumerate(records, start=1)]


def said(told: DryRun) -> Any:
    """Return the ranks that a dry run keeps, or "stops"."""
    if (told.dropped["effect"] == "stops").any():
        return "stops"
    return sorted(set(range(1, told.rows + 1)) - set(told.dropped["rank"].to_list()))


def done(found: Mapping[str, Any]) -> Any:
    """Return the ranks that a library kept, or "stops"."""
    return "stops" if "error" in found else ranks(found["texts"])

"""Stands until the figure is drawn."""

from mig_dagster.report.figure import Figure
from mig_dagster.report.inputs import ReportInputs


def overlap(given: ReportInputs) -> Figure:
    """Return an empty figure."""
    return Figure("overlap", "overlap", "", missing=f"not drawn yet for {given.chosen.name}")

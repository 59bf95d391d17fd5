"""Stands until the figure is drawn."""

from mig_dagster.report.figure import Figure
from mig_dagster.report.inputs import ReportInputs


def information_curve(given: ReportInputs) -> Figure:
    """Return an empty figure."""
    return Figure("information_curve", "information_curve", "", missing=f"not drawn yet for {given.chosen.name}")

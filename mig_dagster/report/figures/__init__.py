"""The figures of the report: one file each, a function `(ReportInputs) -> Figure`."""

from collections.abc import Callable

from mig_dagster.report.figure import Figure
from mig_dagster.report.figures.information_curve import information_curve
from mig_dagster.report.figures.overlap import overlap
from mig_dagster.report.inputs import ReportInputs

FIGURES: tuple[Callable[[ReportInputs], Figure], ...] = (
    information_curve,
    overlap,
)
"""What the report shows, in this order."""

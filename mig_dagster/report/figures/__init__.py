"""The figures of the report: one file each, a function `(ReportInputs) -> Figure`."""

from collections.abc import Callable

from mig_dagster.report.figure import Figure
from mig_dagster.report.figures.duplicates import duplicates
from mig_dagster.report.figures.embedding_map import embedding_map
from mig_dagster.report.figures.information_curve import information_curve
from mig_dagster.report.figures.label_coverage import label_coverage
from mig_dagster.report.figures.label_map import label_map
from mig_dagster.report.figures.overlap import overlap
from mig_dagster.report.figures.rows_to_read import rows_to_read
from mig_dagster.report.figures.score_histograms import score_histograms
from mig_dagster.report.figures.shape import shape
from mig_dagster.report.figures.source_mix import source_mix
from mig_dagster.report.inputs import ReportInputs

FIGURES: tuple[Callable[[ReportInputs], Figure], ...] = (
    label_map,
    information_curve,
    source_mix,
    score_histograms,
    overlap,
    label_coverage,
    embedding_map,
    duplicates,
    shape,
    rows_to_read,
)
"""What the report shows, in this order."""

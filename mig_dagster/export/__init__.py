"""A chosen subset as files that other programs read."""

from mig_dagster.export.exported import Exported
from mig_dagster.export.formats import FORMATS
from mig_dagster.export.publish import build_export, check_formats, export_to
from mig_dagster.export.subset_folder import SubsetFiles, build_subset, write_subset

__all__ = [
    "FORMATS",
    "Exported",
    "SubsetFiles",
    "build_export",
    "build_subset",
    "check_formats",
    "export_to",
    "write_subset",
]

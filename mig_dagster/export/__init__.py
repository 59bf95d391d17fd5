"""A chosen subset as files that other programs read."""

from mig_dagster.export.subset_folder import SubsetFiles, write_subset

__all__ = ["SubsetFiles", "write_subset"]

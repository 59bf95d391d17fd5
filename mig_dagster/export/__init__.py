"""A chosen subset as files that other programs read."""

from mig_dagster.export.subset_folder import SubsetFiles, build_subset, write_subset

__all__ = ["SubsetFiles", "build_subset", "write_subset"]

"""The figures of the report: one file each, a function `(ReportInputs) -> Figure`."""

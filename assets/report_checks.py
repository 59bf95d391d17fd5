"""Checks of selection_report."""

from collections.abc import Mapping

import polars as pl
import polars.selectors as cs

from assets.checks import Result, holds, warns

REPORT_CHECKS = {"measures_finite": "no measure is NaN or infinite"}
REPORT_WARNINGS = {"every_method_present": "every method has a subset of the pool as it is"}


def report_checks(tables: Mapping[str, pl.DataFrame]) -> list[Result]:
    """Check a new comparison."""
    wrong = [name for table, frame in tables.items() for name in _not_finite(table, frame)]
    absent = tables["rows"].filter(pl.col("error").is_not_null())
    reasons = [f"{name}: {error}" for name, error in absent.select("name", "error").iter_rows()]
    compared = tables["rows"].height - absent.height
    found = f"{compared} of {tables['rows'].height} methods compared" + "".join(f"; {reason}" for reason in reasons)
    return [
        holds("measures_finite", not wrong, ", ".join(wrong) or f"{compared} subsets measured"),
        warns("every_method_present", not reasons, found),
    ]


def _not_finite(table: str, frame: pl.DataFrame) -> list[str]:
    """Return the columns that hold a NaN or an infinity; a null is no number and no fault."""
    return [f"{table}.{column.name}" for column in frame.select(cs.float()) if not column.is_finite().all()]

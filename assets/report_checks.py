"""Checks of selection_report."""

from collections.abc import Mapping

import polars as pl
import polars.selectors as cs

from assets.checks import Result, holds, warns

REPORT_CHECKS = {"measures_finite": "no measure is NaN or infinite"}
REPORT_WARNINGS = {
    "every_method_present": "every method has a subset, chosen from the pool and the annotations as they are"
}


def report_checks(tables: Mapping[str, pl.DataFrame], instead: Mapping[str, str]) -> list[Result]:
    """Check a new comparison.

    Args:
        tables: of the comparison, with one line in "rows" for each method.
        instead: methods that the comparison ran itself as baselines, with the reason why their subset could not serve.
    """
    wrong = [name for table, frame in tables.items() for name in _not_finite(table, frame)]
    absent = tables["rows"].filter(pl.col("error").is_not_null())
    reasons = [f"{name}: {error}" for name, error in absent.select("name", "error").iter_rows()]
    reasons += [f"{method}: chosen by the comparison itself, the subset was {why}" for method, why in instead.items()]
    methods, compared = tables["rows"]["method"].n_unique(), tables["rows"].height - absent.height
    found = "; ".join([f"{compared} of {methods} methods compared", *reasons])
    return [
        holds("measures_finite", not wrong, ", ".join(wrong) or f"{compared} subsets measured"),
        warns("every_method_present", not reasons, found),
    ]


def _not_finite(table: str, frame: pl.DataFrame) -> list[str]:
    """Return the columns that hold a NaN or an infinity; a null is no number and no fault."""
    return [f"{table}.{column.name}" for column in frame.select(cs.float()) if not column.is_finite().all()]

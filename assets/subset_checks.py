"""Checks of the subsets and of their exports."""

from typing import Any

import polars as pl

from assets.checks import Result, holds

SUBSET_CHECKS = {
    "budget_met": "as many rows as the budget asks for, or a reason why not",
    "row_id_unique": "no row twice, ranks 1 to k",
    "rows_in_pool": "every row is a row of the pool",
}
EXPORT_CHECKS = {"reread_count": "the exported file holds as many rows as the subset"}


def subset_checks(rows: pl.DataFrame, pool: pl.LazyFrame, info: dict[str, Any]) -> list[Result]:
    """Check a new subset.

    Args:
        rows: the subset.
        pool: what it was chosen from.
        info: what `choose_subset` says of it.
    """
    unique = rows["row_id"].n_unique() == rows.height and rows["rank"].to_list() == list(range(1, rows.height + 1))
    outside = rows.lazy().join(pool, on=["row_id", "source", "origin"], how="anti").select(pl.len()).collect().item()
    return [
        _budget_check(rows.height, info),
        holds("row_id_unique", unique, f"{rows['row_id'].n_unique()} ids in {rows.height} rows"),
        holds("rows_in_pool", not outside, f"{outside} rows are not in the pool"),
    ]


def export_checks(written: int, reread: int) -> list[Result]:
    """Check an export: rows handed over against rows read back."""
    return [holds("reread_count", written == reread, f"{reread} rows read back of {written}")]


def _budget_check(taken: int, info: dict[str, Any]) -> Result:
    k, short = info["k"], info["shortfall"]
    if taken > k and info["options"].get("strict_reference"):
        return holds("budget_met", True, f"{taken} rows for {k}: strict_reference keeps the last batch whole")
    met = taken == k or (taken < k and bool(short))
    return holds("budget_met", met, f"{taken} rows of {k}" + (f": {short}" if short else ""))

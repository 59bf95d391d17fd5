"""Checks of the subsets and of their exports."""

from typing import Any

import polars as pl

from assets.checks import Result, holds
from mig_dagster.export.bundle import Bundle
from mig_dagster.export.consumers import DryRun
from mig_dagster.stages.dry_run import dry_run_of

SUBSET_CHECKS = {
    "budget_met": "as many rows as the budget asks for, or a reason why not; no more tokens than it allows",
    "row_id_unique": "no row twice, ranks 1 to k",
    "rows_in_pool": "every row is a row of the pool",
}
EXPORT_CHECKS = {
    "reread_count": "every exported file, read back, holds the subset's rows in their order",
    "no_row_lost": "no trainer that is exported for would leave a row out, or stop at one",
}


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


def export_checks(bundle: Bundle, rows: pl.DataFrame) -> list[Result]:
    """Check an export before it takes its place: rows handed over against rows read back, and what trainers keep.

    Args:
        bundle: what was built.
        rows: what was handed over, by rank.
    """
    files = bundle.files
    counts = [("train.jsonl", files.reread, files.rows, True)]
    counts += [(each.format, each.reread, each.written, each.whole) for each in bundle.exports]
    lost = [name for name, reread, written, whole in counts if reread != written or not whole]
    found = f"{files.reread} rows read back of {files.rows}" if not lost else f"rows differ in {', '.join(lost)}"
    counted = holds("reread_count", not lost, found)
    if lost:
        return [counted, holds("no_row_lost", False, "not looked at: what was written does not read back")]
    return [counted, _loss_check([dry_run_of(each, rows) for each in bundle.exports])]


def _loss_check(runs: list[DryRun]) -> Result:
    losing = [run for run in runs if run.lost]
    said = [run.sentence() for run in losing or runs]
    return holds("no_row_lost", not losing, "; ".join(said) or "exported for no trainer")


def _budget_check(taken: int, info: dict[str, Any]) -> Result:
    if tokens := info["tokens"]:
        used = tokens["used"][tokens["counted"]]
        return holds("budget_met", used <= tokens["asked"], f"{used} of {tokens['asked']} {tokens['counted']}")
    k, short = info["k"], info["shortfall"]
    if taken > k and info["options"].get("strict_reference"):
        return holds("budget_met", True, f"{taken} rows for {k}: strict_reference keeps the last batch whole")
    met = taken == k or (taken < k and bool(short))
    return holds("budget_met", met, f"{taken} rows of {k}" + (f": {short}" if short else ""))

"""Checks of the subsets and of their exports."""

from collections.abc import Collection, Mapping
from typing import Any

import polars as pl

from assets import metadata as shown
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
    "no_row_lost": "no trainer that is exported for would stop at a row, or lose one for a reason that is not in "
    "`may_leave_out`",
}
LISTED = 50
"""Lost rows that the UI shows of an export; `mig-dagster check-export --output` writes all of them."""


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


def export_checks(bundle: Bundle, rows: pl.DataFrame, may_leave_out: Collection[str] = ()) -> list[Result]:
    """Check an export before it takes its place: rows handed over against rows read back, and what trainers keep.

    Args:
        bundle: what was built.
        rows: what was handed over, by rank.
        may_leave_out: reasons for which a trainer may lose rows.
    """
    files = bundle.files
    counts = [("train.jsonl", files.reread, files.rows, True)]
    counts += [(each.format, each.reread, each.written, each.whole) for each in bundle.exports]
    lost = [name for name, reread, written, whole in counts if reread != written or not whole]
    found = f"{files.reread} rows read back of {files.rows}" if not lost else f"rows differ in {', '.join(lost)}"
    counted = holds("reread_count", not lost, found)
    if lost:
        return [counted, holds("no_row_lost", False, "not looked at: what was written does not read back")]
    runs = {each.format: dry_run_of(each, rows) for each in bundle.exports}
    return [counted, _loss_check(runs, rows, may_leave_out)]


def _loss_check(runs: Mapping[str, DryRun], rows: pl.DataFrame, accepted: Collection[str]) -> Result:
    refused = {form: run.refused(accepted) for form, run in runs.items()}
    losing = [form for form, lines in refused.items() if lines.height]
    if not losing:
        found = "; ".join(run.sentence() for run in runs.values())
        return holds("no_row_lost", True, found or "exported for no trainer")
    found = " ".join(f"{runs[form].sentence()}. {_remedy(form, runs[form])}" for form in losing)
    lines = [refused[form].select(pl.lit(form).alias("format"), "rank", "reason", "detail") for form in losing]
    named = pl.concat(lines).join(rows.select("rank", "source", "origin", "row_id"), on="rank").sort("rank", "format")
    return holds("no_row_lost", False, found, shown={"lost_rows": shown.preview(named, LISTED)})


def _remedy(form: str, run: DryRun) -> str:
    """Return what a person can do about rows that a trainer would lose."""
    reasons = sorted(set(run.dropped["reason"]))
    without = f"leave {form} out of formats"
    if "stops" not in run.dropped["effect"]:
        without += f", or name {' and '.join(reasons)} in may_leave_out to publish without these rows"
    return (
        f"Either {without}: in the Launchpad for one run, under subset_export in the options file for all; or mend the "
        f"rows in their source. `mig-dagster check-export SUBSET --for {form} --output FOLDER` lists every one."
    )


def _budget_check(taken: int, info: dict[str, Any]) -> Result:
    if tokens := info["tokens"]:
        used = tokens["used"][tokens["counted"]]
        return holds("budget_met", used <= tokens["asked"], f"{used} of {tokens['asked']} {tokens['counted']}")
    k, short = info["k"], info["shortfall"]
    if taken > k and info["options"].get("strict_reference"):
        return holds("budget_met", True, f"{taken} rows for {k}: strict_reference keeps the last batch whole")
    met = taken == k or (taken < k and bool(short))
    return holds("budget_met", met, f"{taken} rows of {k}" + (f": {short}" if short else ""))

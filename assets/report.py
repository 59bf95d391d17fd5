"""The methods side by side: the comparison as data, and a page of figures."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import dagster as dg
import polars as pl

from assets.automation import DEPTH_OF_COLLECTORS, on_pool_change
from assets.declare import pool_asset
from assets.method_inputs import pool_frames, tables_of
from assets.progress import logged
from assets.recorded import Outcome, inputs_of
from assets.report_checks import REPORT_CHECKS, REPORT_WARNINGS, report_checks
from assets.report_metadata import report_metadata
from assets.report_page import publish_page
from assets.subsets import subsets
from mig_dagster.annotations.token_counts import TokenCounter
from mig_dagster.report.inputs import ReportPool
from mig_dagster.selection import METHODS
from mig_dagster.stages.align import PoolFrames
from mig_dagster.stages.compare.comparison import COMPARISON_SCHEMAS, ROWS_SCHEMA, Compared, compare_subsets
from mig_dagster.stages.report.inputs import report_inputs
from mig_dagster.stages.report.pool import report_pool, with_tokens
from mig_dagster.stages.row_signals import SIGNALS
from mig_dagster.stages.stored_frames import scan_signal, stored_duplicates
from mig_dagster.stages.token_signal import counted_by
from mig_dagster.storage import Manifest
from resources.home import MigHome
from resources.models import Models

_READ = ["pool", "tags", "label_vocabulary", "quality_scores", "label_graph", "row_embeddings", "raw_pool"]
"""What the measures are made from."""
_ABOUT = "mig_subset"
"""The subset that the page is about, where it is there."""
_STORED = {table: [name for name in schema if name != "seconds"] for table, schema in COMPARISON_SCHEMAS.items()}
"""All but the time that a method took: that is in the ledger, and the same choice again is the same report."""


@pool_asset(
    "report",
    kinds={"polars", "pytorch"},
    code_version="1",
    blocking=REPORT_CHECKS,
    warning=REPORT_WARNINGS,
    pool="gpu",
    deps=subsets,
    tables=tables_of(_READ),
    inputs=_READ,
    condition=on_pool_change(depth=DEPTH_OF_COLLECTORS),
)
def selection_report(context: dg.AssetExecutionContext, home: MigHome, models: Models, **inputs: Any) -> Outcome:
    """Every method's subset under the measures of all, what they share, and what random choices of that size give."""
    read = inputs_of(context)
    beside = _beside(home, read)
    made, absent = _subsets(home, {**read, **{each.name: each.data_version for each in beside}})
    subsets = [_compared(home, manifest) for manifest in made]
    frames = _with_signals(home, pool_frames(inputs), beside)
    count_tokens = TokenCounter(models.sentence_encoder())
    tokenizer = counted_by(beside)
    pool = with_tokens(_pool(home, frames, read["pool"], made), frames, count_tokens, tokenizer)
    tables = compare_subsets(
        frames,
        subsets,
        count_tokens=count_tokens,
        tokenizer=tokenizer,
        pool=pool,
        device=models.selection_device,
        on_progress=logged(context.log.info, "subsets and random draws measured"),
    )
    instead = {method: why for method, why in absent.items() if method in tables["rows"]["method"]}
    tables["rows"] = pl.concat([tables["rows"], _error_lines(absent.items() - instead.items())])
    read |= {manifest.asset: manifest.data_version for manifest in made}
    stored = {table: tables[table].select(names) for table, names in _STORED.items()}
    manifest = home.lake.write("selection_report", stored, values=_STORED, inputs=read)
    checks, shown = report_checks(tables, instead), report_metadata(tables)
    # A page of numbers that are wrong is not put in the place of the one before.
    if subsets and all(check.passed for check in checks if check.check_name in REPORT_CHECKS):
        tell = logged(context.log.info, "figures drawn")
        shown = publish_page(home, "selection_report", report_inputs(pool, subsets, _ABOUT), read, tell) | shown
    return Outcome.of(manifest, checks, shown)


def _pool(home: MigHome, frames: PoolFrames, version: str, made: Iterable[Manifest]) -> ReportPool:
    """Return the pool as measures and figures take it; what its scores are is what the subsets say that read them."""
    scales = (each.info["scale"] for each in made if each.info.get("scale"))
    return report_pool(frames, duplicates=stored_duplicates(home.lake, version), scale=next(scales, ""))


def _with_signals(home: MigHome, frames: PoolFrames, beside: Iterable[Manifest]) -> PoolFrames:
    """Add the signals that methods read and no measure is made from: figures show them."""
    found: dict[str, list[Manifest]] = {}
    for manifest in beside:
        found.setdefault(manifest.asset, []).append(manifest)
    signals: dict[str, Any] = {name: scan_signal(home.lake, versions) for name, versions in found.items()}
    return replace(frames, **signals)


def _subsets(home: MigHome, now: Mapping[str, str]) -> tuple[list[Manifest], dict[str, str]]:
    """Return the current subset of every method, and why a method has none chosen from what there is now."""
    made, absent = [], {}
    for method in sorted(METHODS):
        manifest = home.lake.current(f"{method}_subset")
        if manifest is None:
            absent[method] = f"never made: materialise {method}_subset"
        elif others := _other_versions(manifest.inputs, now):
            absent[method] = f"chosen from other versions of {', '.join(others)}: materialise {method}_subset again"
        else:
            made.append(manifest)
    return made, absent


def _beside(home: MigHome, read: Mapping[str, str]) -> list[Manifest]:
    """Return the current versions of the signals that methods read and no measure is made from."""
    sources = [name.partition("/")[2] for name in read if name.startswith("raw_pool/")]
    wanted = [(signal, source) for signal in SIGNALS if signal not in _READ for source in sources]
    return [each for each in home.lake.current_versions(wanted) if each is not None]


def _other_versions(chosen_from: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Return the assets of which a subset was chosen from another version than there is now, or without a source.

    Rows of another pool may be lost, and scores on another scale make another choice: measured with what was read here,
    such a subset would be compared with something that it was not made for. What a method does not read may differ.
    """
    its_own = {"pool", *(name.partition("/")[0] for name in chosen_from)}
    changed = {name.partition("/")[0] for name, version in now.items() if chosen_from.get(name) != version}
    return sorted(its_own & changed)


def _error_lines(absent: Iterable[tuple[str, str]]) -> pl.DataFrame:
    lines = [{"name": f"{method}_subset", "method": method, "error": why} for method, why in sorted(absent)]
    return pl.DataFrame(lines, schema=ROWS_SCHEMA)


def _compared(home: MigHome, manifest: Manifest) -> Compared:
    rows = home.lake.scan_versions([manifest]).collect()
    runs = home.ledger.read("runs", manifest.asset).filter(pl.col("data_version") == manifest.data_version)
    seconds = runs["seconds"].drop_nulls()
    return Compared.of(manifest.asset, rows, manifest.info, seconds[-1] if len(seconds) else None)

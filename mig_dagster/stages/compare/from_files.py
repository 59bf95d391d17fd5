"""Files in, every method's subset of the same pool compared, without Dagster."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from mig_dagster.annotations.cache import FragmentCache
from mig_dagster.annotations.token_counts import TokenCounter
from mig_dagster.report.inputs import ReportPool
from mig_dagster.selection import METHODS
from mig_dagster.sources import Source
from mig_dagster.stages.budget import check_budget, tokens_of
from mig_dagster.stages.budgeted import inputs_within
from mig_dagster.stages.compare.comparison import BASELINES, Compared, compare_subsets
from mig_dagster.stages.compare.files import REPORT, shortfalls, write_comparison
from mig_dagster.stages.devices import selection_device
from mig_dagster.stages.file_pool import FilePool, OnStep, file_pool
from mig_dagster.stages.pool_options import PoolOptions
from mig_dagster.stages.report.files import write_report
from mig_dagster.stages.report.inputs import report_inputs
from mig_dagster.stages.report.pool import report_pool, scale_or_none, with_tokens
from mig_dagster.stages.select_files import check_folder, check_method, choosing, mixed_annotators
from mig_dagster.stages.stored_frames import stored_duplicates
from mig_dagster.stages.subset import check_null_share, choose_subset
from mig_dagster.stages.token_signal import counted_by
from mig_dagster.storage import Lake

ABOUT = "mig"
"""The method that the report is about, where it is among those compared."""

MEASURED = ("tags", "quality_scores", "label_graph", "row_embeddings")
"""What the measures of a comparison are made from, whatever the methods read."""


@dataclass
class Comparison:
    """What `compare_files` made.

    Attributes:
        tables: as `comparison.compare_subsets` gives them, and `subsets`: every row that was chosen.
        budget: as it was asked for.
        pool_rows: rows of the pool.
        failures: why a method or a baseline failed, by method.
        warnings: what the methods warn of, by method.
        records: counts of each source: records, accepted, rejected by reason, blank.
        duplicates: rows left out because another one stands for them.
        lacking: why measures are null.
    """

    tables: dict[str, pl.DataFrame]
    budget: str
    pool_rows: int
    failures: Mapping[str, str]
    warnings: Mapping[str, Sequence[str]]
    records: Mapping[str, Mapping[str, Any]]
    duplicates: int
    lacking: Sequence[str] = ()


@dataclass
class _Chosen:
    """What the methods gave, as far as they got."""

    subsets: list[Compared] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)
    warnings: dict[str, list[str]] = field(default_factory=dict)


def compare_files(
    sources: Sequence[Source],
    output: Path,
    *,
    methods: Sequence[str] | None,
    budget: str,
    settings: Mapping[str, Mapping[str, Any]],
    options: PoolOptions,
    cache: FragmentCache,
    lake: Lake,
    models: Path,
    on_progress: OnStep,
) -> Comparison:
    """Run methods on the rows of some sources, compare what they choose, and write the comparison and its report.

    A method that fails does not end the others: why it failed is in the table.

    Args:
        sources: what to read; names must differ.
        output: folder for the result; made when missing.
        methods: names in `METHODS`; None is all of them.
        budget: rows, a share of the pool, or tokens, as `50k`, `5%` or `20Mtok`; under one in tokens the baselines are
            among the methods, as theirs is the same budget then.
        settings: options of methods, by method.
        options: everything before the methods.
        cache: what models said before is not computed again.
        lake: where the pool is kept; one that is there already takes no more room.
        models: folder where language models that were trained on pools are kept.
        on_progress: told what is being done.

    Raises:
        SourceFileError: a file cannot be read.
        ValueError: `output` is a file, no row was accepted, or a method or an option is wrong.
    """
    names = _names(methods, budget)
    for name in names:
        check_method(name, settings.get(name, {}), options)
    if idle := sorted(set(settings) - set(names)):
        raise ValueError(f"options were given for {idle[0]}, which is not compared; compared: {', '.join(names)}")
    check_null_share(options.max_null_share)
    check_budget(budget)
    check_folder(output, "the comparison is a folder of several files")
    needed = {read for name in names for read in inputs_within(name, budget)}
    pool = file_pool(
        sources,
        needed,
        measured=MEASURED,
        options=options,
        cache=cache,
        lake=lake,
        models=models,
        on_progress=on_progress,
    )
    chosen = _choose(pool, names, budget, settings, options, on_progress)
    given = _report_pool(pool, on_progress)
    tables = _measured(pool, given, chosen, options, on_progress)
    made = Comparison(
        tables,
        budget,
        pool.frames.pool.select(pl.len()).collect().item(),
        dict(tables["rows"].drop_nulls("error").select("name", "error").iter_rows()),
        chosen.warnings,
        pool.records,
        pool.duplicates,
        pool.notes,
    )
    write_comparison(output, made.tables, notes_of(made))
    if chosen.subsets:
        drawn = partial(on_progress, "drawing figures")
        write_report(output / REPORT, report_inputs(given, chosen.subsets, ABOUT), pool.inputs, drawn)
    return made


def _names(methods: Sequence[str] | None, budget: str) -> list[str]:
    """Return what is compared; under a budget in tokens the baselines too, as those made for rows spend other sums."""
    asked = sorted(METHODS) if methods is None else list(methods)
    return list(dict.fromkeys([*asked, *(BASELINES if tokens_of(budget) else ())]))


def _choose(
    pool: FilePool,
    names: Sequence[str],
    budget: str,
    settings: Mapping[str, Mapping[str, Any]],
    options: PoolOptions,
    on_progress: OnStep,
) -> _Chosen:
    """Run one method after the other."""
    chosen = _Chosen()
    for number, name in enumerate(names, 1):
        if lacking := [pool.lacking[each] for each in inputs_within(name, budget) if each in pool.lacking]:
            chosen.failures[name] = "; ".join(lacking)
            continue
        try:
            subset = choose_subset(
                name,
                pool.frames,
                budget=budget,
                settings=settings.get(name, {}),
                device=selection_device(options),
                max_null_share=options.max_null_share,
                notes=mixed_annotators(name, pool, options),
                on_progress=choosing(f"{name} ({number} of {len(names)})", on_progress),
            )
        # The comparison's purpose is to hold every method that works; what went wrong is shown, and the exit code 1.
        except Exception as problem:
            chosen.failures[name] = f"{type(problem).__name__}: {problem}"
        else:
            chosen.subsets.append(Compared.of(name, subset.rows, subset.info, subset.seconds))
            chosen.warnings |= {name: subset.info["warnings"]} if subset.info["warnings"] else {}
    return chosen


def _report_pool(pool: FilePool, on_progress: OnStep) -> ReportPool:
    """Return the pool as measures and figures take it."""
    on_progress("measuring", 0, None)
    duplicates = stored_duplicates(pool.lake, pool.inputs["pool"])
    given = report_pool(pool.frames, duplicates=duplicates, scale=scale_or_none(pool.signals))
    return with_tokens(given, pool.frames, TokenCounter(pool.encoder))


def _measured(
    pool: FilePool, given: ReportPool, chosen: _Chosen, options: PoolOptions, on_progress: OnStep
) -> dict[str, pl.DataFrame]:
    """Return the tables of a comparison."""
    tables = compare_subsets(
        pool.frames,
        chosen.subsets,
        count_tokens=TokenCounter(pool.encoder),
        tokenizer=counted_by(pool.signals),
        pool=given,
        failures=chosen.failures,
        device=selection_device(options),
        on_progress=lambda done, total: on_progress("measuring", done, total),
    )
    return tables | {"subsets": subsets_table(chosen.subsets)}


def subsets_table(subsets: Sequence[Compared]) -> pl.DataFrame:
    """Return which rows each subset holds: `name`, `rank`, `row_id`, `source`, `origin`, `gain`."""
    columns = ("rank", "row_id", "source", "origin", "gain")
    schema = {"rank": pl.Int64, "row_id": pl.String, "source": pl.String, "origin": pl.String, "gain": pl.Float64}
    frames = [subset.rows.select(columns).select(pl.lit(subset.name).alias("name"), *columns) for subset in subsets]
    return pl.concat([pl.DataFrame(schema={"name": pl.String, **schema}), *frames])


def notes_of(made: Comparison) -> list[str]:
    """Return what a reader of the tables has to know beside them, one sentence or more a note."""
    records = sum(counts["records"] for counts in made.records.values())
    rejected = sum(sum(counts["rejected"].values()) for counts in made.records.values())
    notes = [
        f"Pool: {made.pool_rows:,} rows of {records:,} records from {len(made.records)} sources; {rejected:,} records "
        f"rejected, {made.duplicates:,} duplicates left out. Budget: {made.budget}."
    ]
    notes += [f"Measures of labels are null: {reason}." for reason in made.lacking]
    notes += [f"`{name}` failed: {error}" for name, error in made.failures.items()]
    notes += [f"`{name}` fell short: {shortfall}." for name, shortfall in shortfalls(made.tables).items()]
    notes += [f"`{name}` warns: {warning}" for name, found in made.warnings.items() for warning in found]
    return notes

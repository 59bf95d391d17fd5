"""Files in, one subset's folder out, without Dagster."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from mig_dagster.annotations.cache import FragmentCache
from mig_dagster.export import SubsetFiles, write_subset
from mig_dagster.export.citations import published_at
from mig_dagster.selection import METHODS, reads
from mig_dagster.sources import Source
from mig_dagster.stages.budget import check_budget
from mig_dagster.stages.budgeted import inputs_within
from mig_dagster.stages.devices import selection_device
from mig_dagster.stages.file_pool import FILE_POOLS, FilePool, OnStep, file_pool
from mig_dagster.stages.fingerprints import check_annotators, signals_behind
from mig_dagster.stages.pool_options import PoolOptions
from mig_dagster.stages.row_signals import indicators_read
from mig_dagster.stages.scale import annotators_of
from mig_dagster.stages.signals import check_indicators
from mig_dagster.stages.stored_subset import SUFFIX, kept_in
from mig_dagster.stages.subset import check_null_share, choose_subset, method_options
from mig_dagster.stages.subset_files import selection_lock, shard_digests, with_conversations
from mig_dagster.storage import Lake, Manifest


@dataclass(frozen=True)
class Selected:
    """What `select_files` made.

    Attributes:
        files: the folder that was written.
        info: what `choose_subset` says of the subset.
        records: counts of each source: records, accepted, rejected by reason, blank.
        duplicates: rows left out because another one stands for them.
    """

    files: SubsetFiles
    info: Mapping[str, Any]
    records: Mapping[str, Mapping[str, Any]]
    duplicates: int


def select_files(
    sources: Sequence[Source],
    output: Path,
    *,
    method: str,
    budget: str,
    settings: Mapping[str, Any],
    options: PoolOptions,
    cache: FragmentCache,
    lake: Lake,
    models: Path,
    on_progress: OnStep,
) -> Selected:
    """Choose from the rows of some sources and write the subset's folder.

    Args:
        sources: what to read; names must differ.
        output: folder for the result; made when missing.
        method: a name in `METHODS`.
        budget: rows, a share of the pool, or tokens, as `50k`, `5%` or `20Mtok`.
        settings: options of the method.
        options: everything before the method.
        cache: what models said before is not computed again.
        lake: where the pool and the subset are kept, to be explained and verified later.
        models: folder where language models that were trained on pools are kept.
        on_progress: told what is being done.

    Raises:
        SourceFileError: a file cannot be read.
        ValueError: `output` is a file, no row was accepted, an option is wrong, the method reads what nothing makes,
            several annotators give a signal it reads, or too many rows lack one.
    """
    check_method(method, settings, options)
    check_null_share(options.max_null_share)
    check_budget(budget)
    check_folder(output, "the subset is a folder of several files")
    needed = inputs_within(method, budget)
    pool = file_pool(sources, needed, options=options, cache=cache, lake=lake, models=models, on_progress=on_progress)
    if lacking := [pool.lacking[each] for each in needed if each in pool.lacking]:
        raise ValueError("; ".join(lacking))
    subset = choose_subset(
        method,
        pool.frames,
        budget=budget,
        settings=settings,
        device=selection_device(options),
        max_null_share=options.max_null_share,
        notes=mixed_annotators(method, pool, options),
        on_progress=choosing(method, on_progress),
    )
    kept = lake.write(f"{method}{SUFFIX}", subset.tables(), inputs=pool.inputs, info=subset.info)
    lock = _lock(output.resolve().name, kept, pool, options, sources)
    assert pool.frames.raw_pool is not None, "a pool of files has its conversations"
    rows = with_conversations(subset.rows.lazy(), pool.frames.raw_pool)
    files = write_subset(output, rows, lock=lock, reasons=subset.reasons["reasons"])
    return Selected(files, subset.info, pool.records, pool.duplicates)


def check_method(method: str, settings: Mapping[str, Any], options: PoolOptions) -> None:
    """Refuse what cannot be meant before an hour of annotation.

    Raises:
        ValueError: there is no such method, it has no such option, or it reads an indicator that nothing measures.
    """
    defaults = {name: default for name, (_, default) in method_options(method, settings).items()}
    if "indicators" in reads(METHODS[method]):
        check_indicators(indicators_read(defaults | dict(settings)) or (), options)


def check_folder(output: Path, what: str) -> None:
    """Refuse an output that is a file.

    Raises:
        ValueError: it is one.
    """
    if output.exists() and not output.is_dir():
        raise ValueError(f"{output} is a file; name a folder: {what}")


def mixed_annotators(method: str, pool: FilePool, options: PoolOptions) -> list[str]:
    """Return which signals that a method reads several annotators gave, where the options accept that.

    Raises:
        ValueError: they do not.
    """
    behind = signals_behind(reads(METHODS[method]))
    read = (manifest for manifest in pool.signals if manifest.asset in behind)
    return check_annotators(read, accept=options.accept_mixed_annotators)


def choosing(method: str, on_progress: OnStep) -> Any:
    """Say that a method begins, and return what it tells of its progress."""
    what = f"choosing by {method}"
    on_progress(what, 0, None)
    return partial(on_progress, what)


def _lock(name: str, kept: Manifest, pool: FilePool, options: PoolOptions, sources: Sequence[Source]) -> dict[str, Any]:
    quality = options.quality_scores
    scored = "quality_scores" in reads(METHODS[kept.info["method"]])
    lock = selection_lock(
        name,
        kept.info,
        kept=kept_in(kept, FILE_POOLS),
        inputs=pool.inputs,
        shards=shard_digests(pool.lake, kept),
        annotators=annotators_of(pool.signals),
        licences={source.name: source.licence for source in sources},
        scorer=f"{quality.scorer}, {quality.aggregation}" if scored else "not used",
        pool_options={name: value for name, value in asdict(options).items() if name != "subset_export"},
    )
    return lock | {"published_at": published_at({source.name: source.uri for source in sources})}

"""The report of subsets that were chosen before, by the names that users know them by."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from mig_dagster.stages.compare.comparison import Compared
from mig_dagster.stages.file_pool import OnStep
from mig_dagster.stages.report.files import ReportFiles, write_report
from mig_dagster.stages.report.inputs import report_inputs
from mig_dagster.stages.report.pool import report_pool, scale_or_none, with_tokens
from mig_dagster.stages.row_signals import SIGNALS
from mig_dagster.stages.select_files import check_folder
from mig_dagster.stages.stored_frames import stored_duplicates, stored_frames, stored_manifests
from mig_dagster.stages.stored_subset import StoredSubset
from mig_dagster.stages.token_signal import counted_by
from mig_dagster.stages.wide_inputs import CountTokens

_LABEL_SPACE = ("label_vocabulary", "label_graph")


def report_subsets(
    subsets: Sequence[StoredSubset], output: Path, *, count_tokens: CountTokens, on_progress: OnStep
) -> ReportFiles:
    """Write the report of some stored subsets into a folder.

    The pool is measured with what the first was chosen from, then with what the others were, then with what there is.

    Args:
        subsets: of one pool, the one that the report is about first.
        output: folder for the page and its tables.
        count_tokens: used on the rows of the pool.
        on_progress: told what is being done.

    Raises:
        ValueError: they are of several pools, or `output` is a file.
        LookupError: a version is not there any more.
    """
    check_folder(output, "the report is a page and its tables")
    lake, inputs = subsets[0].lake, shared_inputs(subsets)
    on_progress("reading the pool", 0, None)
    frames = stored_frames(lake, inputs, beside=SIGNALS)
    manifests = [each for found in stored_manifests(lake, inputs).values() for each in found]
    pool = report_pool(frames, duplicates=stored_duplicates(lake, inputs["pool"]), scale=scale_or_none(manifests))
    on_progress("counting tokens", 0, None)
    pool = with_tokens(pool, frames, count_tokens, counted_by(manifests))
    given = report_inputs(pool, [_compared(subset) for subset in subsets])
    made_from = inputs | {subset.manifest.asset: subset.manifest.data_version for subset in reversed(subsets)}
    return write_report(output, given, made_from, lambda done, total: on_progress("drawing figures", done, total))


def shared_inputs(subsets: Sequence[StoredSubset]) -> dict[str, str]:
    """Return the versions that subsets were chosen from, those of the first before all others.

    Raises:
        ValueError: they are of several pools.
    """
    first = subsets[0]
    for other in subsets[1:]:
        same = other.lake.store.root == first.lake.store.root
        if not same or other.manifest.inputs["pool"] != first.manifest.inputs["pool"]:
            raise ValueError(
                f"{other.name} was chosen from another pool than {first.name}: a report compares choices from one "
                "pool, so choose it again from that pool, or make a report of its own"
            )
    inputs = {name: version for each in reversed(subsets) for name, version in each.manifest.inputs.items()}
    if "label_vocabulary" in inputs or "label_graph" in inputs:
        return inputs
    # Methods that read no tags say nothing of the labels: what is published now serves.
    now = [lake_now for lake_now in first.lake.current_versions([(name, None) for name in _LABEL_SPACE]) if lake_now]
    return inputs | {manifest.name: manifest.data_version for manifest in now}


def _compared(subset: StoredSubset) -> Compared:
    name = subset.name if subset.folder is None else subset.folder.resolve().name
    info: Mapping[str, object] = subset.info
    return Compared.of(name, subset.rows, info)

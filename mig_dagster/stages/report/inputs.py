"""Subsets of one pool as a report takes them."""

from collections.abc import Sequence

from mig_dagster.report.inputs import ReportInputs, ReportPool, ReportSubset
from mig_dagster.stages.compare.comparison import Compared, places_of


def report_inputs(pool: ReportPool, subsets: Sequence[Compared], about: str | None = None) -> ReportInputs:
    """Return what a report is made from.

    Args:
        pool: the pool that all were chosen from.
        subsets: at least one, names all different, each with its `info`.
        about: name of the subset that the report is about; None, or one that is not there, is the first.

    Raises:
        ValueError: there is no subset, two have one name, or one holds a row that is not in the pool.
    """
    names = [subset.name for subset in subsets]
    if not names:
        raise ValueError("a report is about a subset, and there is none: choose one first")
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"two subsets are named {repeated[0]!r}: names tell subsets apart, rename one of them")
    ordered = sorted(subsets, key=lambda subset: subset.name != about)
    return ReportInputs(pool, [_subset(pool, subset) for subset in ordered])


def _subset(pool: ReportPool, subset: Compared) -> ReportSubset:
    gains = subset.rows["gain"].to_numpy()
    return ReportSubset(subset.name, subset.method, places_of(pool.rows, subset), gains, subset.info)

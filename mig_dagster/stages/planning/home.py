"""The plan of a home: its sources, by its options, with what automation may spend on each without asking."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from mig_dagster.sources import Source
from mig_dagster.sources.discovery import Discovered
from mig_dagster.stages.held import hours_allowed
from mig_dagster.stages.planning.measure import measure_rates
from mig_dagster.stages.planning.planner import planner
from mig_dagster.stages.pool_options import PoolOptions
from mig_dagster.stages.row_signals import SIGNALS
from mig_dagster.storage import Lake

OnProgress = Callable[[str, int, int | None], None]
"""Called with (what is being done, how many are done, how many there are)."""


def plan_home(
    lake: Lake,
    options: PoolOptions,
    sources: Sequence[str],
    discovered: Discovered,
    declared: Mapping[str, Source],
    *,
    signals: Sequence[str] | None = None,
    measure: bool = False,
    on_progress: OnProgress,
) -> dict[str, Any]:
    """Return the plan of some sources, JSON-ready; without `measure` nothing is computed and nothing is written.

    Args:
        lake: of the home.
        options: of the runs that are planned.
        sources: names.
        discovered: the log of discovered and held sources.
        declared: the sources of sources.yaml.
        signals: names of `SIGNALS`; None is all.
        measure: first time a sample of what was never measured on this device, and record how fast it was.
        on_progress: told of the progress.

    Raises:
        ValueError, ModelError, CacheError: as `planner` and `Planner.source`.
    """
    there = [name for name in sources if lake.current("raw_pool", name) is not None]
    if measure:
        measure_rates(lake, options, there, signals or SIGNALS)
    ours = planner(lake, options, signals or SIGNALS)
    registered = discovered.registered(declared)
    lines = []
    for name in there:
        plan = ours.source(name, on_signal=partial(_report, on_progress, name))
        limit = None
        if name in registered:
            limit = hours_allowed(registered[name], discovered, name in declared, options.max_gpu_hours)
        line = ours.document(plan)
        lines.append(line | {"max_gpu_hours": limit, "held": limit is not None and line["gpu_hours"] > limit})
    return {
        "device": ours.rates.device,
        "assets": list(ours.signals),
        "sources": lines,
        "not_read": [name for name in sources if name not in there],
        "notes": list(ours.notes),
        "total": _total(lines),
    }


def _report(on_progress: OnProgress, source: str, signal: str, done: int, rows: int) -> None:
    on_progress(f"planning {signal} of {source}", done, rows)


def _total(plans: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    names = ("rows", "items_missing", "tokens_missing", "hours", "gpu_hours")
    items = sum(line["items"] for plan in plans for line in plan["annotators"])
    return {name: sum(plan[name] for plan in plans) for name in names} | {"items": items}

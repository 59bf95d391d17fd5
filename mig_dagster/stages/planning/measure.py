"""Time a small sample of what was never measured on a device: minutes now, so that hours later come as no surprise."""

from collections.abc import Sequence
from tempfile import TemporaryDirectory
from uuid import uuid4

from mig_dagster.annotations.cache import FragmentCache
from mig_dagster.annotations.throughput import Throughput
from mig_dagster.lineage import Ledger
from mig_dagster.stages.annotate import row_batches
from mig_dagster.stages.planning.planner import Planner, annotators_for, planner
from mig_dagster.stages.pool_options import PoolOptions
from mig_dagster.storage import Lake, Store

SAMPLE_ROWS = 64


def measure_rates(lake: Lake, options: PoolOptions, sources: Sequence[str], signals: Sequence[str]) -> list[str]:
    """Annotate a few rows by every annotator that lacks values and was never measured, and record how fast it was.

    Nothing else is kept: the sample has a cache of its own, which goes when it is done.

    Args:
        lake: of the home; its ledger gets the measurements.
        options: of the runs that are planned.
        sources: names of sources with rows.
        signals: names of `row_signals.SIGNALS`.

    Returns:
        The signals that were timed.

    Raises:
        ModelError: a model cannot be had.
    """
    ours = planner(lake, options, signals)
    chosen: dict[str, str] = {}
    for source in sources:
        for signal in _unmeasured(ours, source):
            chosen.setdefault(signal, source)
    for signal, source in chosen.items():
        lines = _timed(lake, options, signal, source, ours.rates.device)
        Ledger(lake.store).record(
            "throughput", lines, asset=signal, partition=source, run_id=f"plan-{uuid4().hex[:12]}"
        )
    return list(chosen)


def _unmeasured(ours: Planner, source: str) -> list[str]:
    """Return the signals of a source that have something to compute at a rate that nobody knows."""
    bases: dict[str, set[str]] = {}
    for line in ours.source(source).lines:
        if line.missing:
            bases.setdefault(line.signal, set()).add(ours.rates.of(line.annotator).basis)
    return [signal for signal, found in bases.items() if "measured" not in found and "a server" not in found]


def _timed(lake: Lake, options: PoolOptions, signal: str, source: str, device: str) -> list[dict[str, object]]:
    rows = next(row_batches(lake.scan("raw_pool", source).head(SAMPLE_ROWS)))[0]
    speed = Throughput(device)
    with TemporaryDirectory(prefix="mig-dagster-") as scratch:
        cache = FragmentCache(Store(scratch))
        annotators = annotators_for(lake, options, cache, speed.on_tokens)
        with annotators.shelf:
            annotators.signal(signal).annotate(rows[:1])  # loads the weights
            speed.forget()
            annotators.signal(signal).annotate(rows)
    return speed.lines()

"""What the tests of many processes run in each of them, all let go at one moment."""

import multiprocessing
import traceback

import numpy as np
import polars as pl

from mig_dagster.annotations import Batch, FragmentCache
from mig_dagster.lineage import Ledger
from mig_dagster.storage import Lake, Store


def together(body, processes, *arguments):
    """Run `body(number, *arguments)` in processes that begin at the same moment; fail where one of them does."""
    context = multiprocessing.get_context("spawn")
    gate, said = context.Barrier(processes), context.Queue()
    running = [context.Process(target=_run, args=(body, gate, said, n, arguments)) for n in range(processes)]
    for process in running:
        process.start()
    told = [said.get(timeout=120) for _ in running]
    for process in running:
        process.join()
    assert told == [""] * processes, "\n".join(told)


def _run(body, gate, said, number, arguments):
    try:
        body(gate.wait, number, *arguments)
        said.put("")
    except BaseException:
        said.put(traceback.format_exc())
        raise


def finish(ready, number, roots, lines):
    """End as many runs as `lines` in each of some homes, one home after the other."""
    for root in roots:
        store = Store(root)
        ledger, cache, lake = Ledger(store), FragmentCache(store), Lake(store)
        ready()
        for line in range(lines):
            _end_a_run(ledger, cache, lake, number, line)


def _end_a_run(ledger, cache, lake, number, line):
    """Add to the ledger and to the cache, and publish a version of one asset."""
    run = f"run-{number}-{line}"
    batch = Batch({"score": np.array([float(number)])}, [None])
    cache.append("model", [f"{number:016x}{line:016x}"], batch)
    manifest = lake.write("pool", pl.DataFrame({"by": [number] * 50, "line": [line] * 50}), inputs={"run": run})
    row = {"rows": manifest.rows, "data_version": manifest.data_version}
    ledger.record("runs", [row], asset="pool", partition=None, run_id=run)
    ledger.record("runs", [row], asset="tags", partition=f"source{number}", run_id=run)
    lake.publish(manifest)


def make_a_source(ready, number, place, dagster_home, assets):
    """Materialise one partition in a run of its own, on one instance."""
    import dagster as dg

    from tests.dag.tiny import failure, materialise

    with dg.DagsterInstance.from_config(dagster_home) as instance:
        ready()
        result = materialise(place, instance, *assets, partition="maths")
        assert result.success, failure(result)

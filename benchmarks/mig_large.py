"""MIG at the size of the paper's Tulu3 run: CPU seconds, and peak memory above the loaded pool in a fresh process.

OMP_NUM_THREADS=1 python benchmarks/mig_large.py [n] [k]
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from measuring import measured, record
from mig_pool import LABELS, synthetic_pool
from scipy.sparse import csr_array, load_npz, save_npz

from mig_dagster.selection import mig

REPEATS = 3


def measure(folder: Path, k: int, gain: Any) -> dict[str, float]:
    """Load the pool, choose, and return time and memory; for a process that does nothing else."""
    tags, graph = (csr_array(load_npz(folder / f"{name}.npz")) for name in ("tags", "label_graph"))
    scores = np.load(folder / "quality_scores.npy", allow_pickle=False)
    chosen, run = measured(lambda: mig(k, tags=tags, quality_scores=scores, label_graph=graph, gain=gain))
    return {**run, "objective": float(chosen.objective or 0)}


def main(n: int = 939_000, k: int = 50_000) -> None:
    """Measure each rule in fresh processes and keep the best time and the worst memory."""
    results: dict[str, Any] = {"n": n, "m": LABELS, "k": k, "best_of": REPEATS}
    with tempfile.TemporaryDirectory() as folder:
        pool = synthetic_pool(n)
        for name in ("tags", "label_graph"):
            save_npz(Path(folder) / f"{name}.npz", pool[name], compressed=False)
        np.save(Path(folder) / "quality_scores.npy", pool["quality_scores"])
        for gain in ("gradient", "exact"):
            command = [sys.executable, __file__, "measure", folder, str(k), gain]
            runs = [json.loads(subprocess.check_output(command)) for _ in range(REPEATS)]
            worst = max(run["mb_above_input"] for run in runs)
            results[gain] = min(runs, key=lambda run: run["cpu_s"]) | {"mb_above_input": worst}
    record(__file__, results)


if __name__ == "__main__":
    if sys.argv[1:2] == ["measure"]:
        print(json.dumps(measure(Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4])))
    else:
        main(*map(int, sys.argv[1:]))

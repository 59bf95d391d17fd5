"""InsTag in one sweep against the passes it replaces: CPU seconds, the same rows, and memory above the loaded tags.

A tenth of a small pool, all of it (every smaller budget is a slice of that), and a budget like the MIG paper's from a
large one. Tags are those of two synthetic pools in one: 4.5 labels a row, as InsTag's own pool has. `passes` is
Algorithm 1 with Python sets and a new list of what is left after each pass, the best a plain loop does: its cost grows
with the number of passes, so with k. `instag` is the best of three.

    OMP_NUM_THREADS=1 python benchmarks/instag.py [n] [k]
"""

import json
import subprocess
import sys
import tempfile
from typing import Any

import numpy as np
from measuring import cpu_seconds, measured, record
from mig_pool import LABELS, synthetic_pool
from scipy.sparse import csr_array, diags_array, load_npz, save_npz

from mig_dagster.selection import instag

REPEATS = 3
SMALL = 50_000


def pool_tags(n: int) -> csr_array:
    """Return tags (n, m): one pool, and on every other row the labels of a second pool too."""
    other = diags_array((np.arange(n) % 2).astype(np.float32)) @ synthetic_pool(n, seed=1)["tags"]
    tags = csr_array(synthetic_pool(n)["tags"].maximum(other))
    tags.sum_duplicates()
    return tags


def passes(k: int, tags: csr_array) -> list[int]:
    """Run Algorithm 1 as printed, to the end of the last pass: every pass looks at all rows that are left."""
    sets = [set(labels.tolist()) for labels in np.split(tags.indices, tags.indptr[1:-1])]
    left = sorted(range(len(sets)), key=lambda row: -len(sets[row]))
    rows: list[int] = []
    while len(rows) < k:
        held: set[int] = set()
        skipped = []
        for row in left:
            if sets[row] <= held:
                skipped.append(row)
            else:
                held |= sets[row]
                rows.append(row)
        left = skipped
        if not held:
            rows += left
    return rows[:k]


def measure(path: str, k: int) -> dict[str, Any]:
    """Load the tags, choose, and return time, memory and rows; for a process that does nothing else."""
    tags = csr_array(load_npz(path))
    instag(2, tags=np.eye(3))  # what is loaded on first use is not the input's
    chosen, run = measured(lambda: instag(k, tags=tags))
    return {**run, "rows": chosen.rows.tolist()}


def compare(n: int, k: int) -> dict[str, Any]:
    """Run both on one pool and check that they choose the same rows in the same order."""
    tags = pool_tags(n)
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/tags.npz"
        save_npz(path, tags, compressed=False)
        command = [sys.executable, __file__, "measure", path, str(k)]
        runs = [json.loads(subprocess.check_output(command)) for _ in range(REPEATS)]
    loop, theirs = cpu_seconds(passes, k, tags)
    ours = min(run["cpu_s"] for run in runs)
    return {
        "n": n,
        "m": LABELS,
        "k": k,
        "labels_per_row": tags.nnz / n,
        "instag_cpu_s": ours,
        "instag_mb_above_input": max(run["mb_above_input"] for run in runs),
        "passes_cpu_s": loop,
        "ratio": loop / ours,
        "same_rows": all(run["rows"] == theirs for run in runs),
    }


def main(n: int = 1_000_000, k: int = 50_000) -> None:
    """Compare at three sizes."""
    cases = {"tenth": compare(SMALL, SMALL // 10), "whole": compare(SMALL, SMALL), "large": compare(n, k)}
    record(__file__, {"best_of": REPEATS, **cases})


if __name__ == "__main__":
    if sys.argv[1:2] == ["measure"]:
        print(json.dumps(measure(sys.argv[2], int(sys.argv[3]))))
    else:
        main(*map(int, sys.argv[1:]))

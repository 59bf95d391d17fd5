"""QDIT against the loop that scores every row at every step; then at sizes that loop cannot do, in fresh processes.

`naive` holds all n x n cosines and passes over them once a step, as the formula reads; its time leaves out making them.
The pool is like sentence embeddings of instruction data: sources, topics in them, near-copies; random pairs have a
cosine of about 0.15. The large runs record CPU and wall seconds, peak memory above the loaded input, and how many
processes wanted the cores before: on a machine in use only CPU seconds mean much.

    python benchmarks/qdit.py            both
    python benchmarks/qdit.py measure FILE N K THREADS   one large run, for a process that does nothing else
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from measuring import record, resident

from mig_dagster.selection import qdit

D = 384
ALPHA = 0.7
LARGE = {"50k_500": (50_000, 500, 1), "65k_5000": (65_000, 5000, 2)}  # rows, chosen, threads


def text_like_pool(n: int, seed: int = 0) -> dict[str, Any]:
    """Return `row_embeddings` (n, 384) and `quality_scores` (n,) in 1..6."""
    rng = np.random.default_rng(seed)
    topics = max(4, n // 150)
    popularity = 1 / (np.arange(topics) + 20.0)
    sources = rng.normal(size=(max(2, n // 5000), D))
    centres = 0.55 * rng.normal(size=(topics, D)) + 0.35 * sources[rng.integers(len(sources), size=topics)]
    rows = centres[rng.choice(topics, n, p=popularity / popularity.sum())] + 0.32 * rng.normal(size=D)
    rows += rng.uniform(0.5, 0.9, (n, 1)) * rng.normal(size=(n, D))
    copies = rng.random(n) < 0.15
    rows[copies] = rows[rng.integers(n, size=int(copies.sum()))]
    rows[copies] += 0.1 * rng.normal(size=(int(copies.sum()), D))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return {"row_embeddings": rows.astype(np.float32), "quality_scores": np.clip(rng.normal(3.6, 0.9, n), 1, 6)}


def naive(k: int, cosines: torch.Tensor, quality_scores: torch.Tensor) -> list[int]:
    """Choose by scoring every row at every step."""
    reached, rows = torch.zeros(len(cosines), dtype=cosines.dtype), []
    for _ in range(k):
        gains = (1 - ALPHA) * (cosines - reached).clamp_(min=0).sum(1) + ALPHA * quality_scores
        gains[rows] = -torch.inf
        rows.append(int(gains.argmax()))
        reached = torch.maximum(reached, cosines[rows[-1]])
    return rows


def compare(n: int = 5000, k: int = 100) -> dict[str, Any]:
    """Time both on one thread; qdit's is the best of three."""
    torch.set_num_threads(1)
    pool = text_like_pool(n)
    times = []
    for _ in range(3):
        start = time.process_time()
        chosen = qdit(k, **pool, alpha=ALPHA)
        times.append(time.process_time() - start)
    units = torch.from_numpy(pool["row_embeddings"]).double()
    cosines = units @ units.T
    start = time.process_time()
    rows = naive(k, cosines, torch.from_numpy(pool["quality_scores"]))
    seconds = time.process_time() - start
    return {
        "n": n,
        "k": k,
        "qdit_cpu_s": min(times),
        "naive_cpu_s": seconds,
        "ratio": seconds / min(times),
        "same_rows": rows == chosen.rows.tolist(),
        "mean_cosine": float(cosines.mean()),
    }


def measure(file: str, n: int, k: int, threads: int) -> dict[str, Any]:
    """Load the pool, choose, and return time and memory; for a process that does nothing else."""
    torch.set_num_threads(threads)
    with np.load(file, allow_pickle=False) as pool:
        arrays = dict(pool)
    Path("/proc/self/clear_refs").write_text("5")  # Linux: forget the peak that loading made
    loaded, start, wall = resident("VmRSS"), time.process_time(), time.perf_counter()
    chosen = qdit(k, **arrays, alpha=ALPHA)
    seconds, wall = time.process_time() - start, time.perf_counter() - wall
    figures = {"cpu_s": seconds, "wall_s": wall, "mb_above_input": resident("VmHWM") - loaded}
    return {"n": n, "k": k, "threads": threads, **figures, "objective": chosen.objective}


def main() -> None:
    """Compare, then measure each large size once."""
    results: dict[str, Any] = {"d": D, "alpha": ALPHA, "against_naive": compare()}
    for name, (n, k, threads) in LARGE.items():
        with tempfile.TemporaryDirectory() as folder:
            file = f"{folder}/pool.npz"
            np.savez(file, **text_like_pool(n))
            command = [sys.executable, __file__, "measure", file, *map(str, (n, k, threads))]
            waiting = {**os.environ, "OMP_WAIT_POLICY": "passive"}  # threads that wait for a busy core burn no CPU time
            load = os.getloadavg()[0]
            results[name] = {**json.loads(subprocess.check_output(command, env=waiting)), "load_before": load}
    record(__file__, results)


if __name__ == "__main__":
    if sys.argv[1:2] == ["measure"]:
        print(json.dumps(measure(sys.argv[2], *map(int, sys.argv[3:]))))
    else:
        main()

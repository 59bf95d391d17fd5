"""Time and memory of the label graph on clustered vectors, checked against a direct float64 product of some rows.

Run: python benchmarks/label_graph.py [m ...]; the result is written to label_graph.json beside this file.
"""

import json
import os
import platform
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from mig_dagster.graph import label_graph, vocabulary

DIMENSIONS = 384
CHECKED_ROWS = 50


def clustered(m: int, seed: int = 0) -> np.ndarray:
    """Return (m, 384) unit vectors around m / 8 centres whose spread varies from tight to loose."""
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((m // 8, DIMENSIONS), dtype=np.float32)
    spread = rng.uniform(0.2, 0.9, size=m // 8).astype(np.float32)
    member = rng.integers(m // 8, size=m)
    vectors = centres[member]
    vectors += rng.standard_normal((m, DIMENSIONS), dtype=np.float32) * spread[member, None]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors


def measure_graph(m: int, **options: float | None) -> dict[str, object]:
    """Build one graph; return wall and CPU seconds, peak memory, and the check of some of its rows."""
    vectors = clustered(m)
    wall, cpu = time.perf_counter(), time.process_time()
    graph = label_graph(vectors, **options)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    rows = np.random.default_rng(1).choice(m, CHECKED_ROWS, replace=False)
    exact = vectors.astype(np.float64)
    exact /= np.linalg.norm(exact, axis=1, keepdims=True)
    dense = exact[rows] @ exact.T
    expected = np.where(dense >= graph.threshold - 1e-14, dense, 0)
    return {
        "m": m,
        "options": options,
        "wall_s": round(wall, 2),
        "cpu_s": round(cpu, 2),
        "peak_mb": peak,
        "edges": int((graph.weights.nnz - m) // 2),
        "mean_degree": round(graph.mean_degree, 3),
        "threshold": graph.threshold,
        "isolated": graph.isolated,
        "largest_error": float(np.abs(graph.weights[rows].toarray() - expected).max()),
    }


def measure_vocabulary(n: int = 1_000_000) -> dict[str, object]:
    """Count, cut, fold and apply on n rows of four tags each with a long tail of spellings."""
    rng = np.random.default_rng(2)
    stems = [f"{a} {b}" for a in ("Data", "text", "code", "Maths", "history") for b in range(12_000)]
    tags = np.array([spelling for stem in stems for spelling in (stem, stem.lower() + "!", stem.upper())], dtype=object)
    drawn = (rng.pareto(0.7, size=(n, 4)) * 50).astype(np.int64) % tags.size
    rows = [list(row) for row in tags[drawn]]
    wall = time.perf_counter()
    built = vocabulary(rows)
    middle = time.perf_counter()
    labels = sum(len(built.apply(row)) for row in rows)
    return {
        "n": n,
        "tags": len(built.entries),
        "labels": len(built.labels),
        "build_s": round(middle - wall, 2),
        "apply_s": round(time.perf_counter() - middle, 2),
        "labels_per_row": round(labels / n, 3),
    }


def main() -> None:
    """Measure each size in a process of its own, so that peaks do not mix."""
    if len(sys.argv) > 1 and sys.argv[1] == "--one":
        print(json.dumps(measure_graph(int(sys.argv[2]), **json.loads(sys.argv[3]))))
        return
    sizes = [int(size) for size in sys.argv[1:]] or [4_531, 30_000, 100_000]
    runs = []
    for m in sizes:
        for options in ({"threshold": 0.9}, {"threshold": None, "target_mean_degree": 4}):
            command = [sys.executable, __file__, "--one", str(m), json.dumps(options)]
            runs.append(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
            print(runs[-1])
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], check=True, capture_output=True, text=True)
    result = {
        "machine": f"{os.cpu_count()} CPUs, {platform.machine()}, numpy {np.__version__}",
        "threads": os.environ.get("OMP_NUM_THREADS", "all"),
        "commit": commit.stdout.strip(),
        "label_graph": runs,
        "vocabulary": measure_vocabulary(),
    }
    print(result["vocabulary"])
    Path(__file__).with_suffix(".json").write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()

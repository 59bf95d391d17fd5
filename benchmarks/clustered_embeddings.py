"""Seeded row embeddings shaped like those of an instruction pool, and what a run over them takes."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from mig_large import resident
from numpy.typing import NDArray


def clustered_embeddings(n: int, d: int = 384, seed: int = 0) -> NDArray[np.float32]:
    """Return n unit vectors about n / 17 topics, from near-copies to strangers; a cosine of 0.9 parts some 0.8 n."""
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(-(-n * 3 // 50), d))[rng.integers(0, -(-n * 3 // 50), n)]
    vectors += rng.normal(size=(n, d)) * rng.uniform(0.1, 1.2, (n, 1))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors.astype(np.float32)


def measured(function: Callable[[], Any]) -> tuple[Any, dict[str, float]]:
    """Return the result of one run, its CPU seconds and its peak of memory above what was there before, in MB."""
    Path("/proc/self/clear_refs").write_text("5")  # Linux: forget the peak so far
    before, start = resident("VmRSS"), time.process_time()
    result = function()
    seconds = time.process_time() - start
    return result, {"cpu_s": seconds, "mb_above_input": resident("VmHWM") - before}

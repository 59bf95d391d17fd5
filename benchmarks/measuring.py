"""What a run takes: CPU seconds, peak memory above its input; and the record of it."""

import json
import os
import platform
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any


def cpu_seconds(function: Callable[..., Any], *arguments: Any, best_of: int = 1) -> tuple[float, Any]:
    """Return the least CPU seconds of some runs, and the result of the last."""
    times = []
    for _ in range(best_of):
        start = time.process_time()
        result = function(*arguments)
        times.append(time.process_time() - start)
    return min(times), result


def measured(function: Callable[[], Any]) -> tuple[Any, dict[str, float]]:
    """Return the result of one run, its CPU seconds and its peak of memory above what was there before, in MB."""
    Path("/proc/self/clear_refs").write_text("5")  # Linux: forget the peak so far
    before = resident("VmRSS")
    seconds, result = cpu_seconds(function)
    return result, {"cpu_s": seconds, "mb_above_input": resident("VmHWM") - before}


def resident(field: str) -> float:
    """Return a figure of this process's memory, in MB: VmRSS is now, VmHWM the peak."""
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(field)]
    return int(line.split()[1]) * 1024 / 1e6


def machine() -> dict[str, Any]:
    """Return what a timing depends on: the processor, the cores in use, library versions."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    processor = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "unknown")
    libraries = {name: version(name) for name in ("numpy", "scipy", "torch")}
    return {"processor": processor, "cores": os.cpu_count(), "python": platform.python_version(), **libraries}


def record(script: str, results: dict[str, Any]) -> None:
    """Print the results and keep them as JSON beside the script."""
    text = json.dumps({**results, "machine": machine()}, indent=2)
    Path(script).with_suffix(".json").write_text(text + "\n")
    print(text)

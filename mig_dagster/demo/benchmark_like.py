"""Rows in the style of public benchmarks, written for this demo: what a contamination check should find.

None of them is taken from a benchmark; each only looks like its questions.
"""

import json
from importlib.resources import files

from mig_dagster.demo.rows import Row
from mig_dagster.demo.words import exchange


def benchmark_like() -> dict[str, list[tuple[str, Row]]]:
    """Return the style of the benchmark and the row, by the source that gets it."""
    cases = json.loads(files("mig_dagster.demo").joinpath("benchmark_like.json").read_text(encoding="utf-8"))
    planted: dict[str, list[tuple[str, Row]]] = {}
    for case in cases:
        row = Row(exchange(case["question"], case["answer"]))
        planted.setdefault(case["source"], []).append((case["style"], row))
    return planted

"""Why MIG's rows were chosen: CPU seconds for the stored reasons of all of them, and for the explanation of one row.

OMP_NUM_THREADS=1 python benchmarks/reasons.py [n] [k]
"""

import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from measuring import measured, record
from mig_pool import LABELS, synthetic_pool

from mig_dagster.selection import mig, options
from mig_dagster.selection.reasons import Choice, explain_mig, label_gains
from mig_dagster.stages.explain.reasons import reason_tables

REPEATS = 3


def timed(function: Callable[..., Any], *arguments: Any, **named: Any) -> tuple[Any, dict[str, float]]:
    """Return the result, and of some runs the least CPU seconds and the most memory."""
    runs = [measured(partial(function, *arguments, **named)) for _ in range(REPEATS)]
    best = min((run for _, run in runs), key=lambda run: run["cpu_s"])
    return runs[-1][0], best | {"mb_above_input": max(run["mb_above_input"] for _, run in runs)}


def rule(pool: dict[str, Any], k: int, gain: str) -> dict[str, Any]:
    """Measure the choice by one rule, the reasons stored with it, and explanations of rows of several kinds."""
    n = len(pool["quality_scores"])
    settings = {name: default for name, (_, default) in options(mig).items()} | {"gain": gain}
    ids, labels = [f"{row:032x}" for row in range(n)], [f"label {label}" for label in range(LABELS)]
    chosen, choosing = timed(mig, k, **pool, **settings)
    choice = Choice(chosen.rows, chosen.gains, pool, settings, ids, labels)
    told, gains = timed(label_gains, chosen.rows, **pool)
    others = np.flatnonzero(choice.ranks == 0)
    asked = {
        "first_row": int(chosen.rows[0]),
        "row_in_the_middle": int(chosen.rows[k // 2]),
        "last_row": int(chosen.rows[-1]),
        "row_not_chosen": int(others[np.argmax(pool["quality_scores"][others])]),
        "row_far_behind": int(others[np.argmin(pool["quality_scores"][others])]),
    }
    return {
        "mig": choosing,
        "label_gains": gains | {"entries": len(told.gain)},
        "sum_off_the_objective": float(told.totals().sum() / chosen.objective - 1),
        "stored_tables": timed(reason_tables, "mig", choice)[1],
        "explain": {name: timed(explain_mig, choice, row)[1] for name, row in asked.items()},
    }


def main(n: int = 1_000_000, k: int = 50_000) -> None:
    """Measure both rules."""
    pool = synthetic_pool(n)
    rules = {gain: rule(pool, k, gain) for gain in ("gradient", "exact")}
    record(__file__, {"n": n, "m": LABELS, "k": k, "best_of": REPEATS, **rules})


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

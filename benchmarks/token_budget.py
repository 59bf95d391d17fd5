"""MIG under a budget in tokens, at the size of the paper's Tulu3 run: CPU seconds, and peak memory above the pool.

The pool is that of mig_large.py; a row has a number of tokens drawn from a lognormal distribution (median 350), at
random or the larger the higher its score. The budget buys about `k` rows of mean length. Beside it: how much of the
information the longest start of MIG's own order has that fits the same budget.

OMP_NUM_THREADS=1 python benchmarks/token_budget.py [n] [k]
"""

import sys
import warnings
from typing import Any

import numpy as np
from measuring import cpu_seconds, measured, record
from mig_pool import LABELS, synthetic_pool

from mig_dagster.selection import SelectionWarning, mig, objective
from mig_dagster.selection.token_budget_mig import mig_within

REPEATS = 3


def costs_of(pool: dict[str, Any], kind: str) -> np.ndarray:
    """Return the tokens of every row, at least 4."""
    scores = pool["quality_scores"]
    rng = np.random.default_rng(1)
    tokens = np.maximum(4, rng.lognormal(np.log(350), 0.9, len(scores))).astype(np.int64)
    return tokens if kind == "random" else np.sort(tokens)[np.argsort(np.argsort(scores))]


def start_that_fits(pool: dict[str, Any], costs: np.ndarray, budget: int) -> tuple[int, float]:
    """Return how many rows of MIG's own order the budget pays for, and what they say."""
    rows = mig(min(len(costs), 2 * int(budget / costs.mean()) + 1000), **pool, gain="exact").rows
    fit = int(np.searchsorted(np.cumsum(costs[rows]), budget, side="right"))
    return fit, objective(rows[:fit], **pool)


def main(n: int = 939_000, k: int = 50_000) -> None:
    """Measure both rules under both kinds of costs; the best time and the memory of the first run."""
    pool = synthetic_pool(n)
    results: dict[str, Any] = {"n": n, "m": LABELS, "best_of": REPEATS}
    for kind in ("random", "by_score"):
        costs = costs_of(pool, kind)
        budget = int(k * costs.mean())
        results[kind] = {"budget": budget, "pool_tokens": int(costs.sum())}
        for gain in ("gradient", "exact"):
            given: dict[str, Any] = {"costs": costs, "arguments": pool, "settings": {"gain": gain}}
            chosen, run = measured(lambda given=given, budget=budget: mig_within(budget, **given))
            again, _ = cpu_seconds(lambda given=given, budget=budget: mig_within(budget, **given), best_of=REPEATS - 1)
            results[kind][gain] = {
                **run,
                "cpu_s": min(run["cpu_s"], again),
                "rows": len(chosen.rows),
                "tokens": int(costs[chosen.rows].sum()),
                "objective": chosen.objective,
            }
        fit, value = start_that_fits(pool, costs, budget)
        results[kind]["start_of_migs_order"] = {"rows": fit, "objective": value}
    record(__file__, results)


if __name__ == "__main__":
    warnings.simplefilter("ignore", SelectionWarning)
    main(*map(int, sys.argv[1:]))

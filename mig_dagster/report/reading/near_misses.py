"""The rows that were closest to being chosen: for MIG by what they would have gained next, else by their score."""

from dataclasses import dataclass

import numpy as np

from mig_dagster.report.inputs import ReportInputs, ReportPool, ReportSubset
from mig_dagster.selection import METHODS, options
from mig_dagster.selection.base import Rows, Vector
from mig_dagster.selection.mig import RULES
from mig_dagster.selection.mig_problem import problem
from mig_dagster.selection.mig_rules import Exact, Gradient
from mig_dagster.selection.pool_scan import NumpyScan
from mig_dagster.selection.reasons.mig_replay import Replay

BY_GAIN = "gain"
BY_SCORE = "score"


@dataclass(frozen=True, eq=False)
class NearMisses:
    """Rows that were not chosen, the nearest first.

    Attributes:
        rows: pool indices.
        values: as many: what each would have gained after the last row chosen, or its score.
        by: which of them, `BY_GAIN` or `BY_SCORE`; "" where neither is known.
    """

    rows: Rows
    values: Vector
    by: str


def near_misses(given: ReportInputs, most: int) -> NearMisses:
    """Return the rows that came closest to the report's subset.

    Args:
        given: `options` of a MIG subset as its info has them; defaults for those that are left out.
        most: how many; fewer where fewer rows are left, or fewer would gain anything.
    """
    pool, subset = given.pool, given.chosen
    scores = pool.scores.get("score")
    if scores is None:
        return NearMisses(np.zeros(0, np.int64), np.zeros(0), "")
    if subset.method == "mig" and pool.tags is not None and pool.label_graph is not None:
        rows, gains = _next_gains(pool, subset, scores, most)
        return NearMisses(rows, gains, BY_GAIN)
    left = np.flatnonzero(~given.is_chosen() & np.isfinite(scores))
    best = left[np.argsort(-scores[left], kind="stable")[:most]]
    return NearMisses(best, scores[best], BY_SCORE)


def _next_gains(pool: ReportPool, subset: ReportSubset, scores: Vector, most: int) -> tuple[Rows, Vector]:
    """Replay the choice and return the rows that would gain most after it; the first of them would be chosen next."""
    settings = {name: default for name, (_, default) in options(METHODS["mig"]).items()}
    settings |= {name: value for name, value in subset.info.get("options", {}).items() if name in settings}
    gain = settings.pop("gain")
    part = np.flatnonzero(np.isfinite(scores))  # a row without a score took no part
    assert pool.tags is not None, "asked for MIG only where there are labels"
    given = problem(tags=pool.tags[part], quality_scores=scores[part], label_graph=pool.label_graph, **settings)
    chosen = np.searchsorted(part, subset.rows[np.isfinite(scores[subset.rows])])
    known = Replay(given, chosen, gain).knowledge(len(chosen))
    rule = RULES[gain](given.tags, given.weights, known)
    scan = NumpyScan(given.tags, given.weights, np.full(len(part), np.inf), rule.slack)
    scan.limit(chosen, -1.0)
    rows, gains = _highest(rule, scan, most)
    return part[rows], gains


def _highest(rule: Gradient | Exact, scan: NumpyScan, most: int) -> tuple[Rows, Vector]:
    """Return the rows of highest gain that is above 0, of equals the lowest, without scoring every row of the pool."""
    worth, count = rule.worth(), most
    while True:
        rows, limits, beyond = scan.highest(worth, count)
        rule.attach(rows, limits)
        keys = sorted((-rule.gain(row), row) for row in rows.tolist())[:most]
        if beyond[0] == np.inf or (len(keys) == most and keys[-1] < beyond):
            break
        count *= 8
    found = [(row, -key) for key, row in keys if key < 0]
    return np.array([row for row, _ in found], np.int64), np.array([gain for _, gain in found], np.float64)

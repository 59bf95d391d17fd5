import numpy as np
import pytest

from mig_dagster.selection.block_lazy import block_lazy


class Fading:
    """Rows with features that halve each time a row with them is taken: gains in whole multiples of a power of two, so
    that sums are exact and ties are many. Rows of `fragile` are worth -inf once a feature of theirs was taken twice."""

    def __init__(self, seed, n=30, m=8):
        rng = np.random.default_rng(seed)
        self.has = rng.random((n, m)) < 0.3
        self.worth = rng.integers(0, 4, m).astype(float)
        self.fragile = rng.random(n) < 0.2
        self.times = np.zeros(m, int)
        self.taken, self.sizes = [], []

    def gains_of(self, rows):
        self.sizes.append(len(rows))
        gains = self.has[rows] @ (self.worth * 0.5**self.times)
        broken = self.fragile[rows] & (self.has[rows] & (self.times >= 2)).any(axis=1)
        return np.where(broken, -np.inf, gains)

    def take(self, row):
        self.taken.append(row)
        self.times += self.has[row]


def limits_of(problem, seed):
    """Return limits above the first gains by nothing, something or everything; some rows are out from the start."""
    rng = np.random.default_rng(seed)
    n = len(problem.has)
    first = problem.gains_of(np.arange(n)) + rng.choice([0.0, 0.0, 0.5, np.inf], n)
    return np.where(rng.random(n) < 0.1, -np.inf, first)


def eager(k, limits, problem):
    """Score every row at every step; the highest gain, of equals the lowest row."""
    left, rows, gains = [row for row in range(len(limits)) if limits[row] > -np.inf], [], []
    while len(rows) < k and left:
        now = problem.gains_of(np.array(left))
        if now.max() == -np.inf:
            break
        gains.append(now.max())
        rows.append(left.pop(int(now.argmax())))
        problem.take(rows[-1])
    return rows, gains


@pytest.mark.parametrize("block", [1, 2, 7, 100])
@pytest.mark.parametrize("seed", range(100))
def test_takes_the_rows_that_scoring_every_row_takes(seed, block):
    problem = Fading(seed)
    limits = limits_of(problem, seed)
    limits.setflags(write=False)
    k = [0, 1, 10, 30, 1000][seed % 5]
    rows, gains = block_lazy(k, limits, problem.gains_of, problem.take, block)
    assert (rows.tolist(), gains.tolist()) == eager(k, limits, Fading(seed))
    assert problem.taken == rows.tolist()
    assert (rows.dtype, gains.dtype) == (np.int64, np.float64)
    assert max(problem.sizes[1:], default=0) <= block, "the first call scored all rows for their limits"


def test_rows_with_limit_minus_infinity_are_never_scored_nor_taken():
    scored = []

    def gains_of(rows):
        scored.extend(rows.tolist())
        return np.ones(len(rows))

    limits = np.array([-np.inf, 5.0, -np.inf, 5.0])
    rows, gains = block_lazy(4, limits, gains_of, lambda row: None, block=3)
    assert (rows.tolist(), gains.tolist()) == ([1, 3], [1.0, 1.0])
    assert set(scored) == {1, 3}


def test_rows_that_come_to_gain_minus_infinity_are_never_taken():
    rows, gains = block_lazy(3, np.full(3, 9.0), lambda rows: np.where(rows == 1, 2.0, -np.inf), lambda row: None, 2)
    assert (rows.tolist(), gains.tolist()) == ([1], [2.0])


def test_all_equal_gains_come_in_pool_order():
    for block in (1, 3, 50):
        rows, _ = block_lazy(20, np.zeros(20), lambda rows: np.zeros(len(rows)), lambda row: None, block)
        assert rows.tolist() == list(range(20))


def test_a_row_is_scored_again_only_while_its_old_gain_is_above_the_best_of_now():
    """With limits that are the gains, each step scores the top row alone."""
    sizes = []

    def gains_of(rows):
        sizes.append(len(rows))
        return 100.0 - rows

    rows, _ = block_lazy(10, 100.0 - np.arange(50), gains_of, lambda row: None, block=1)
    assert rows.tolist() == list(range(10))
    assert sizes == [1] * 10


@pytest.mark.parametrize(("growth", "sizes"), [(1, [2, 2, 2, 2]), (2, [2, 4, 2]), (9, [2, 6])])
def test_blocks_grow_within_a_step(growth, sizes):
    """Every row is worth nothing now: the first step scores all eight."""
    scored = []
    gains_of = lambda rows: scored.append(len(rows)) or np.zeros(len(rows))  # noqa: E731
    block_lazy(1, np.ones(8), gains_of, lambda row: None, 2, growth=growth)
    assert scored == sizes


def test_blocks_grow_to_a_bound(monkeypatch):
    monkeypatch.setitem(block_lazy.__globals__, "MOST", 5)
    scored = []
    gains_of = lambda rows: scored.append(len(rows)) or np.zeros(len(rows))  # noqa: E731
    block_lazy(1, np.ones(20), gains_of, lambda row: None, 2, growth=2)
    assert scored == [2, 4, 5, 5, 4]


@pytest.mark.parametrize("growth", [1, 3])
@pytest.mark.parametrize("block", [1, 2, 7])
@pytest.mark.parametrize("seed", range(60))
def test_rows_that_wait_for_their_copies_are_the_same_rows(seed, block, growth):
    problem, theirs = Fading(seed), Fading(seed)
    source = np.random.default_rng(seed).integers(0, 6, 30)  # 30 rows that are copies of 6
    for each in (problem, theirs):
        each.has, each.fragile = each.has[source], each.fragile[source]
    limits = np.where(source == 5, -np.inf, problem.gains_of(np.arange(30)))
    waiting = np.array([next((j for j in range(i + 1, 30) if source[j] == source[i]), -1) for i in range(30)])
    rows, gains = block_lazy(20, limits, problem.gains_of, problem.take, block, growth=growth, waiting=waiting)
    expected = eager(20, limits, theirs)
    assert (rows.tolist(), gains.tolist()) == expected


def test_a_row_that_waits_is_not_scored_before_it_can_come():
    scored = []
    gains_of = lambda rows: scored.extend(rows.tolist()) or np.ones(len(rows))  # noqa: E731
    rows, _ = block_lazy(3, np.ones(6), gains_of, lambda row: None, 8, waiting=np.array([1, 2, 3, 4, 5, -1]))
    assert rows.tolist() == scored == [0, 1, 2]


def test_nothing_of_nothing():
    rows, gains = block_lazy(0, np.empty(0), lambda rows: np.zeros(len(rows)), lambda row: None)
    assert (rows.dtype, gains.dtype, len(rows), len(gains)) == (np.int64, np.float64, 0, 0)

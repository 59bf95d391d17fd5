import itertools

import numpy as np
import pytest
from scipy.stats import rankdata

from mig_dagster.selection import SelectionWarning, qdit
from mig_dagster.selection.coverage import facility_location

ALPHAS = [0.0, 0.1, 0.5, 0.7, 0.9, 1.0]
SCALES = ["raw", "minmax", "rank"]
S = np.array([[1, 0.8, 0, 0], [0.8, 1, 0, 0], [0, 0, 1, 0.5], [0, 0, 0.5, 1]])
GOLDEN = {"quality_scores": [1.0, 2, 3, 4], "row_embeddings": np.linalg.cholesky(S)}  # L L' = S: its rows are unit


def text_like(rng, n, d, zeros=True):
    """Rows about a few topics, with a common direction, copies, opposites and (`zeros`) a row of zeros; float32."""
    topics = rng.normal(size=(max(2, n // 8), d))
    rows = 0.3 * rng.normal(size=d) + topics[rng.integers(len(topics), size=n)] + rng.normal(size=(n, d))
    copies = rng.random(n) < 0.2
    rows[copies] = rows[rng.integers(n, size=int(copies.sum()))]
    opposites = rng.random(n) < 0.1
    rows[opposites] = -rows[rng.integers(n, size=int(opposites.sum()))]
    if zeros:
        rows[rng.integers(n)] = 0
    return rows.astype(np.float32)


def random_pool(seed, n=30, d=6):
    """Return a pool whose scores often tie: `quality_scores` of either sign and `row_embeddings`."""
    rng = np.random.default_rng(seed)
    scores = rng.integers(-8, 25, n) / 4 if seed % 3 else np.full(n, 2.5) if seed % 2 else rng.normal(3, 1, n)
    return {"quality_scores": scores, "row_embeddings": text_like(rng, n, d)}


def book_cosines(embeddings):
    """Cosines with the roundings that qdit's header states, dense."""
    lengths = np.linalg.norm(embeddings.astype(np.float64), axis=1, keepdims=True)
    units = embeddings / np.where(lengths > 0, lengths, 1)
    grid = (np.rint(units * 2**26) / 2**26).astype(np.float32).astype(np.float64)
    cosines = np.rint(grid @ grid.T * 2**30) / 2**30
    cosines[cosines > 1 - 2**-22] = 1
    return cosines


def scaled(quality, scale):
    if scale == "minmax":
        span = quality.max() - quality.min()
        return (quality - quality.min()) / span if span else np.zeros(len(quality))
    return (rankdata(quality) - 1) / max(len(quality) - 1, 1) if scale == "rank" else quality


def by_the_book(k, cosines, quality, alpha, weight=1.0):
    """The algorithm as published: every row scored at every step. cosines[a, v] of candidate a and pool row v."""
    m, left, rows, gains = np.zeros(cosines.shape[1]), list(range(len(cosines))), [], []
    for _ in range(k):
        f = (1 - alpha) * weight * np.maximum(0, cosines[left] - m).sum(axis=1) + alpha * quality[left]
        best = int(np.argmax(f))  # the first of equals
        rows.append(left.pop(best))
        gains.append(f[best])
        m = np.maximum(m, cosines[rows[-1]])
    return rows, gains, (1 - alpha) * weight * m.sum() + alpha * quality[rows].sum()


def check(chosen, expected):
    rows, gains, objective = expected
    assert chosen.rows.tolist() == rows
    assert chosen.gains.tolist() == gains
    assert chosen.objective == pytest.approx(objective, rel=1e-12, abs=1e-12)


# ---------------------------------------------------------------------- the algorithm


@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize("scale", SCALES)
def test_equals_greedy_by_the_book(alpha, scale):
    for seed in range(20):
        pool = random_pool(seed)
        expected = by_the_book(30, book_cosines(pool["row_embeddings"]), scaled(pool["quality_scores"], scale), alpha)
        check(qdit(30, **pool, alpha=alpha, quality_scale=scale), expected)


@pytest.mark.parametrize("alpha", [0.0, 0.5, 0.7])
@pytest.mark.parametrize(
    ("block", "at_once", "growth", "pairs"), list(itertools.product([3, 7], [1, 8], [2, 9], [-1, 60, 10**9]))
)
def test_how_the_work_is_cut_changes_nothing(alpha, block, at_once, growth, pairs, monkeypatch):
    monkeypatch.setitem(qdit.__globals__, "AT_ONCE", at_once)
    monkeypatch.setitem(facility_location.__globals__, "GROWTH", growth)
    monkeypatch.setitem(facility_location.__globals__["BLOCK"], "cpu", block)
    monkeypatch.setitem(facility_location.__globals__, "PAIRS", pairs)
    for seed in range(2):
        pool = random_pool(seed, n=20, d=4)
        expected = by_the_book(20, book_cosines(pool["row_embeddings"]), pool["quality_scores"], alpha)
        check(qdit(20, **pool, alpha=alpha), expected)


@pytest.mark.parametrize("alpha", [0.0, 0.5, 0.7])
def test_equals_greedy_on_the_cosines_as_given(alpha):
    """These are rounded to 2 ** -40, only that float64 sums of equal gains be equal."""
    for seed in range(8):
        rng = np.random.default_rng(seed)
        embeddings = rng.normal(size=(200, 24))
        units = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
        quality = rng.uniform(1, 6, 200)
        rows, gains, objective = by_the_book(60, np.rint(units @ units.T * 2**40) / 2**40, quality, alpha)
        chosen = qdit(60, quality_scores=quality, row_embeddings=embeddings, alpha=alpha)
        assert chosen.rows.tolist() == rows
        assert chosen.gains == pytest.approx(gains, abs=1e-6)
        assert chosen.objective == pytest.approx(objective, abs=1e-6)


@pytest.mark.parametrize(
    ("alpha", "rows", "gains"),
    [(0.0, [0, 2, 3], [1.8, 1.5, 0.5]), (0.5, [3, 1, 2], [2.75, 1.9, 1.75]), (1.0, [3, 2, 1], [4, 3, 2])],
)
def test_golden(alpha, rows, gains):
    chosen = qdit(3, **GOLDEN, alpha=alpha)
    assert chosen.rows.tolist() == rows
    assert chosen.gains == pytest.approx(gains, abs=1e-7)
    assert chosen.objective == pytest.approx(sum(gains), abs=1e-7)


# ---------------------------------------------------------------------- what must hold


def test_a_copy_adds_no_diversity():
    embeddings = np.repeat(text_like(np.random.default_rng(0), 10, 5, zeros=False), 3, axis=0)
    chosen = qdit(30, quality_scores=np.zeros(30), row_embeddings=embeddings, alpha=0)
    different = np.unique(embeddings, axis=0, return_index=True)[1]
    assert sorted(chosen.rows[: len(different)]) == sorted(different)
    assert chosen.gains[: len(different)].min() > 0
    assert chosen.gains[len(different) :].tolist() == [0] * (30 - len(different))
    assert chosen.rows[len(different) :].tolist() == sorted(set(range(30)) - set(different))


@pytest.mark.parametrize("d", [2, 16, 384])
def test_two_rows_that_stand_for_each_other_tie(d):
    """Each adds 1 and their cosine. Such pairs are many late in a run, and rounding must not choose between them."""
    for seed in range(20):
        embeddings = np.random.default_rng(seed).normal(size=(2, d)).astype(np.float32)
        assert qdit(2, quality_scores=[1, 1], row_embeddings=embeddings, alpha=0.5).rows.tolist() == [0, 1]


def test_all_rows_together_stand_for_all():
    pool = random_pool(1, n=200) | {"row_embeddings": text_like(np.random.default_rng(1), 200, 16, zeros=False)}
    assert qdit(200, **pool, alpha=0).objective == 200


@pytest.mark.parametrize("alpha", ALPHAS)
def test_gains_never_rise_and_add_up_to_the_objective(alpha):
    chosen = qdit(120, **random_pool(2, n=120, d=12), alpha=alpha)
    assert (np.diff(chosen.gains) <= 0).all()
    assert chosen.gains.sum() == pytest.approx(chosen.objective)


@pytest.mark.parametrize("scale", ["raw", "minmax"])
def test_a_constant_added_to_quality_changes_no_row(scale):
    pool = random_pool(4, n=80)
    ours = qdit(80, **pool, alpha=0.5, quality_scale=scale)
    pool["quality_scores"] = pool["quality_scores"] + 64
    theirs = qdit(80, **pool, alpha=0.5, quality_scale=scale)
    assert ours.rows.tolist() == theirs.rows.tolist()
    assert theirs.gains - ours.gains == pytest.approx(32 if scale == "raw" else 0, abs=1e-9)


def test_the_scales_of_quality():
    apart = np.eye(4)  # every row adds 1 to d
    gains = {s: qdit(4, quality_scores=[1, 3, 3, 9], row_embeddings=apart, quality_scale=s).gains for s in SCALES}
    assert gains["raw"] == pytest.approx(0.3 + 0.7 * np.array([9, 3, 3, 1]))
    assert gains["minmax"] == pytest.approx(0.3 + 0.7 * np.array([1, 0.25, 0.25, 0]))
    assert gains["rank"] == pytest.approx(0.3 + 0.7 * np.array([1, 0.5, 0.5, 0]))


@pytest.mark.parametrize("scale", ["minmax", "rank"])
def test_equal_scores_decide_nothing(scale):
    pool = random_pool(3, n=40) | {"quality_scores": np.full(40, 5.0)}
    diverse = qdit(40, **pool, alpha=0)
    assert qdit(40, **pool, alpha=0.5, quality_scale=scale).rows.tolist() == diverse.rows.tolist()


def test_minmax_of_the_largest_floats():
    chosen = qdit(2, quality_scores=[-0.85e308, 0.85e308], row_embeddings=np.eye(2), quality_scale="minmax", alpha=1)
    assert chosen.gains.tolist() == [1, 0]


@pytest.mark.parametrize("alpha", [0.0, 0.7, 1.0])
def test_a_smaller_budget_is_the_start_of_a_larger(alpha):
    pool = random_pool(7, n=50)
    whole = qdit(50, **pool, alpha=alpha)
    for k in (0, 1, 2, 5, 17, 49):
        part = qdit(k, **pool, alpha=alpha)
        assert part.rows.tolist() == whole.rows[:k].tolist()
        assert part.gains.tolist() == whole.gains[:k].tolist()


def test_a_pool_row_unlike_every_choice_counts_as_0():
    chosen = qdit(2, quality_scores=[0, 0], row_embeddings=[[1.0], [-1.0]], alpha=0)
    assert chosen.gains.tolist() == [1, 1]
    assert chosen.objective == 2


def test_length_does_not_matter():
    pool = random_pool(8, n=60)
    lengths = 2.0 ** np.random.default_rng(8).integers(-20, 20, (60, 1))
    scaled_pool = pool | {"row_embeddings": pool["row_embeddings"] * lengths}
    assert qdit(60, **pool).rows.tolist() == qdit(60, **scaled_pool).rows.tolist()


def test_the_objective_is_facility_location_and_quality():
    pool = random_pool(9, n=70, d=12)
    chosen = qdit(20, **pool, alpha=0.7)
    d = facility_location(chosen.rows, pool["row_embeddings"])
    expected = (1 - 0.7) * d + 0.7 * pool["quality_scores"][chosen.rows].sum()
    assert chosen.objective == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("alpha", [0.0, 0.7, 1.0])
def test_empty_and_tiny_pools(alpha):
    empty = qdit(0, quality_scores=[], row_embeddings=np.empty((0, 3)), alpha=alpha, quality_scale="minmax")
    assert (empty.rows.dtype, empty.gains.dtype, empty.objective) == (np.int64, np.float64, 0)
    assert qdit(0, **GOLDEN, alpha=alpha).rows.tolist() == []
    assert qdit(1, quality_scores=[3], row_embeddings=[[0.0, 2.0]], alpha=alpha).objective == 1 - alpha + 3 * alpha
    assert qdit(2, quality_scores=[1, 1], row_embeddings=np.zeros((2, 4)), alpha=alpha).rows.tolist() == [0, 1]


def test_inputs_are_not_changed():
    pool = random_pool(10)
    before = {name: value.copy() for name, value in pool.items()}
    for scale in SCALES:
        qdit(10, **pool, quality_scale=scale)
    assert all(np.array_equal(pool[name], before[name]) for name in pool)


def test_progress_is_told():
    told = []
    qdit(10, **random_pool(11), on_progress=lambda chosen, k: told.append((chosen, k)))
    assert told[0] == (0, 10)
    assert all(k == 10 for _, k in told)


# ---------------------------------------------------------------------- approximations


def test_sampled_measures_diversity_on_a_sample():
    pool = random_pool(12, n=80)
    rows = np.sort(np.random.default_rng(3).choice(80, 20, replace=False))
    cosines = book_cosines(pool["row_embeddings"])[:, rows]
    chosen = qdit(40, **pool, approximation="sampled", sample_size=20, seed=3)
    check(chosen, by_the_book(40, cosines, pool["quality_scores"], 0.7, weight=4))


def test_sampled_is_near_the_truth_and_depends_on_the_seed():
    pool = random_pool(13, n=400, d=12)
    a, b = (qdit(40, **pool, approximation="sampled", sample_size=200, seed=seed) for seed in (1, 2))
    assert a.rows.tolist() != b.rows.tolist()
    quality = pool["quality_scores"]
    for chosen in (a, b):
        true = 0.3 * facility_location(chosen.rows, pool["row_embeddings"]) + 0.7 * quality[chosen.rows].sum()
        assert chosen.objective == pytest.approx(true, rel=0.1)


def test_a_sample_of_all_rows_is_exact():
    pool = random_pool(14, n=60)
    ours, theirs = qdit(60, **pool), qdit(60, **pool, approximation="sampled", sample_size=60)
    assert (ours.rows.tolist(), ours.gains.tolist()) == (theirs.rows.tolist(), theirs.gains.tolist())


@pytest.mark.parametrize("alpha", [0.0, 0.7, 1.0])
def test_two_stage_chooses_among_the_best_rows(alpha):
    pool = random_pool(16, n=80)
    quality = pool["quality_scores"]
    best = np.sort(np.argsort(-quality, kind="stable")[:25])
    rows, gains, objective = by_the_book(25, book_cosines(pool["row_embeddings"])[best], quality[best], alpha)
    chosen = qdit(25, **pool, alpha=alpha, approximation="two_stage", candidates=25)
    check(chosen, (best[rows].tolist(), gains, objective))


def test_two_stage_with_all_rows_is_exact():
    pool = random_pool(17, n=60)
    assert qdit(30, **pool).rows.tolist() == qdit(30, **pool, approximation="two_stage", candidates=99).rows.tolist()


def test_a_pool_too_large_for_a_cpu_is_warned_of(monkeypatch):
    monkeypatch.setitem(qdit.__globals__, "LARGE", 100)
    pool = random_pool(18, n=20, d=5)
    with pytest.warns(
        SelectionWarning, match=r"20 candidates against 20 rows of 5 numbers need about 8e\+03 .*sampled"
    ):
        chosen = qdit(5, **pool)
    with pytest.warns(SelectionWarning, match='device="cuda", or approximation="sampled".*approximation="two_stage"'):
        assert qdit(5, **pool).rows.tolist() == chosen.rows.tolist()
    qdit(5, **pool, approximation="two_stage", candidates=5)  # warnings are errors


# ---------------------------------------------------------------------- arguments and devices


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"k": 5}, "k must be at most the 4 rows of the pool, got 5"),
        ({"k": -1}, "k must be at least 0, got -1"),
        ({"quality_scores": [1, 2, 3, np.nan]}, "quality_scores must be finite, got nan at row 3"),
        ({"quality_scores": [[1, 2, 3, 4]]}, "quality_scores must have one number for each row"),
        ({"quality_scores": [1e308, -1e308, 1, 1]}, r"quality_scores are too large to add up, got 1e\+308; divide"),
        ({"row_embeddings": np.eye(3)}, r"row_embeddings must be a matrix of 4 rows, got shape \(3, 3\)"),
        ({"row_embeddings": np.full((4, 1), np.inf)}, "row_embeddings must be finite"),
        ({"alpha": -0.1}, "alpha must be finite, at least 0 and at most 1, got -0.1; it is the weight of quality"),
        ({"alpha": 1.5}, "alpha must be finite, at least 0 and at most 1, got 1.5"),
        ({"alpha": np.nan}, "alpha must be finite, at least 0 and at most 1, got nan"),
        ({"quality_scale": "log"}, r"quality_scale must be one of \['minmax', 'rank', 'raw'\], got 'log'"),
        ({"approximation": "ann"}, r"approximation must be one of \['none', 'sampled', 'two_stage'\], got 'ann'"),
        ({"approximation": "sampled", "sample_size": 0}, "sample_size must be at least 1, got 0"),
        ({"approximation": "sampled", "seed": -1}, "seed must be at least 0, got -1"),
        ({"approximation": "two_stage", "candidates": 2}, "candidates must be at least k=3, got 2: .*several times k"),
        ({"device": "tpu"}, 'device must be None, "cpu", "cuda" or "cuda:<number>", got \'tpu\''),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_name_value_and_remedy(changed, message):
    with pytest.raises(ValueError, match=message):
        qdit(**{"k": 3, **GOLDEN, **changed})


def test_k_must_be_a_whole_number():
    with pytest.raises(TypeError, match=r"k must be an int, got 2\.5"):
        qdit(2.5, **GOLDEN)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"sample_size": 2.5}, r"sample_size must be an int, got 2\.5"),
        ({"candidates": 7.5}, r"candidates must be an int, got 7\.5"),
        ({"seed": 1.5}, r"seed must be an int, got 1\.5"),
        ({"seed": None}, "seed must be an int, got None"),
        ({"alpha": "0.7"}, "alpha must be a number, got '0.7'"),
        ({"alpha": None}, "alpha must be a number, got None"),
    ],
)
@pytest.mark.parametrize("approximation", ["none", "sampled", "two_stage"])
def test_options_of_another_type_are_refused(approximation, changed, message):
    with pytest.raises(TypeError, match=message):
        qdit(3, **GOLDEN, approximation=approximation, **changed)


def test_numpy_integers_are_whole_numbers():
    chosen = qdit(3, **GOLDEN, approximation="sampled", sample_size=np.int64(4), seed=np.uint8(1))
    assert chosen.rows.tolist() == qdit(3, **GOLDEN).rows.tolist()


def test_the_cpu_can_be_named():
    pool = random_pool(20, n=60)
    ours, theirs = (qdit(60, **pool, device=device) for device in (None, "cpu"))
    assert (ours.rows.tolist(), ours.gains.tolist()) == (theirs.rows.tolist(), theirs.gains.tolist())


@pytest.mark.gpu
@pytest.mark.parametrize("alpha", [0.0, 0.7])
@pytest.mark.parametrize("approximation", ["none", "sampled", "two_stage"])
def test_cuda_takes_the_rows_the_cpu_takes(alpha, approximation):
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
    pool = random_pool(21, n=12_000, d=64)
    options = {"alpha": alpha, "approximation": approximation, "sample_size": 3000, "candidates": 4000}
    ours, theirs = (qdit(2000, **pool, **options, device=device) for device in (None, "cuda"))
    assert (ours.rows.tolist(), ours.gains.tolist()) == (theirs.rows.tolist(), theirs.gains.tolist())
    rows, embeddings = ours.rows, pool["row_embeddings"]
    assert facility_location(rows, embeddings) == facility_location(rows, embeddings, device="cuda")

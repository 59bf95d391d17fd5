import json
import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array, vstack

from mig_dagster.selection import SelectionWarning, mig, objective, propagation
from mig_dagster.selection.lazy_greedy import lazy_greedy
from mig_dagster.selection.mig_problem import problem
from mig_dagster.selection.mig_rules import Exact, Gradient, Knowledge
from mig_dagster.selection.pool_scan import NumpyScan
from mig_dagster.selection.twins import next_twins
from tests.selection.pools import WORKED, dense_parts, eager, naive, phi_of, random_pool, regrets, step_gains
from tests.shared_data import shared

pytestmark = pytest.mark.filterwarnings("ignore::mig_dagster.selection.SelectionWarning")

GAINS = ["gradient", "exact"]
OPTIONS = [
    {},
    {"norm": True},
    {"prop_weight": 0.0},
    {"prop_weight": 2.0, "phi_b": 0.5, "phi_a": 1e-3},
    {"phi_type": "exp", "phi_alpha": 0.1},
    {"phi_type": "exp", "phi_alpha": 1.0, "norm": True, "prop_weight": 0.5},
    {"phi_b": 1.0},
]


# ---------------------------------------------------------------- golden cases


@pytest.mark.parametrize(
    ("options", "rows"),
    [
        ({}, [3, 0, 1, 2]),
        ({"norm": True}, [0, 2, 1, 3]),
        ({"prop_weight": 0.0}, [3, 1, 0, 2]),
        ({"phi_type": "exp", "phi_alpha": 0.1}, [3, 0, 1, 2]),
        ({"gain": "exact"}, [3, 0, 1, 2]),
    ],
)
def test_worked_example(options, rows):
    assert mig(4, **WORKED, **options).rows.tolist() == rows
    assert mig(5, **WORKED, **options).rows.tolist() == [*rows, 4], (
        "a row without labels comes last, whatever its score"
    )


def test_step_gains_of_the_worked_example():
    """The reference computed them in float32."""
    v, p = dense_parts(WORKED)
    assert p[0] == pytest.approx([0.512821, 0.487179, 0], abs=1e-6)
    first = step_gains(v @ p, np.zeros(3), "gradient")
    assert first == pytest.approx([126.791448, 114.112303, 63.395728, 152.149742, 0], rel=1e-6)
    x = (v @ p)[3]
    assert x == pytest.approx([3.076923, 2.923077, 6], abs=1e-6)
    assert step_gains(v @ p, x, "gradient")[[0, 1, 2, 4]] == pytest.approx([6.421594, 5.780955, 2.795308, 0], rel=1e-6)
    assert mig(2, **WORKED).gains == pytest.approx([152.149742, 6.421594], rel=1e-6)


def test_exact_gains_of_the_worked_example():
    """The published numbers are of phi = x ** 0.8, the limit for a small floor."""
    alone = [mig(1, **{**WORKED, "quality_scores": np.where(np.arange(5) == row, WORKED["quality_scores"], 0)},
                 gain="exact", phi_a=1e-15).gains[0] for row in range(4)]  # fmt: skip
    assert alone == pytest.approx([7.247415, 6.661578, 3.623898, 9.009158], abs=1e-6)
    chosen = mig(5, **WORKED, gain="exact", phi_a=1e-15)
    assert chosen.objective == pytest.approx(21.894861, abs=1e-6)
    assert mig(5, **WORKED, gain="exact").objective == pytest.approx(21.894861, abs=1e-4)
    assert chosen.gains.sum() == pytest.approx(chosen.objective)


@pytest.mark.parametrize("name", ["mig_pow", "mig_pow_norm", "mig_exp", "mig_weight06"])
@pytest.mark.parametrize("picks", ["reference_picks", "float64_picks"])
def test_golden_picks_of_the_reference(name, picks):
    golden = json.loads(shared(f"golden/{name}.json").read_text())
    pool, options = golden_pool(golden), golden["options"]
    for device in [None, "cpu"]:
        chosen = mig(golden["k"], **pool, **options, device=device)
        assert chosen.rows.tolist() == golden[picks]


def golden_pool(golden):
    m, labels = golden["n_labels"], golden["labels_per_row"]
    graph = np.eye(m) * golden["diagonal"]
    for i, j, weight in golden["edges"]:
        graph[i, j] = graph[j, i] = weight
    indptr = np.cumsum([0, *map(len, labels)])
    tags = csr_array((np.ones(indptr[-1]), np.concatenate(labels), indptr), shape=(len(labels), m))
    return {"tags": tags, "quality_scores": golden["scores"], "label_graph": graph}


# ------------------------------------------------------------------- oracles


@pytest.mark.parametrize("gain", GAINS)
@pytest.mark.parametrize("options", OPTIONS)
@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 60), m=st.integers(1, 20), share=st.floats(0, 1))
def test_mig_equals_a_naive_dense_greedy(gain, options, seed, n, m, share):
    pool = random_pool(seed, n, m)
    k = round(share * n)
    chosen = mig(k, **pool, gain=gain, **options)
    expected = naive(k, pool, gain, **options)
    gains = chosen.gains[: first_tie(pool, expected, gain, options)]
    assert chosen.rows[: len(gains)].tolist() == expected[: len(gains)]
    assert (regrets(chosen.rows.tolist(), pool, gain, **options) < 1e-12).all()


def first_tie(pool, rows, gain, options):
    """Return how many picks come before two rows' gains agree to rounding: from there the order is open."""
    rule = {key: value for key, value in options.items() if key not in ("norm", "prop_weight")}
    v, p = dense_parts(pool, options.get("prop_weight", 1.0), options.get("norm", False))
    told, x = v @ p, np.zeros(v.shape[1])
    for at, row in enumerate(rows):
        gains = step_gains(told, x, gain, **rule)
        others = np.delete(gains, rows[: at + 1])
        if len(others) and gains[row] - others.max() <= 1e-10 * gains[row]:
            return at
        x = x + told[row]
    return len(rows)


@pytest.mark.parametrize("gain", GAINS)
@settings(max_examples=80, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), options=st.sampled_from(OPTIONS))
def test_ties_cost_nothing(gain, seed, options):
    """With scores 0..3 most steps are ties, which rounding may break either way in the dense sum."""
    pool = random_pool(seed, 40, 6, quantised=True)
    rows = mig(40, **pool, gain=gain, **options).rows.tolist()
    assert sorted(rows) == list(range(40))
    assert (regrets(rows, pool, gain, **options) < 1e-12).all()


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    quantised=st.booleans(),
    prop_weight=st.sampled_from([0.0, 0.5, 1.0]),
    hot=st.sampled_from([1, 2, 7, 64]),
    twins=st.booleans(),
    phi=st.sampled_from([{}, {"phi_type": "exp", "phi_alpha": 0.3}]),
)
def test_lazy_equals_scoring_every_row_in_the_same_arithmetic(seed, quantised, prop_weight, hot, twins, phi):
    """Bit for bit, ties included, for any number of rows kept in the heap."""
    pool = random_pool(seed, 30, 8, quantised)
    slope = phi_of(**phi)[1]
    expected = eager(30, pool, lambda x: float(slope(x)) if not phi else 0.3 * math.exp(-0.3 * x), prop_weight)
    rows, _, _ = run(Gradient, checked(pool, prop_weight=prop_weight, **phi), twins, hot)
    assert rows.tolist() == expected


def checked(pool, phi_type="pow", phi_alpha=1.0, phi_a=1e-6, phi_b=0.8, prop_weight=1.0, norm=False):
    phi = {"phi_type": phi_type, "phi_alpha": phi_alpha, "phi_a": phi_a, "phi_b": phi_b}
    return problem(**pool, **phi, prop_weight=prop_weight, norm=norm)


def run(rule_type, parts, twins, hot):
    """Choose every row, with a heap of `hot` rows and with or without holding back equal rows."""
    n = len(parts.weights)
    rule = rule_type(parts.tags, parts.weights, Knowledge(parts.propagation, parts.phi))
    scan = NumpyScan(parts.tags, parts.weights, np.full(n, np.inf), rule.slack)
    return lazy_greedy(n, rule, scan, next_twins(parts.tags, parts.weights) if twins else np.full(n, -1), hot)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    quantised=st.booleans(),
    hot=st.sampled_from([1, 3, 16]),
    twins=st.booleans(),
    options=st.sampled_from(OPTIONS),
)
def test_exact_rows_do_not_depend_on_how_many_rows_the_heap_holds(seed, quantised, hot, twins, options):
    pool = random_pool(seed, 50, 9, quantised)
    parts = checked(pool, **options)
    rows, gains, _ = run(Exact, parts, twins, hot)
    whole = mig(50, **pool, gain="exact", **options)
    assert rows.tolist() == whole.rows.tolist()
    assert gains.tolist() == whole.gains.tolist()


@pytest.mark.parametrize("options", OPTIONS)
def test_exact_equals_greedy_on_the_objective(options):
    """The gain of each pick is the increase of the objective, and no other row increases it more."""
    pool = random_pool(3, 25, 8)
    chosen = mig(10, **pool, gain="exact", **options)
    worth = [objective(chosen.rows[:at], **pool, **options) for at in range(11)]
    assert chosen.gains == pytest.approx(np.diff(worth))
    for at, row in enumerate(chosen.rows):
        rest = np.setdiff1d(np.arange(25), chosen.rows[:at])
        best = max(objective([*chosen.rows[:at], other], **pool, **options) for other in rest)
        assert objective([*chosen.rows[:at], row], **pool, **options) == pytest.approx(best)


@pytest.mark.parametrize("k", [1, 3])
def test_an_exact_gain_of_which_only_rounding_is_left_is_none(k):
    """Below 1e-290 sums are of subnormal numbers: rows gain 0 there and come in pool order."""
    pool = {"tags": np.eye(3), "quality_scores": [1e-300, 3e-300, 2e-300], "label_graph": np.eye(3)}
    chosen = mig(k, **pool, gain="exact", phi_b=1.0)
    assert chosen.rows.tolist() == [0, 1, 2][:k]
    assert chosen.gains.tolist() == [0.0] * k


# ---------------------------------------------------------------------- laws


@pytest.mark.parametrize("gain", GAINS)
@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("quantised", [False, True])
def test_torch_takes_the_rows_numpy_takes(gain, options, quantised):
    pool = random_pool(11, 300, 30, quantised, density=0.1)
    ours, theirs = (mig(300, **pool, gain=gain, **options, device=device) for device in (None, "cpu"))
    assert ours.rows.tolist() == theirs.rows.tolist()
    assert ours.gains.tolist() == theirs.gains.tolist()


@pytest.mark.gpu
@pytest.mark.parametrize("gain", GAINS)
def test_cuda_takes_the_rows_numpy_takes(gain):
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
    pool = random_pool(12, 5000, 60, quantised=True, density=0.05)
    ours, theirs = (mig(2000, **pool, gain=gain, device=device) for device in (None, "cuda"))
    assert ours.rows.tolist() == theirs.rows.tolist()
    assert ours.gains.tolist() == theirs.gains.tolist()


@pytest.mark.parametrize("device", [None, "cpu"])
def test_torch_and_numpy_agree_over_many_passes(device, monkeypatch):
    monkeypatch.setattr("mig_dagster.selection.lazy_greedy.HOT", 4)
    pool = random_pool(13, 200, 20, quantised=True)
    assert mig(200, **pool, device=device).rows.tolist() == mig(200, **pool).rows.tolist()


@pytest.mark.parametrize("gain", GAINS)
def test_a_smaller_budget_is_a_prefix(gain):
    pool = random_pool(5, 60, 15, quantised=True)
    whole = mig(60, **pool, gain=gain)
    for k in (0, 1, 7, 59):
        part = mig(k, **pool, gain=gain)
        assert part.rows.tolist() == whole.rows[:k].tolist()
        assert part.gains.tolist() == whole.gains[:k].tolist()
        assert part.rows.dtype == np.int64
        assert part.gains.dtype == np.float64


@pytest.mark.parametrize("gain", GAINS)
def test_gains_never_rise(gain):
    gains = mig(200, **random_pool(6, 200, 20), gain=gain).gains
    assert (np.diff(gains) <= 1e-9 * gains[0]).all()


@pytest.mark.parametrize("gain", GAINS)
def test_names_of_labels_do_not_matter(gain):
    pool = random_pool(7, 80, 15)
    order = np.random.default_rng(0).permutation(15)
    renamed = {
        "tags": csr_array(pool["tags"].toarray()[:, order]),
        "quality_scores": pool["quality_scores"],
        "label_graph": csr_array(pool["label_graph"].toarray()[np.ix_(order, order)]),
    }
    assert mig(40, **pool, gain=gain).rows.tolist() == mig(40, **renamed, gain=gain).rows.tolist()


@pytest.mark.parametrize("gain", GAINS)
def test_without_propagation_the_edges_do_not_matter(gain):
    pool = random_pool(8, 60, 15)
    alone = {**pool, "label_graph": csr_array(np.eye(15))}
    free = mig(60, **pool, gain=gain, prop_weight=0.0)
    assert free.rows.tolist() == mig(60, **alone, gain=gain, prop_weight=1.0).rows.tolist()


@pytest.mark.parametrize("gain", GAINS)
def test_rows_without_labels_change_nothing_and_come_last_in_order(gain):
    pool = random_pool(9, 50, 15, density=0.4)
    labelled = int((np.diff(pool["tags"].indptr) > 0).sum())
    more = {
        **pool,
        "tags": csr_array(vstack([pool["tags"], csr_array((3, 15))])),
        "quality_scores": [*pool["quality_scores"], 9.0, 99.0, 5.0],
    }
    rows = mig(53, **more, gain=gain).rows.tolist()
    assert rows[:labelled] == mig(labelled, **pool, gain=gain).rows.tolist()
    assert rows[labelled:] == sorted(rows[labelled:])


def test_scaling_the_scores_keeps_the_order_under_exact_gain():
    """True of phi = x ** b; the floor is made negligible."""
    pool = random_pool(10, 60, 10)
    scaled = {**pool, "quality_scores": pool["quality_scores"] * 37}
    ours, theirs = (mig(60, **given_, gain="exact", phi_a=1e-15).rows.tolist() for given_ in (pool, scaled))
    assert ours == theirs


@pytest.mark.parametrize("gain", GAINS)
def test_of_equal_rows_the_lowest_is_taken(gain):
    pool = {"tags": np.ones((6, 1)), "quality_scores": np.ones(6), "label_graph": [[1.0]]}
    assert mig(6, **pool, gain=gain).rows.tolist() == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("gain", GAINS)
def test_saturated_labels_leave_index_order(gain):
    """exp(-1000) is no number: every gain left is exactly 0."""
    pool = {"tags": np.ones((5, 1)), "quality_scores": [1.0, 2000, 3, 4, 5], "label_graph": [[1.0]]}
    assert (
        mig(5, **pool, gain=gain, phi_type="exp").rows.tolist()[1:]
        == {
            "gradient": [0, 2, 3, 4],
            "exact": [0, 2, 3, 4],
        }[gain]
    )


@pytest.mark.parametrize("gain", GAINS)
@pytest.mark.parametrize(("n", "m"), [(0, 3), (4, 0), (0, 0)])
def test_a_pool_without_rows_or_labels_works(gain, n, m):
    pool = {"tags": csr_array((n, m)), "quality_scores": np.ones(n), "label_graph": csr_array(np.eye(m))}
    chosen = mig(n, **pool, gain=gain)
    assert chosen.rows.tolist() == list(range(n))
    assert chosen.gains.tolist() == [0.0] * n
    assert chosen.objective == 0
    assert mig(n, **pool, gain=gain, device="cpu").rows.tolist() == list(range(n))


@pytest.mark.parametrize("gain", GAINS)
@pytest.mark.parametrize("density", [0.5, 1.0])
def test_a_pool_larger_than_the_heap_is_drained_to_the_last_row(gain, density):
    pool = random_pool(14, 5000, 5, quantised=True, density=density)
    assert sorted(mig(5000, **pool, gain=gain).rows.tolist()) == list(range(5000))


# ----------------------------------------------------- warning and objective


@pytest.mark.filterwarnings("error")
def test_gradient_below_twice_the_labels_warns_and_exact_does_not():
    pool = random_pool(15, 60, 10, density=0.5)
    with pytest.warns(SelectionWarning, match=r'k=19 is less than twice the 10 labels.*pass gain="exact"'):
        mig(19, **pool)
    mig(20, **pool)
    mig(0, **pool)
    mig(19, **pool, gain="exact")


@pytest.mark.filterwarnings("error")
def test_no_rule_is_better_than_another_where_every_row_is_taken():
    mig(15, **random_pool(15, 15, 10, density=0.5))


def test_labels_that_no_row_carries_do_not_count_in_the_warning():
    pool = {"tags": np.eye(4, 50), "quality_scores": np.ones(4), "label_graph": np.eye(50)}
    pool["tags"] = np.vstack([pool["tags"]] * 3)
    pool["quality_scores"] = np.ones(12)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        mig(8, **pool)


@pytest.mark.parametrize("gain", GAINS)
@pytest.mark.parametrize("options", OPTIONS)
def test_the_objective_is_that_of_the_rows_under_either_rule(gain, options):
    pool = random_pool(16)
    chosen = mig(15, **pool, gain=gain, **options)
    v, p = dense_parts(pool, options.get("prop_weight", 1.0), options.get("norm", False))
    phi, _ = phi_of(**{key: value for key, value in options.items() if key.startswith("phi")})
    x = v[chosen.rows].sum(axis=0) @ p
    assert chosen.objective == pytest.approx((phi(x) - phi(0.0)).sum())
    assert chosen.objective == objective(chosen.rows[::-1], **pool, **options)


def test_exact_gain_reaches_more_than_the_gradient_rule_on_a_small_budget():
    """The slope at 0 is 12.7, so an untouched label beats more of a good one: 127 to 32, in truth 6 to 29."""
    pool = {"tags": [[1, 0], [1, 0], [0, 1]], "quality_scores": [100.0, 100, 10], "label_graph": np.eye(2)}
    gradient, exact = (mig(2, **pool, gain=gain) for gain in GAINS)
    assert (gradient.rows.tolist(), exact.rows.tolist()) == ([0, 2], [0, 1])
    assert gradient.objective < 0.7 * exact.objective


def test_columns_of_the_propagation_sum_to_one_and_rows_need_not():
    shares = propagation(WORKED["label_graph"], 0.6).toarray()
    assert shares.sum(axis=0) == pytest.approx(np.ones(3))
    assert shares[0, 1] == pytest.approx(0.6 * 0.95 / (1 + 0.6 * 0.95))
    uneven = propagation(np.array([[1.0, 0.5], [0.0, 1.0]])).toarray()
    assert uneven == pytest.approx(np.array([[1, 1 / 3], [0, 2 / 3]]))

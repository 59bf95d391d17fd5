import numpy as np
import pytest
import torch

from mig_dagster.selection import coverage as module
from mig_dagster.selection.coverage import Coverage, facility_location
from mig_dagster.selection.exact_cosines import UNIT, grid_vectors
from tests.selection.test_qdit import book_cosines, text_like

CPU = torch.device("cpu")


def by_the_book(rows, embeddings):
    """d(A) with whole cosines: sum over the pool of the best cosine with A, none below 0."""
    return np.maximum(book_cosines(embeddings)[:, rows].max(axis=1, initial=0), 0).sum()


@pytest.fixture(params=[3, 7, 64])
def block(request, monkeypatch):
    monkeypatch.setitem(module.BLOCK, "cpu", request.param)
    return request.param


# ---------------------------------------------------------------------- facility_location


@pytest.mark.parametrize("seed", range(10))
def test_facility_location_is_the_sum_of_best_cosines(seed, block):
    rng = np.random.default_rng(seed)
    embeddings = text_like(rng, 40, 6)
    rows = rng.permutation(40)[: seed * 4]
    assert facility_location(rows, embeddings) == by_the_book(rows, embeddings)


def test_a_pool_stands_for_itself():
    embeddings = text_like(np.random.default_rng(0), 300, 16, zeros=False)
    assert facility_location(np.arange(300), embeddings) == 300


def test_no_rows_stand_for_nothing():
    embeddings = text_like(np.random.default_rng(0), 10, 4)
    assert facility_location([], embeddings) == 0
    assert facility_location([], np.empty((0, 4))) == 0


def test_a_row_of_zeros_is_like_no_row():
    assert facility_location([0, 1], [[0.0, 0.0], [1.0, 0.0]]) == 1


def test_order_and_length_do_not_matter():
    rng = np.random.default_rng(1)
    embeddings = text_like(rng, 50, 8)
    value = facility_location([3, 30, 12], embeddings)
    assert facility_location([12, 3, 30, 3], embeddings) == value
    assert facility_location([12, 3, 30], embeddings * 2.0 ** rng.integers(-40, 40, (50, 1))) == value


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([3], r"rows must be in 0..2, got 3..3"),
        ([-1, 0], r"rows must be in 0..2, got -1..0"),
        ([0.5], "rows must be a list of pool indices, got float64"),
        ([[0]], r"rows must be a list of pool indices, got int64 of shape \(1, 1\)"),
    ],
)
def test_rows_that_are_not_in_the_pool_are_refused(rows, message):
    with pytest.raises(ValueError, match=message):
        facility_location(rows, np.eye(3))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"row_embeddings": [1.0]}, r"row_embeddings must be a matrix of n rows, got shape \(1,\)"),
        ({"row_embeddings": [[np.nan]]}, "row_embeddings must be finite"),
        ({"device": "tpu"}, "device must be None"),
    ],
)
def test_what_cannot_be_used_is_refused(changed, message):
    with pytest.raises(ValueError, match=message):
        facility_location([0], **{"row_embeddings": np.eye(2), **changed})


# ---------------------------------------------------------------------- Coverage


def check_run(coverage, cosines, order):
    """Take rows in some order and compare limits, gains and value with the definition at every step."""
    reached = np.zeros(cosines.shape[1])
    for step, row in enumerate(order):
        expected = np.maximum(cosines - reached, 0).sum(axis=1)
        if step % 3 != 1:
            limits = coverage.limits()
            assert (limits >= expected).all()
            assert limits == pytest.approx(expected, rel=1e-3, abs=1e-2)
        some = np.arange(step % 2, len(cosines), 3)
        assert coverage.gains(some).tolist() == expected[some].tolist()
        coverage.take(int(row))
        reached = np.maximum(reached, cosines[row])
        assert coverage.value() == reached.sum()


@pytest.mark.parametrize("pairs", [-1, 0, 200, 10**9])
@pytest.mark.parametrize("seed", range(3))
def test_gains_are_exact_before_and_after_pairs_are_kept(seed, pairs, block, monkeypatch):
    monkeypatch.setattr(module, "PAIRS", pairs)
    rng = np.random.default_rng(seed)
    embeddings = text_like(rng, 50, 5)
    vectors = grid_vectors(embeddings, CPU)
    check_run(Coverage(vectors, vectors), book_cosines(embeddings), rng.permutation(50)[:20])


@pytest.mark.parametrize("pairs", [-1, 10**9])
def test_candidates_and_pool_may_be_different_rows(pairs, block, monkeypatch):
    monkeypatch.setattr(module, "PAIRS", pairs)
    rng = np.random.default_rng(5)
    embeddings = text_like(rng, 60, 5)
    vectors, cosines = grid_vectors(embeddings, CPU), book_cosines(embeddings)
    check_run(Coverage(vectors[:20], vectors[10:]), cosines[:20, 10:], rng.permutation(20)[:10])


def test_limits_hold_where_float32_cannot_tell():
    """Rows reached to within float32's error: their pairs must not be lost to rounding."""
    embeddings = text_like(np.random.default_rng(2), 400, 64, zeros=False)
    vectors = grid_vectors(embeddings, CPU)
    coverage = Coverage(vectors, vectors)
    coverage._reached = torch.from_numpy((book_cosines(embeddings)[7] - UNIT) / UNIT)
    assert (coverage.limits() >= coverage.gains(np.arange(400))).all()


def test_limits_hold_for_pairs_that_float32_finds_too_low():
    """Of thousands of numbers of one sign float32 loses far more than the roundings that are to spare."""
    embeddings = np.random.default_rng(0).uniform(0.5, 1, (60, 6000))
    vectors = grid_vectors(embeddings, CPU)
    products = torch.mm(vectors.double(), vectors.double().T)
    low = torch.mm(vectors, vectors.T).double() - products
    assert low.min() * UNIT < -(2.0**-22), "or the pool proves nothing"
    for a, v in zip(*np.nonzero((low * UNIT < -(2.0**-22)).numpy()), strict=True):
        coverage = Coverage(vectors[a : a + 1], vectors[v : v + 1])
        coverage._reached[:] = products[a, v].round() - 1
        assert coverage.limits()[0] >= coverage.gains(np.array([0]))[0] == UNIT


@pytest.mark.parametrize("d", [2, 64, 700])
def test_limits_hold_for_pairs_that_only_just_count_as_1(d):
    """Their cosine is below 1 by up to 2 ** -22, which float32 cannot be trusted to see."""
    rng = np.random.default_rng(0)
    first = rng.normal(size=(400, d))
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    aside = rng.normal(size=(400, d))
    aside -= (aside * first).sum(1, keepdims=True) * first
    aside /= np.linalg.norm(aside, axis=1, keepdims=True)
    angle = 0.995 * np.sqrt(2) * 2.0**-11  # cos = 1 - angle ** 2 / 2
    one, other = grid_vectors(first, CPU), grid_vectors(first + angle * aside, CPU)
    near = 0
    for a, v in zip(one.split(1), other.split(1), strict=True):
        coverage = Coverage(a, v)
        coverage._reached[:] = (1 - 2.0**-22) / UNIT
        limit, gain = coverage.limits()[0], coverage.gains(np.array([0]))[0]
        near += gain > 0
        assert limit >= gain + (d + 1.5) * 2.0**-24 * (gain > 0), "room for the roundings of the worst order"
    assert near > 100


@pytest.mark.parametrize("different", [False, True])
def test_limits_leave_room_for_a_sum_made_in_the_worst_order(different):
    """Adding up b numbers can cost b - 1 roundings of 2 ** -24; torch adds in a better order, today."""
    vectors = grid_vectors(np.ones((1000, 1)), CPU)
    coverage = Coverage(vectors, vectors.clone() if different else vectors)
    limits, gains = coverage.limits(), coverage.gains(np.arange(1000))
    assert (limits * (1 - 999 * 2.0**-24) >= gains).all()


@pytest.mark.parametrize("share", [1e-6, 1e-3, 0.3])
def test_limits_hold_for_many_tiny_equal_terms(share):
    embeddings = np.concatenate([np.eye(1, 3), np.tile([[share, 1.0, 0]], (5000, 1))])
    vectors = grid_vectors(embeddings, CPU)
    coverage = Coverage(vectors, vectors)
    some = np.arange(0, 5001, 100)
    assert (coverage.limits()[some] >= coverage.gains(some)).all()
    coverage.take(0)
    assert (coverage.limits()[some] >= coverage.gains(some)).all()


@pytest.fixture
def bfloat16_allowed():
    setting = torch.backends.mkldnn.matmul
    before = setting.fp32_precision
    setting.fp32_precision = "bf16"
    yield
    setting.fp32_precision = before


@pytest.mark.usefixtures("bfloat16_allowed")
def test_a_shortcut_that_torch_was_allowed_does_not_loosen_the_limits():
    embeddings = text_like(np.random.default_rng(2), 300, 64)
    vectors = grid_vectors(embeddings, CPU)
    coverage = Coverage(vectors, vectors)
    limits, gains = coverage.limits(), coverage.gains(np.arange(300))
    assert (limits >= gains).all()
    assert limits == pytest.approx(gains, abs=1e-2)


def test_the_expected_number_of_pairs_is_about_right(monkeypatch):
    monkeypatch.setattr(module, "SAMPLE", 100)
    embeddings = text_like(np.random.default_rng(3), 1000, 32)
    vectors = grid_vectors(embeddings, CPU)
    coverage = Coverage(vectors, vectors)
    for row in range(20):
        coverage.take(row)
    cosines = book_cosines(embeddings)
    reached = np.maximum(cosines[:20].max(axis=0), 0)
    assert coverage._expected_pairs() == pytest.approx((cosines > reached).sum(), rel=0.3)


@pytest.mark.parametrize(
    ("pairs", "room", "again"),
    [(900, 1000, 40), (1001, 1000, 13), (1500, 1000, 17), (6990, 1000, 77), (7500, 1000, 40), (10, 0, 40)],
)
def test_limits_wait_until_pairs_are_few_if_that_is_not_far(pairs, room, again, monkeypatch):
    monkeypatch.setattr(module, "PAIRS", room)
    monkeypatch.setattr(Coverage, "_expected_pairs", lambda coverage: pairs)
    vectors = grid_vectors(text_like(np.random.default_rng(3), 30, 3), CPU)
    coverage = Coverage(vectors, vectors)
    assert coverage.look_again == 1
    for row in range(10):
        coverage.take(row)
    coverage.limits()
    assert coverage.look_again == again


# ---------------------------------------------------------------------- exact cosines


def test_cosines_do_not_depend_on_how_they_are_cut():
    rng = np.random.default_rng(4)
    vectors = grid_vectors(rng.normal(size=(200, 384)).astype(np.float32), CPU)
    whole = torch.mm(vectors.double(), vectors.double().T)
    backwards = vectors.flip(1).double()
    by_hand = (vectors.double()[:, None, :] * vectors.double()[None, :, :]).sum(-1)
    assert torch.equal(whole, torch.mm(backwards, backwards.T))
    assert torch.equal(whole, by_hand)
    assert torch.equal(whole[17:18, 40:71], torch.mm(vectors[17:18].double(), vectors[40:71].double().T))


def moved(embeddings):
    """How far the cosines of grid vectors are from those of the embeddings, at most."""
    units = embeddings.astype(np.float64) / np.linalg.norm(embeddings.astype(np.float64), axis=1, keepdims=True)
    vectors = grid_vectors(embeddings, CPU).double()
    return np.abs((torch.mm(vectors, vectors.T) * UNIT).numpy() - units @ units.T).max()


def proven(d):
    """Cauchy and Schwarz: sqrt(d) half steps of the grid and float32's half step, for both vectors of a product."""
    return 2.02 * (np.sqrt(d) * 2.0**-27 + 2.0**-24)


@pytest.mark.parametrize("d", [1, 2, 3, 8, 384])
def test_grid_vectors_are_within_the_proven_bound_of_the_cosines(d):
    assert moved(text_like(np.random.default_rng(5), 300, d, zeros=False)) < proven(d)


@pytest.mark.parametrize("d", [4, 300, 1000])
def test_the_bound_holds_where_all_roundings_add_up(d):
    """Components that are all alike are all rounded alike."""
    assert moved(np.concatenate([np.ones((1, d)), 2.0 * np.eye(1, d) + 1])) < proven(d)


@pytest.mark.parametrize("component", [0.05, 0.2, 0.4, 0.7])
def test_components_are_rounded_to_the_steps_that_are_stated(component):
    """2 ** -26 below 1/4, then as float32: 2 ** -25, and from 1/2 on 2 ** -24."""
    step = 2.0 ** -min(26, 23 - np.floor(np.log2(component)))
    values = component + np.linspace(0, 40 * step, 500)
    vectors = grid_vectors(np.stack([values, np.sqrt(1 - values**2)], axis=1), CPU).double().numpy()[:, 0] * 2.0**-15
    assert (vectors % step == 0).all()
    assert step / 3 < np.abs(vectors - values).max() <= 0.75 * step, "on the grid first, then as float32"


def test_pools_larger_than_a_chunk_are_normalised_alike(monkeypatch):
    embeddings = text_like(np.random.default_rng(6), 50, 7)
    whole = grid_vectors(embeddings, CPU)
    monkeypatch.setattr("mig_dagster.selection.exact_cosines.CHUNK", 8)
    assert torch.equal(grid_vectors(embeddings, CPU), whole)

import numpy as np
import pytest
import torch

from mig_dagster.selection.cosine_filter import BLOCK as BLOCKS
from mig_dagster.selection.cosine_filter import TILE as TILES
from mig_dagster.selection.deita import deita
from mig_dagster.selection.rounded_products import bfloat16_error, float32_error, float64_error, full_precision
from mig_dagster.selection.unit_vectors import unit_vectors

FILTER = "mig_dagster.selection.cosine_filter"
BLOCK = BLOCKS["cpu"]


@pytest.fixture(params=[True, False], ids=["bfloat16 first", "float32 first"])
def hardware(request, monkeypatch):
    """Machines that multiply bfloat16 quickly, and machines that do not."""
    monkeypatch.setattr(f"{FILTER}.multiplies_bfloat16", lambda device: request.param)


def one_at_a_time(k, quality_scores, row_embeddings, threshold):
    """The algorithm as it is stated: x is kept if max over y in S of cos(x, y) is at most tau, but for rounding."""
    units = unit_vectors(row_embeddings)
    highest = up_to(threshold, units.shape[1])
    kept = []
    for x in np.argsort(-np.asarray(quality_scores), kind="stable").tolist():
        if len(kept) == k:
            break
        if all(cosine(units[x], units[y]) <= highest for y in kept):
            kept.append(x)
    return kept


def up_to(threshold, d):
    """What counts as at the threshold: so little above it, and below 1."""
    return threshold if threshold >= 1 else min(threshold + (d + 8) * 2**-51, 1 - 2**-53)


def cosine(one, other):
    if not (one.any() and other.any()):
        return -np.inf
    return 1.0 if (one == other).all() else min(1.0, float(np.einsum("d,d->", one, other)))


def random_pool(seed, n=60, d=6):
    """Clusters of near-duplicates, exact copies, scores that tie, lengths that differ, some rows of zeros."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(max(1, n // 4), d))
    vectors = centres[rng.integers(0, len(centres), n)]
    vectors = vectors + rng.normal(size=(n, d)) * rng.choice([0, 1e-9, 1e-5, 0.1, 0.5], (n, 1))
    vectors *= rng.choice([1e-3, 1.0, 2.0, 50.0], (n, 1))
    vectors[rng.random(n) < 0.05] = 0
    scores = rng.integers(-3, 4, n) if seed % 2 else rng.normal(size=n)
    dtype = np.float32 if seed % 3 else np.float64
    return {"quality_scores": scores.astype(float), "row_embeddings": vectors.astype(dtype)}


def at_angles(*degrees):
    return np.array([[np.cos(np.radians(each)), np.sin(np.radians(each))] for each in degrees])


# ------------------------------------------------------- golden cases, oracle


def test_golden_rows_twenty_degrees_apart():
    """cos 20 = 0.9397, cos 40 = 0.7660; the reference with batch_size=2 also drops row 2, for being like row 1."""
    chosen = deita(2, quality_scores=[3.0, 2, 1], row_embeddings=at_angles(0, 20, 40), threshold=0.9)
    assert chosen.rows.tolist() == [0, 2]
    assert chosen.gains.tolist() == [3, 1]
    assert chosen.shortfall is None


def test_threshold_is_nine_tenths_unless_said_otherwise():
    assert deita(3, quality_scores=[3.0, 2, 1], row_embeddings=at_angles(0, 20, 40)).rows.tolist() == [0, 2]


@pytest.mark.parametrize("blocks", [(1, 1), (2, 3), (7, 2), (16, 64), (1024, 4096)])
@pytest.mark.parametrize("threshold", [0.9, 0.99999, 0.5, 0.0, -0.4, 1.0])
def test_deita_equals_the_loop_over_rows(threshold, blocks, hardware, monkeypatch):
    monkeypatch.setitem(BLOCKS, "cpu", blocks[0])
    monkeypatch.setitem(TILES, "cpu", blocks[1])
    monkeypatch.setattr(f"{FILTER}.PAIRS", 3)
    monkeypatch.setattr(f"{FILTER}.COLUMNS", 50)
    for seed in range(8):
        pool = random_pool(seed)
        for k in (60, 5):
            chosen = deita(k, **pool, threshold=threshold)
            assert chosen.rows.tolist() == one_at_a_time(k, **pool, threshold=threshold), seed


@pytest.mark.parametrize("blocks", [(1, 1, 1024), (5, 7, 1), (1024, 4096, 1), (1024, 4096, 1024)])
@pytest.mark.parametrize("spread", [0, 1e-9, 1e-6, 3e-3])
def test_cosines_closer_to_the_threshold_than_a_product_can_tell_are_decided_in_float64(
    spread, blocks, hardware, monkeypatch
):
    """Every cosine is the threshold give or take a little, or the very number itself, or the last that counts as it."""
    monkeypatch.setitem(BLOCKS, "cpu", blocks[0])
    monkeypatch.setitem(TILES, "cpu", blocks[1])
    monkeypatch.setattr(f"{FILTER}.PAIRS", blocks[2])
    rng = np.random.default_rng(5)
    n, d, kept = 40, 48, []
    for _ in range(7):
        gram = np.triu(0.9 + rng.normal(size=(n, n)) * spread, 1)
        vectors = np.linalg.cholesky(gram + gram.T + np.eye(n)) @ np.linalg.qr(rng.normal(size=(d, d)))[0][:n]
        units = unit_vectors(vectors)
        pool = {"quality_scores": rng.normal(size=n), "row_embeddings": vectors}
        equal = cosine(units[3], units[17])
        for threshold in (0.9, equal, cosine(units[0], units[1]), equal - (d + 8) * 2**-51):
            expected = one_at_a_time(n, **pool, threshold=threshold)
            assert deita(n, **pool, threshold=threshold).rows.tolist() == expected
            kept.append(len(expected))
    assert 1 < np.mean(kept) < n - 1, "some go and some stay"


@pytest.mark.parametrize(("threshold", "above", "below"), [(0.0, 0, 1), (0.6, 3, 5), (0.8, 4, 5), (0.5, 1, 2)])
@pytest.mark.parametrize("pairs", [1, 1024], ids=["products first", "one by one"])
def test_rows_exactly_at_the_threshold_stay(threshold, above, below, pairs, hardware, monkeypatch):
    """Whole numbers, so that the rule can be followed exactly; many cosines are above / below, the threshold."""
    monkeypatch.setattr(f"{FILTER}.PAIRS", pairs)
    at_threshold = 0
    for seed in range(60):
        vectors = np.random.default_rng(seed).integers(-3, 4, (40, 3))
        vectors = np.concatenate([vectors, [[3, 4, 0], [5, 0, 0], [0, 5, 0], [1, 1, 0], [0, 1, 1]]])
        gram = vectors @ vectors.T
        squares = np.outer(np.diag(gram), np.diag(gram))
        dissimilar = (gram <= 0) | ((below * gram) ** 2 <= above**2 * squares)
        at_threshold += ((gram >= 0) & ((below * gram) ** 2 == above**2 * squares)).sum()
        kept = []
        for row in range(len(vectors)):
            if dissimilar[row, kept].all():
                kept.append(row)
        scores = -np.arange(len(vectors))
        chosen = deita(len(vectors), quality_scores=scores, row_embeddings=vectors, threshold=threshold)
        assert chosen.rows.tolist() == kept, seed
    assert at_threshold > 200


@pytest.mark.parametrize(("farther", "kept"), [(1e-15, 2), (-1e-12, 2), (1e-14, 1), (1e-12, 1)])
def test_no_more_than_rounding_is_allowed_above_the_threshold(farther, kept):
    cosine_of_both = 0.6 + farther
    vectors = np.array([[1, 0], [cosine_of_both, np.sqrt(1 - cosine_of_both**2)]])
    assert len(deita(2, quality_scores=[2.0, 1], row_embeddings=vectors, threshold=0.6).rows) == kept


def test_many_cosines_at_the_threshold_are_told_by_products(hardware, monkeypatch):
    """Of one-hot rows every pair is at 0: n * n / 2 pairs, of which none is looked at one by one."""
    looked = []
    monkeypatch.setattr(f"{FILTER}.unit_vectors", lambda vectors: looked.append(len(vectors)) or unit_vectors(vectors))
    n = 2 * BLOCK + 50
    chosen = deita(n, quality_scores=np.zeros(n), row_embeddings=np.eye(n), threshold=0.0)
    assert chosen.rows.tolist() == list(range(n))
    assert sum(looked) < 8 * n


def test_a_pool_of_several_blocks_equals_the_loop_over_rows(hardware):
    rng = np.random.default_rng(8)
    n = 3 * BLOCK + 5
    vectors = rng.normal(size=(400, 16))[rng.integers(0, 400, n)] + 0.35 * rng.normal(size=(n, 16))
    pool = {"quality_scores": rng.integers(0, 50, n).astype(float), "row_embeddings": vectors.astype(np.float32)}
    units, kept = unit_vectors(pool["row_embeddings"]), []
    for row in np.argsort(-pool["quality_scores"], kind="stable").tolist():
        if not kept or (units[kept] @ units[row]).max() <= 0.9:
            kept.append(row)
    assert BLOCK < len(kept) < n - BLOCK
    assert deita(n, **pool).rows.tolist() == kept


# ---------------------------------------------------------------------- laws


@pytest.mark.parametrize("seed", range(10))
def test_pairs_kept_are_unlike_and_rows_dropped_have_a_better_twin(seed):
    pool = random_pool(seed, n=200)
    chosen = deita(200, **pool, threshold=0.8)
    units = unit_vectors(pool["row_embeddings"])
    cosines = units @ units.T
    kept = chosen.rows
    assert (np.triu(cosines[np.ix_(kept, kept)], 1) <= 0.8 + 1e-12).all()
    place = {row: at for at, row in enumerate(np.argsort(-pool["quality_scores"], kind="stable").tolist())}
    for row in np.setdiff1d(np.arange(200), kept):
        better = [other for other in kept if place[other] < place[row]]
        assert cosines[row, better].max() > 0.8 - 1e-12


def test_a_smaller_budget_is_a_prefix():
    pool = random_pool(3, n=200)
    whole = deita(200, **pool)
    for k in (0, 1, 9, len(whole.rows)):
        part = deita(k, **pool)
        assert part.rows.tolist() == whole.rows[:k].tolist()
        assert part.gains.tolist() == pool["quality_scores"][part.rows].tolist()
        assert (part.rows.dtype, part.gains.dtype, part.shortfall) == (np.int64, np.float64, None)


def test_the_length_of_an_embedding_does_not_matter():
    pool = random_pool(4, n=200)
    pool["row_embeddings"] = pool["row_embeddings"].astype(np.float64)
    lengths = np.exp(np.random.default_rng(0).normal(size=(200, 1)) * 20)
    scaled = {**pool, "row_embeddings": pool["row_embeddings"] * lengths}
    assert deita(200, **pool).rows.tolist() == deita(200, **scaled).rows.tolist()


@pytest.mark.parametrize("threshold", [1.0, 2.0, 1e300])
def test_a_threshold_of_one_or_more_is_plain_top_k(threshold):
    pool = random_pool(1, n=200)
    best = np.argsort(-pool["quality_scores"], kind="stable")
    assert deita(200, **pool, threshold=threshold).rows.tolist() == best.tolist()
    assert deita(7, **pool, threshold=threshold).rows.tolist() == best[:7].tolist()


@pytest.mark.parametrize("pairs", [1, 1024], ids=["products first", "one by one"])
def test_copies_have_cosine_one_to_the_last_bit(pairs, monkeypatch):
    """The largest threshold below 1 still tells copies from near-copies; in float64 v @ v can come out below 1."""
    monkeypatch.setattr(f"{FILTER}.PAIRS", pairs)
    rng = np.random.default_rng(6)
    pool = {"quality_scores": np.zeros(300), "row_embeddings": np.repeat(rng.normal(size=(100, 5)), 3, axis=0)}
    assert deita(300, **pool, threshold=np.nextafter(1, 0)).rows.tolist() == list(range(0, 300, 3))


def test_of_equal_scores_the_lowest_row_comes_first():
    pool = {"quality_scores": np.zeros(5), "row_embeddings": np.ones((5, 2))}
    assert deita(1, **pool).rows.tolist() == [0]
    assert deita(5, **pool, threshold=1.0).rows.tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("threshold", [0.9, 0.0, -0.5])
def test_a_row_of_zeros_is_like_no_row(threshold):
    vectors = np.array([[0.0, 0], [1, 0], [0, 0], [1, 0], [0, 0]])
    chosen = deita(5, quality_scores=[5.0, 4, 3, 2, 1], row_embeddings=vectors, threshold=threshold)
    assert chosen.rows.tolist() == [0, 1, 2, 4]


def test_scores_only_rank():
    pool = random_pool(7, n=100)
    shifted = {**pool, "quality_scores": np.exp(pool["quality_scores"]) - 30}
    assert deita(100, **pool).rows.tolist() == deita(100, **shifted).rows.tolist()


def test_inputs_are_not_changed():
    pool = random_pool(9)
    before = {name: values.copy() for name, values in pool.items()}
    deita(20, **pool)
    assert all((pool[name] == before[name]).all() for name in pool)


@pytest.mark.parametrize("d", [0, 3])
def test_an_empty_pool_works(d):
    chosen = deita(0, quality_scores=np.empty(0), row_embeddings=np.empty((0, d)))
    assert (chosen.rows.tolist(), chosen.gains.tolist(), chosen.shortfall) == ([], [], None)


def test_looking_stops_at_the_last_row_kept(monkeypatch):
    monkeypatch.setitem(BLOCKS, "cpu", 10)
    looked = []
    monkeypatch.setattr(f"{FILTER}.unit_vectors", lambda vectors: looked.append(len(vectors)) or unit_vectors(vectors))
    pool = {"quality_scores": -np.arange(1000.0), "row_embeddings": np.random.default_rng(0).normal(size=(1000, 64))}
    assert deita(15, **pool).rows.tolist() == list(range(15))
    assert looked == [10, 10]


def test_progress_is_told_now_and_then(monkeypatch):
    monkeypatch.setitem(BLOCKS, "cpu", 10)
    monkeypatch.setattr("mig_dagster.selection.reporting.TELL_EVERY", 0.0)
    told = []
    pool = {"quality_scores": -np.arange(100.0), "row_embeddings": np.random.default_rng(0).normal(size=(100, 64))}
    deita(30, **pool, on_progress=lambda chosen, k: told.append((chosen, k)))
    assert told == [(10, 30), (20, 30), (30, 30)]


# -------------------------------------------------------------------- devices


def test_torch_on_the_cpu_by_name_keeps_the_same_rows():
    pool = random_pool(10, n=500)
    assert deita(500, **pool, device="cpu").rows.tolist() == deita(500, **pool).rows.tolist()


@pytest.mark.gpu
@pytest.mark.parametrize("threshold", [0.9, 0.75])
def test_cuda_keeps_the_rows_the_cpu_keeps(threshold):
    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
    pool = random_pool(12, n=20_000, d=64)
    ours, theirs = (deita(20_000, **pool, threshold=threshold, device=device) for device in (None, "cuda"))
    assert ours.rows.tolist() == theirs.rows.tolist()


def test_a_process_that_allows_coarse_products_gets_the_same_rows(monkeypatch):
    """Training code often allows TF32 or bfloat16, which are off by more than the filter reckons with."""
    pool, seen, matmul = random_pool(11, n=300), [], torch.backends.mkldnn.matmul
    expected, before = deita(300, **pool).rows.tolist(), matmul.fp32_precision
    try:
        matmul.fp32_precision = "bf16"
        with torch.autocast("cpu", dtype=torch.bfloat16):
            assert deita(300, **pool).rows.tolist() == expected
            monkeypatch.setattr(
                f"{FILTER}._Kept.admit",
                lambda *_: seen.append((matmul.fp32_precision, torch.is_autocast_enabled("cpu"))),
            )
            deita(300, **pool)
        assert seen == [("ieee", False)]
        assert matmul.fp32_precision == "bf16"
    finally:
        matmul.fp32_precision = before


@pytest.mark.parametrize("d", [1, 3, 384, 4096])
@pytest.mark.parametrize(("dtype", "error"), [(torch.float32, float32_error), (torch.bfloat16, bfloat16_error)])
def test_products_are_no_farther_off_than_reckoned(d, dtype, error):
    """Numbers of one sign and of nearly equal size are the worst: all roundings go one way."""
    rng = np.random.default_rng(d)
    for vectors in (rng.normal(size=(200, d)), rng.uniform(0.999, 1, (200, d)), rng.lognormal(0, 3, (200, d))):
        units = unit_vectors(vectors)
        with full_precision(torch.device("cpu")):
            rounded = torch.from_numpy(units.astype(np.float32)).to(dtype)
            product = (rounded @ rounded.T).double().numpy()
        assert np.abs(product - units @ units.T).max() < error(d)


@pytest.mark.parametrize("d", [1, 3, 384, 4096])
def test_float64_products_are_no_farther_off_than_reckoned(d):
    """Against numbers of 64 bits, where the machine has them."""
    rng = np.random.default_rng(d)
    for vectors in (rng.normal(size=(30, d)), rng.uniform(0.999, 1, (30, d))):
        units = unit_vectors(vectors)
        finer = units.astype(np.longdouble)
        assert np.abs(units @ units.T - finer @ finer.T).max() < float64_error(d)


# --------------------------------------------------------------------- errors


def test_a_pool_that_runs_out_says_so():
    chosen = deita(3, quality_scores=[3.0, 2, 1], row_embeddings=at_angles(0, 20, 40), threshold=0.9)
    assert chosen.shortfall == (
        "2 rows instead of 3: every other row of the pool (1) has a cosine above 0.9 with a better one that was "
        "kept; raise threshold (1 drops nothing) or ask for fewer rows"
    )


@pytest.mark.parametrize("threshold", [-1.0, -3.0, np.nan, np.inf, -np.inf])
def test_a_threshold_that_is_no_cosine_is_refused(threshold):
    with pytest.raises(ValueError, match=r"threshold must be a finite number above -1, got .*0\.9 drops near-dup"):
        deita(1, quality_scores=[1.0], row_embeddings=[[1.0]], threshold=threshold)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"quality_scores": [1.0, np.nan]}, "quality_scores must be finite, got nan at row 1"),
        ({"quality_scores": [[1.0, 2.0]]}, "quality_scores must have one number for each row"),
        ({"row_embeddings": [[1.0], [np.inf]]}, "row_embeddings must be finite, got NaN or an infinity in row 1"),
        ({"row_embeddings": [[1.0]]}, r"row_embeddings must be a matrix of 2 rows, got shape \(1, 1\)"),
        ({"device": "tpu"}, 'device must be None, "cpu", "cuda"'),
        ({"device": "cuda:99"}, "device 'cuda:99' is not there"),
    ],
)
def test_arguments_that_cannot_be_used_are_refused(changed, message):
    given = {"quality_scores": [1.0, 2.0], "row_embeddings": [[1.0], [2.0]], **changed}
    with pytest.raises(ValueError, match=message):
        deita(1, **given)


def test_a_budget_that_cannot_be_met_is_refused():
    pool = {"quality_scores": [1.0, 2.0], "row_embeddings": [[1.0], [2.0]]}
    with pytest.raises(ValueError, match="k must be at most the 2 rows of the pool, got 3"):
        deita(3, **pool)
    with pytest.raises(ValueError, match="k must be at least 0, got -1"):
        deita(-1, **pool)
    with pytest.raises(TypeError, match=r"k must be an int, got 1\.0"):
        deita(1.0, **pool)

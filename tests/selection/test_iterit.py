import gzip
import json

import numpy as np
import pytest

from mig_dagster.selection import METHODS, SelectionWarning, iterit, options, reads
from mig_dagster.selection.ngrams import tfidf
from mig_dagster.selection.novelty import Novelty
from tests.selection.iterit_oracle import one_round, random_texts, regrets
from tests.shared_data import shared

pytestmark = pytest.mark.filterwarnings("ignore::mig_dagster.selection.SelectionWarning")

DOCS = ["red apple", "red apple", "green pear", "red apple pie"]
GOLDEN = {"ifd_scores": [0.9, 0.8, 0.5, 0.6], "responses": DOCS}
DECAYS = [0.1, 0.5, 0.9, 1.0, 0.0]


def random_pool(seed, quantised=False):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 30))
    texts = random_texts(rng, n)
    scores = rng.integers(0, 6, n) / 4 if quantised else rng.uniform(0.1, 1.3, n)
    return {"ifd_scores": scores, "responses": texts}


# ---------------------------------------------------------------- the algorithm


@pytest.mark.parametrize("decay", DECAYS)
@pytest.mark.parametrize("seed", range(60))
def test_equal_to_multiplying_every_entry_at_every_step(seed, decay):
    pool = random_pool(seed)
    n = len(pool["responses"])
    chosen = iterit(n, **pool, decay=decay)
    rows, gains = one_round(n, pool["ifd_scores"].tolist(), pool["responses"], decay)
    assert chosen.rows.tolist() == rows
    assert chosen.gains == pytest.approx(gains, rel=1e-12, abs=1e-300)
    assert (chosen.rows.dtype, chosen.gains.dtype) == (np.int64, np.float64)


@pytest.mark.parametrize("decay", DECAYS)
@pytest.mark.parametrize("seed", range(40))
def test_of_tied_scores_every_pick_is_one_of_the_best(seed, decay):
    pool = random_pool(seed, quantised=True)
    candidates = int((pool["ifd_scores"] < 1).sum())
    chosen = iterit(candidates, **pool, decay=decay)
    if candidates:
        short = regrets(chosen.rows.tolist(), pool["ifd_scores"].tolist(), pool["responses"], decay)
        assert short == pytest.approx([0.0] * candidates, abs=1e-12)


def in_the_same_arithmetic(k, ifd, texts, decay):
    """Score every candidate at every step in the order of additions that is stated, ties to the lowest row."""
    candidates = [row for row in range(len(ifd)) if ifd[row] < 1]
    matrix = tfidf([texts[row] for row in candidates]).toarray()
    weights = [1.0] * matrix.shape[1]
    rows, gains, left = [], [], set(range(len(candidates)))
    for _ in range(k):
        scores = {at: ifd[candidates[at]] * summed(matrix[at], weights) for at in left}
        best = max(left, key=lambda at: (scores[at], -at), default=None)
        if best is None or scores[best] == 0:
            break
        left.remove(best)
        rows.append(candidates[best])
        gains.append(scores[best])
        for column in np.flatnonzero(matrix[best]):
            weights[column] *= decay
    return rows, gains


def summed(entries, weights):
    has = np.flatnonzero(entries)
    return np.add.reduceat(entries[has] * np.array(weights)[has], [0])[0] if len(has) else 0.0


@pytest.mark.parametrize("decay", DECAYS)
@pytest.mark.parametrize("quantised", [False, True])
@pytest.mark.parametrize("seed", range(25))
def test_lazy_equals_scoring_every_row_in_the_same_arithmetic(seed, quantised, decay):
    pool = random_pool(seed, quantised)
    rows, gains = in_the_same_arithmetic(len(pool["responses"]), pool["ifd_scores"].tolist(), pool["responses"], decay)
    chosen = iterit(len(pool["responses"]), **pool, decay=decay)
    assert chosen.rows[: len(rows)].tolist() == rows
    assert chosen.gains[: len(rows)].tolist() == gains, "to the last bit"
    assert (chosen.gains[len(rows) :] == 0).all()


def test_real_answers_come_as_scoring_all_of_them_has_it():
    with gzip.open(shared("data/alpaca/alpaca_random_9k.json.gz"), "rt") as file:
        texts = [row["output"] for row in json.load(file)[:250]]
    ifd = np.random.default_rng(0).uniform(0.3, 1.1, len(texts))
    chosen = iterit(120, ifd_scores=ifd, responses=texts)
    assert chosen.rows.tolist() == one_round(120, ifd.tolist(), texts, 0.1)[0]


# ---------------------------------------------------------------- copies


def copies_pool(seed):
    """Return a few texts many times, with scores that are equal, apart by one rounding, by more, 0, or 1 and more."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 60))
    texts = [
        ["red apple", "red apple pie", "green pear", "", "pear pie fig", "red"][at] for at in rng.integers(0, 6, n)
    ]
    levels = rng.uniform(0.3, 0.9, 3)
    levels = np.concatenate([levels, np.nextafter(levels, 1), np.nextafter(levels, 0), [0.0, 1.2]])
    return {"ifd_scores": levels[rng.integers(0, len(levels), n)], "responses": texts}


@pytest.mark.parametrize("decay", DECAYS)
@pytest.mark.parametrize("seed", range(60))
def test_copies_come_as_scoring_every_row_has_it(seed, decay):
    pool = copies_pool(seed)
    n = len(pool["responses"])
    rows, gains = in_the_same_arithmetic(n, pool["ifd_scores"].tolist(), pool["responses"], decay)
    chosen = iterit(n, **pool, decay=decay)
    assert chosen.rows[: len(rows)].tolist() == rows
    assert chosen.gains[: len(rows)].tolist() == gains


@pytest.fixture
def scored(monkeypatch):
    """How many rows each call scored."""
    sizes = []
    whole = Novelty.sums
    monkeypatch.setattr(Novelty, "sums", lambda novelty, rows: sizes.append(len(rows)) or whole(novelty, rows))
    return sizes


@pytest.mark.parametrize("constant", [False, True])
def test_copies_of_one_answer_are_scored_once_for_each_row_taken(constant, scored):
    ifd = np.full(3000, 0.5) if constant else np.random.default_rng(0).random(3000)
    chosen = iterit(100, ifd_scores=ifd, responses=["the same answer again and again"] * 3000)
    assert chosen.rows.tolist() == np.argsort(-ifd, kind="stable")[:100].tolist()
    assert sum(scored) == 100


def test_copies_of_one_answer_among_others_are_scored_about_once_for_each_row_taken(scored):
    rng = np.random.default_rng(0)
    texts = [" ".join(f"w{word}" for word in rng.integers(0, 500, 8)) for _ in range(1000)] + ["no i cannot"] * 2000
    iterit(1100, ifd_scores=rng.uniform(0.3, 0.9, 3000), responses=texts)
    assert sum(scored) < 20 * 1100


def test_answers_that_differ_in_one_word_are_scored_in_few_calls(scored):
    """All of them lose nearly all their worth with each one taken."""
    rng = np.random.default_rng(0)
    texts = [f"i am sorry but i cannot help you with w{word}" for word in range(2000)]
    iterit(20, ifd_scores=rng.uniform(0.8, 0.9, 2000), responses=texts)
    assert len(scored) < 20 * 10


# ---------------------------------------------------------------- golden cases


@pytest.mark.parametrize(("decay", "rows"), [(1.0, [0, 3, 1, 2]), (0.1, [0, 3, 2, 1]), (0.0, [0, 3, 2, 1])])
def test_golden_picks(decay, rows):
    assert iterit(4, **GOLDEN, decay=decay).rows.tolist() == rows


def test_golden_scores():
    first = sorted(iterit(4, **GOLDEN, decay=1.0).gains)
    assert first == pytest.approx([0.866025, 1.385641, 1.435131, 1.558846], abs=1e-6)
    assert iterit(3, **GOLDEN).gains == pytest.approx([1.558846, 0.931908, 0.866025], abs=1e-6)
    copy = iterit(2, ifd_scores=[0.9, 0.8, 1.0, 1.0], responses=DOCS)
    assert copy.gains == pytest.approx([0.9 * 3**0.5, 0.08 * 3**0.5])


# ---------------------------------------------------------------- invariants


@pytest.mark.parametrize("seed", range(20))
def test_without_decay_rows_come_by_ifd_times_the_sum_of_tfidf(seed):
    pool = random_pool(seed)
    below = np.flatnonzero(pool["ifd_scores"] < 1)
    matrix = tfidf([pool["responses"][row] for row in below])
    scores = pool["ifd_scores"][below] * matrix.toarray().sum(axis=1)
    chosen = iterit(len(below), **pool, decay=1.0)
    assert chosen.gains == pytest.approx(np.sort(scores)[::-1])


@pytest.mark.parametrize("decay", DECAYS)
def test_a_copy_of_a_row_taken_drops_to_decay_times_its_score(decay):
    texts = ["one two three", "one two three", "four five"]
    chosen = iterit(3, ifd_scores=[0.8, 0.8, 0.79], responses=texts, decay=decay)
    gains = dict(zip(chosen.rows.tolist(), chosen.gains.tolist(), strict=True))
    assert gains[1] == pytest.approx(decay * gains[0])


@pytest.mark.parametrize("seed", range(20))
def test_rows_with_ifd_of_one_or_more_change_nothing_for_the_others(seed):
    pool = random_pool(seed)
    below = np.flatnonzero(pool["ifd_scores"] < 1)
    alone = iterit(len(below), ifd_scores=pool["ifd_scores"][below], responses=[pool["responses"][i] for i in below])
    assert iterit(len(below), **pool).rows.tolist() == below[alone.rows].tolist()


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("decay", [0.1, 0.0])
def test_a_smaller_budget_is_a_prefix(seed, decay):
    pool = random_pool(seed)
    n = len(pool["responses"])
    whole = iterit(n, **pool, decay=decay)
    for k in range(n):
        part = iterit(k, **pool, decay=decay)
        assert part.rows.tolist() == whole.rows[:k].tolist()
        assert part.gains.tolist() == whole.gains[:k].tolist()


@pytest.mark.parametrize("seed", range(20))
def test_scores_never_rise(seed):
    assert (np.diff(iterit(len(random_pool(seed)["responses"]), **random_pool(seed)).gains) <= 0).all()


def test_equal_rows_come_in_pool_order():
    assert iterit(5, ifd_scores=[0.5] * 5, responses=["red apple"] * 5).rows.tolist() == [0, 1, 2, 3, 4]


# ---------------------------------------------------------------- departures


def test_nothing_is_appended_to_an_answer():
    """With a word appended to it the sum of this row would be sqrt(3), not 1."""
    assert iterit(1, ifd_scores=[0.5], responses=["apple"]).gains.tolist() == [0.5]


def test_scores_closer_than_bfloat16_are_told_apart():
    assert iterit(2, ifd_scores=[0.9, 0.9001], responses=["apple", "pear"]).rows.tolist() == [1, 0]


def test_rows_without_a_score_follow_by_ifd():
    """Empty, without a word of two letters, or with an IFD of 0."""
    chosen = iterit(5, ifd_scores=[0.2, 0.7, 0.5, 0.0, 0.7], responses=["", "x", "red", "red pie", ""])
    assert chosen.rows.tolist() == [2, 1, 4, 0, 3]
    assert chosen.gains.tolist()[1:] == [0, 0, 0, 0]


def test_rows_with_ifd_of_one_or_more_come_last():
    pool = {"ifd_scores": [1.5, 1.0, 0.5, 1.0], "responses": ["red", "pie", "", "red pie"]}
    with pytest.warns(SelectionWarning, match=r"3 of 4 rows taken have ifd_scores of 1 or more.*lower k to 1") as told:
        chosen = iterit(4, **pool)
    assert told[0].filename == __file__
    assert chosen.rows.tolist() == [2, 1, 3, 0]
    assert chosen.gains.tolist() == [0, 0, 0, 0]


@pytest.mark.filterwarnings("error")
def test_candidates_alone_are_taken_without_a_warning():
    assert iterit(1, ifd_scores=[1.5, 0.5], responses=["red", "pie"]).rows.tolist() == [1]


@pytest.mark.parametrize(
    ("ifd_scores", "responses", "rows"),
    [
        ([0.5], ["red apple"], [0]),
        ([0.5], [""], [0]),
        ([0.5, 0.6, 0.6], ["a", "", "..."], [1, 2, 0]),
        ([2.0, 1.0], ["red", "pie"], [1, 0]),
        ([0.4, 2.0], ["red", "pie"], [0, 1]),
        ([], [], []),
    ],
)
def test_pools_that_stop_the_reference(ifd_scores, responses, rows):
    chosen = iterit(len(rows), ifd_scores=ifd_scores, responses=responses)
    assert chosen.rows.tolist() == rows
    assert len(iterit(0, ifd_scores=ifd_scores, responses=responses).rows) == 0


def test_phrases_worn_down_to_nothing_leave_the_order_of_ifd():
    ifd = np.random.default_rng(0).uniform(0.1, 1, 400)
    chosen = iterit(400, ifd_scores=ifd, responses=["apple"] * 400)
    assert chosen.rows.tolist() == np.argsort(-ifd).tolist()
    assert chosen.gains[280] > 0
    assert chosen.gains[399] == 0


# ---------------------------------------------------------------- arguments


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"k": 5}, "k must be at most the 4 rows of the pool, got 5"),
        ({"k": -1}, "k must be at least 0, got -1"),
        ({"ifd_scores": [0.5, np.nan, 0.5, 0.5]}, "ifd_scores must be finite, got nan at row 1"),
        ({"ifd_scores": [0.5, 0.5, np.inf, 0.5]}, "ifd_scores must be finite, got inf at row 2"),
        ({"ifd_scores": [0.5, -0.1, 0.5, 0.5]}, "ifd_scores must be at least 0, got -0.1 at row 1"),
        ({"responses": DOCS[:3]}, "responses must have one str for each of the 4 rows, got 3"),
        ({"decay": 1.5}, "decay must be finite, at least 0 and at most 1, got 1.5; 1 never discounts a phrase"),
        ({"decay": -0.1}, "decay must be finite, at least 0 and at most 1, got -0.1"),
        ({"decay": np.nan}, "decay must be finite, at least 0 and at most 1, got nan"),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_name_value_and_remedy(changed, message):
    with pytest.raises(ValueError, match=message):
        iterit(**{"k": 2, **GOLDEN, **changed})


def test_types_that_cannot_be_used_are_refused():
    with pytest.raises(TypeError, match=r"k must be an int, got 2\.0"):
        iterit(2.0, **GOLDEN)
    with pytest.raises(TypeError, match="responses must hold str, got None at row 1"):
        iterit(1, ifd_scores=[0.5, 0.5], responses=["red", None])
    for decay in ("0.5", None):
        with pytest.raises(TypeError, match=f"decay must be a number, got {decay!r}"):
            iterit(2, **GOLDEN, decay=decay)


def test_iterit_reads_scores_and_responses_and_has_one_option():
    assert METHODS["iterit"] is iterit
    assert reads(iterit) == ("ifd_scores", "responses")
    assert options(iterit) == {"decay": (float, 0.1)}


def test_inputs_are_not_changed():
    scores, texts = np.array(GOLDEN["ifd_scores"]), list(DOCS)
    scores.setflags(write=False)
    iterit(4, ifd_scores=scores, responses=texts)
    assert texts == DOCS


def test_single_precision_scores_give_double_precision_results():
    scores = np.array(GOLDEN["ifd_scores"], np.float32)
    wide = iterit(4, ifd_scores=scores.astype(np.float64), responses=DOCS)
    assert iterit(4, ifd_scores=scores, responses=DOCS).gains.tolist() == wide.gains.tolist()


def test_progress_tells_rows_taken_and_wanted(monkeypatch):
    monkeypatch.setattr("mig_dagster.selection.reporting.TELL_EVERY", 0)
    told = []
    iterit(3, **GOLDEN, on_progress=lambda chosen, k: told.append((chosen, k)))
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_progress_is_told_some_times_a_second_at_most():
    told = []
    iterit(4, **GOLDEN, on_progress=lambda chosen, k: told.append((chosen, k)))
    assert told == [(1, 4)]

import numpy as np
import pytest

from mig_dagster.selection import METHODS, SelectionWarning, iterit, iterit_rounds
from tests.selection.iterit_oracle import one_round, random_texts

pytestmark = pytest.mark.filterwarnings("ignore::mig_dagster.selection.SelectionWarning")

FOUR = {"ifd_scores": [0.9, 0.8, 0.5, 0.6], "responses": ["red", "green", "pear", "pie"]}


class Model:
    """A stand-in for a model in training: rows it was trained on get easier, some others harder."""

    def __init__(self, seed, n, k):
        self.rng, self.k = np.random.default_rng(seed), k
        self.ifd = self.rng.uniform(0.2, 1.2, n)
        self.asked = []

    def rescore(self, rows):
        self.asked.append(rows.tolist())
        self.ifd[rows[: self.k]] *= 0.7
        self.ifd[rows] += self.rng.uniform(-0.05, 0.1, len(rows))
        return self.ifd[rows]


def simulate(k, ifd, texts, model, rounds, update_ratio, decay):
    """Run the rounds as stated, on plain lists; return the picks of each."""
    ifd, order, chosen = list(ifd), list(range(len(ifd))), []
    for turn in range(rounds):
        window = len(ifd)
        if turn > 0:
            window = min(len(ifd), k * update_ratio) if update_ratio > 1 else len(ifd)
            for row, score in zip(order[:window], model.rescore(np.array(order[:window])).tolist(), strict=True):
                ifd[row] = score
        inside = sorted(order[:window])
        places, gains = one_round(k, [ifd[row] for row in inside], [texts[row] for row in inside], decay)
        picked = [inside[place] for place in places]
        chosen.append((picked, gains))
        rest = [row for row in inside if row not in picked and ifd[row] < 1]
        rest.sort(key=lambda row: -ifd[row])
        outside = [row for row in order[window:] if ifd[row] < 1]
        hard = sorted((row for row in range(len(ifd)) if ifd[row] >= 1 and row not in picked), key=lambda row: ifd[row])
        order = picked + rest + outside + hard
    return chosen


@pytest.mark.parametrize("decay", [0.1, 0.9, 0.0])
@pytest.mark.parametrize("seed", range(60))
def test_rounds_are_those_of_the_rules_step_by_step(seed, decay):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 40))
    k, ratio, texts = int(rng.integers(1, max(2, n // 3))), int(rng.integers(1, 5)), random_texts(rng, n)
    ours, theirs = Model(seed, n, k), Model(seed, n, k)
    first = ours.ifd.copy()
    first.setflags(write=False)
    chosen = iterit_rounds(
        k, ifd_scores=first, responses=texts, rescore=ours.rescore, rounds=4, update_ratio=ratio, decay=decay
    )
    expected = simulate(k, theirs.ifd, texts, theirs, 4, ratio, decay)
    assert [choice.rows.tolist() for choice in chosen] == [rows for rows, _ in expected]
    assert ours.asked == theirs.asked
    for choice, (_, gains) in zip(chosen, expected, strict=True):
        assert choice.gains == pytest.approx(gains, rel=1e-12)


def test_round_zero_is_iterit_and_asks_for_nothing():
    asked = []
    (only,) = iterit_rounds(2, **FOUR, rescore=asked.append, rounds=1)
    alone = iterit(2, **FOUR)
    assert (only.rows.tolist(), only.gains.tolist()) == (alone.rows.tolist(), alone.gains.tolist())
    assert asked == []


def test_a_window_is_k_times_the_ratio_and_at_most_the_pool():
    """A ratio of 1 is the whole pool, as in the code."""
    for ratio, size in [(1, 4), (2, 2), (3, 3), (9, 4)]:
        asked = []
        iterit_rounds(
            1, **FOUR, rescore=lambda rows, asked=asked: asked.append(len(rows)) or rows * 0.1, update_ratio=ratio
        )
        assert asked == [size, size]


def test_the_rows_of_the_round_before_come_first_in_rank_order():
    asked = []

    def rescore(rows):
        asked.append(rows.tolist())
        return np.array([0.1, 0.9, 0.8])[: len(rows)]

    first, second = iterit_rounds(1, **FOUR, rescore=rescore, rounds=2)
    assert first.rows.tolist() == [0]
    assert asked == [[0, 1, 3]], "then the others by IFD, highest first"
    assert second.rows.tolist() == [1]


def test_rows_taken_before_may_be_taken_again():
    chosen = iterit_rounds(1, **FOUR, rescore=lambda rows: np.where(rows == 0, 0.9, 0.1))
    assert [choice.rows.tolist() for choice in chosen] == [[0], [0], [0]]


def test_rows_outside_the_window_keep_their_scores_and_places():
    """Row 3 was not scored in round 1: it moves up, with its first score, when row 1 turns out at 1 or more."""
    asked = []

    def rescore(rows):
        asked.append(rows.tolist())
        return np.where(rows == 0, 0.3, 1.5)

    chosen = iterit_rounds(1, **FOUR, rescore=rescore, update_ratio=2)
    assert asked == [[0, 1], [0, 3]]
    assert [choice.rows.tolist() for choice in chosen] == [[0], [0], [0]]


def test_rows_with_ifd_of_one_or_more_leave_the_window():
    """In the code rows 1 and 2 would fill the window of round 1, which could then take row 0 only."""
    asked = []

    def rescore(rows):
        asked.append(rows.tolist())
        return np.full(len(rows), 0.5)

    iterit_rounds(
        1, ifd_scores=[0.9, 1.0, 1.2, 0.7, 0.6], responses=FOUR["responses"] + ["fig"], rescore=rescore, rounds=2
    )
    assert asked == [[0, 3, 4]]


def test_equal_scores_go_to_the_lowest_row_whatever_the_order():
    chosen = iterit_rounds(1, ifd_scores=[0.5, 0.6], responses=["red", "pie"], rescore=lambda rows: [0.5, 0.5])
    assert [choice.rows.tolist() for choice in chosen] == [[1], [0], [0]]


def test_each_round_that_takes_rows_with_ifd_of_one_or_more_warns():
    with pytest.warns(SelectionWarning, match="1 of 1 rows taken have ifd_scores of 1 or more") as told:
        iterit_rounds(1, **FOUR, rescore=lambda rows: np.full(len(rows), 2.0))
    assert [warning.filename for warning in told] == [__file__] * 2


def test_what_is_rescored_may_be_changed_by_the_callback_without_harm():
    def rescore(rows):
        scores = rows * 0.1
        rows[:] = 0
        return scores

    chosen = iterit_rounds(1, **FOUR, rescore=rescore, update_ratio=1)
    assert [choice.rows.tolist() for choice in chosen] == [[0], [3], [3]]


@pytest.mark.parametrize("n", [0, 4])
def test_no_rows_a_round_ask_for_no_scores(n):
    pool = {name: values[:n] for name, values in FOUR.items()}
    chosen = iterit_rounds(0, **pool, rescore=lambda rows: 1 / 0)
    assert [len(choice.rows) for choice in chosen] == [0, 0, 0]


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (lambda rows: [0.5], r"rescore must return one number for each of the 3 rows .*, got shape \(1,\)"),
        (lambda rows: 0.5, r"rescore must return one number for each of the 3 rows .*, got shape \(\)"),
        (lambda rows: [0.5, np.nan, 0.5], r"rescore must return finite numbers .*, got nan for row 1 \(1 such rows\)"),
        (lambda rows: [0.5, 0.5, np.inf], "rescore must return finite numbers of at least 0, got inf for row 3"),
        (lambda rows: [-1, 0.5, 0.5], "rescore must return finite numbers of at least 0, got -1.0 for row 0"),
        (lambda rows: [None, 0.5, 0.5], "rescore must return finite numbers of at least 0, got nan for row 0"),
    ],
)
def test_what_the_callback_returns_is_checked(returned, message):
    with pytest.raises(ValueError, match=message):
        iterit_rounds(1, **FOUR, rescore=returned)


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"rounds": 0}, ValueError, "rounds must be at least 1, got 0"),
        ({"update_ratio": 0}, ValueError, "update_ratio must be at least 1, got 0"),
        ({"update_ratio": 1.5}, TypeError, r"update_ratio must be an int, got 1\.5"),
        ({"rounds": True}, TypeError, "rounds must be an int, got True"),
        ({"decay": 2.0}, ValueError, r"decay must be finite, at least 0 and at most 1, got 2\.0"),
        ({"k": 5}, ValueError, "k must be at most the 4 rows of the pool, got 5"),
        ({"ifd_scores": [0.5, 0.5, 0.5, np.nan]}, ValueError, "ifd_scores must be finite, got nan at row 3"),
        ({"responses": ["red"]}, ValueError, "responses must have one str for each of the 4 rows, got 1"),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_name_and_value(changed, error, message):
    with pytest.raises(error, match=message):
        iterit_rounds(**{"k": 1, **FOUR, "rescore": lambda rows: rows * 0.1, **changed})


def test_counts_may_be_numpy_integers():
    chosen = iterit_rounds(
        1, **FOUR, rescore=lambda rows: rows * 0.1, rounds=np.int64(2), update_ratio=np.uint8(2), decay=np.float32(0.5)
    )
    assert [choice.rows.tolist() for choice in chosen] == [[0], [1]]


def test_rounds_are_no_method_of_the_table():
    """A method reads arrays alone; rounds need a model."""
    assert "iterit_rounds" not in METHODS

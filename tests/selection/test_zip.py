"""ZIP against its algorithm with every list compressed from scratch.

Expected numbers come from the zlib of this process: another build gives other ratios.
"""

import random
import zlib

import numpy as np
import pytest

from mig_dagster.selection import compression, options
from mig_dagster.selection import zip as choose

WORDS = [
    "river",
    "stone",
    "quick",
    "amber",
    "lantern",
    "forty",
    "日本語",
    "naïve",
    "🙂",
    "'quoted'",
    "\n",
    "\\",
    "a",
    "",
]


def ratio(texts: list[str]) -> float:
    plain = ("[" + ", ".join(texts) + "]").encode()
    return len(plain) / len(zlib.compress(plain, 9))


def naive(k: int, texts: list[str], k1: int, k2: int, k3: int, number: type = float) -> tuple[list[int], list[float]]:
    """Return all whole batches up to at least k rows, and 1 / R of the batch after each row."""
    pi = [number(ratio([text])) for text in texts]
    chosen: list[int] = []
    gains: list[float] = []
    while len(chosen) < k:
        left = [row for row in range(len(texts)) if row not in chosen]
        candidates = sorted(left, key=lambda row: (pi[row], row))[:k1]
        for row in candidates:
            pi[row] = number(ratio([*(texts[each] for each in chosen), texts[row]]))
        shortlist = sorted(candidates, key=lambda row: (pi[row], row))[:k2]
        for row in shortlist:
            pi[row] = number(1e6)
        batch: list[int] = []
        for _ in range(min(k3, len(shortlist))):
            with_row = {
                row: ratio([*(texts[each] for each in batch), texts[row]]) for row in shortlist if row not in batch
            }
            batch.append(min(with_row, key=lambda row: (number(with_row[row]), row)))
            gains.append(1 / with_row[batch[-1]])
        chosen += batch
    return chosen, gains


def reference(k: int, texts: list[str], k1: int, k2: int, k3: int) -> list[int]:
    """Return what the reference returns, float32 and all, ties to the lowest row: nothing keeps rows from coming twice.

    Written from the description of its steps; it fails where the pool has fewer than k1 rows.
    """
    pi = np.array([ratio([text]) for text in texts], np.float32)
    chosen: list[int] = []
    while len(chosen) < k:
        candidates = np.sort(np.argsort(pi, kind="stable")[:k1])
        fresh = np.array([ratio([*(texts[each] for each in chosen), texts[row]]) for row in candidates], np.float32)
        pi[candidates] = fresh
        shortlist = np.sort(candidates[np.argsort(fresh, kind="stable")[:k2]])
        pi[shortlist] = 1e6
        batch: list[int] = []
        for _ in range(k3):
            with_row = np.array([ratio([texts[each] for each in [*batch, row]]) for row in shortlist], np.float32)
            with_row[np.isin(shortlist, batch)] = 1e6
            batch.append(int(shortlist[np.argmin(with_row)]))
        chosen += batch
    return chosen


def pool(seed: int, n: int | None = None) -> tuple[list[str], dict[str, int]]:
    """Return texts, some of them equal, some empty, and stage sizes k1 >= k2 >= k3."""
    rng = random.Random(seed)
    texts = [" ".join(rng.choices(WORDS, k=rng.randint(0, 30))) for _ in range(n or rng.randint(1, 35))]
    for _ in range(len(texts) // 4):
        texts[rng.randrange(len(texts))] = rng.choice(texts)
    k3, k2, k1 = sorted(rng.randint(1, rng.choice([4, 12, 50])) for _ in range(3))
    return texts, {"k1": k1, "k2": k2, "k3": k3}


@pytest.mark.parametrize("seed", range(300))
def test_equals_the_algorithm_compressed_from_scratch(seed):
    texts, stages = pool(seed)
    k = random.Random(-seed).randint(0, len(texts))
    rows, gains = naive(k, texts, **stages)
    selection = choose(k, serialized_rows=texts, **stages)
    assert selection.rows.tolist() == rows[:k]
    assert selection.gains.tolist() == gains[:k]
    assert selection.objective == ratio([texts[row] for row in rows[:k]])
    assert selection.shortfall is None


@pytest.mark.parametrize("seed", range(100))
def test_strict_reference_keeps_whole_batches(seed):
    texts, stages = pool(seed)
    k = random.Random(-seed).randint(0, len(texts))
    rows, gains = naive(k, texts, **stages, number=np.float32)
    selection = choose(k, serialized_rows=texts, **stages, strict_reference=True)
    assert selection.rows.tolist() == rows
    assert selection.gains.tolist() == gains
    assert k <= len(rows) < k + stages["k3"]


@pytest.mark.parametrize("seed", range(40))
def test_strict_reference_is_the_reference_while_no_retired_row_comes_back(seed):
    texts, _ = pool(seed, 40)
    stages = {"k1": 12, "k2": 6, "k3": 3}
    expected = reference(12, texts, **stages)  # 4 shortlists: before each, at least 40 - 18 = 22 rows were in none
    assert choose(12, serialized_rows=texts, **stages, strict_reference=True).rows.tolist() == expected
    overshot = choose(10, serialized_rows=texts, **stages, strict_reference=True)
    assert overshot.rows.tolist() == reference(10, texts, **stages)
    assert len(overshot.rows) == 12


def test_twelve_rows_in_batches_of_five_are_fifteen_to_the_reference():
    texts, _ = pool(0, 40)
    stages = {"k1": 20, "k2": 10, "k3": 5}
    assert len(choose(12, serialized_rows=texts, **stages, strict_reference=True).rows) == 15
    assert len(choose(12, serialized_rows=texts, **stages).rows) == 12


def test_strict_reference_compares_in_single_precision():
    """Two rows whose ratios differ in float64 only: there the lower ratio wins, in float32 the lower row."""
    rng = random.Random(0)
    texts = sorted(
        (f"{rng.getrandbits(rng.randint(30_000, 60_000)):x}" for _ in range(1000)), key=lambda text: ratio([text])
    )
    ratios = [ratio([text]) for text in texts]
    near = [at for at in range(999) if ratios[at] < ratios[at + 1]]
    near = [at for at in near if np.float32(ratios[at]) == np.float32(ratios[at + 1])]
    pair = [texts[near[0] + 1], texts[near[0]]]
    assert choose(1, serialized_rows=pair, k3=1).rows.tolist() == [1]
    assert choose(1, serialized_rows=pair, k3=1, strict_reference=True).rows.tolist() == [0]


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("seed", range(20))
def test_no_row_comes_twice_when_the_pool_is_used_up(seed, strict):
    texts, _ = pool(seed, 45)
    stages = {"k1": 20, "k2": 10, "k3": 5}
    rows = choose(45, serialized_rows=texts, **stages, strict_reference=strict).rows
    assert sorted(rows.tolist()) == list(range(45))
    assert len(set(reference(45, texts, **stages))) < 45, "the reference repeats rows here"


def test_rows_of_a_shortlist_that_were_not_chosen_wait_until_too_few_others_are_left():
    texts, _ = pool(5, 12)
    texts = [f"{row} {text}" for row, text in enumerate(texts)]
    alone = sorted(range(12), key=lambda row: ratio([texts[row]]))
    rows = choose(12, serialized_rows=texts, k1=4, k2=4, k3=1).rows.tolist()
    assert rows[0] in alone[:4]
    assert rows[1] in alone[4:8]
    assert rows[2] in alone[8:]


@pytest.mark.parametrize("seed", range(30))
def test_a_smaller_budget_is_the_start_of_a_larger_one(seed):
    texts, stages = pool(seed)
    whole = choose(len(texts), serialized_rows=texts, **stages)
    for k in range(len(texts)):
        part = choose(k, serialized_rows=texts, **stages)
        assert part.rows.tolist() == whole.rows[:k].tolist()
        assert part.gains.tolist() == whole.gains[:k].tolist()


def test_a_second_copy_of_a_row_is_left_to_the_end_of_the_batch():
    rng = random.Random(3)
    texts = [f"{rng.getrandbits(1600):x}" for _ in range(20)]
    texts[12] = texts[4]
    rows = choose(20, serialized_rows=texts, k1=20, k2=20, k3=20).rows.tolist()
    assert rows[-1] == 12
    assert 4 in rows[:-1]


@pytest.mark.parametrize("text", ["", "a", "the same " * 200])
def test_equal_rows_come_in_pool_order(text):
    selection = choose(9, serialized_rows=[text] * 9, k1=4, k2=3, k3=2)
    assert selection.rows.tolist()[:2] == [0, 1]
    assert sorted(selection.rows.tolist()) == list(range(9))
    assert (selection.gains > 0).all()


def test_text_is_compressed_as_given():
    """What is in it decides, down to an id: whoever serialises rows decides what counts as said twice."""
    row = {"v": "abc" * 100}
    plain = str([row]).encode()
    assert len(plain) == 311
    selection = choose(1, serialized_rows=[str(row)])
    assert selection.objective == len(plain) / len(zlib.compress(plain, 9))
    assert selection.gains.tolist() == [1 / selection.objective]
    told = ["water " * 9, "water " * 9]
    assert choose(1, serialized_rows=told).rows.tolist() == [0]
    assert choose(1, serialized_rows=[told[0] + "0", told[1] + "qjx8"]).rows.tolist() == [1]


def test_defaults_are_those_of_the_reference():
    assert options(choose) == {
        "k1": (int, 10_000),
        "k2": (int, 200),
        "k3": (int, 100),
        "strict_reference": (bool, False),
    }


@pytest.mark.parametrize("cores", [1, 3])
def test_rows_do_not_depend_on_the_number_of_threads(cores, monkeypatch):
    texts, _ = pool(2, 120)
    expected = choose(60, serialized_rows=texts, k1=90, k2=40, k3=20)
    monkeypatch.setattr(compression, "available_cores", lambda: cores)
    found = choose(60, serialized_rows=texts, k1=90, k2=40, k3=20)
    assert found.rows.tolist() == expected.rows.tolist()
    assert found.gains.tolist() == expected.gains.tolist()


def test_progress_is_told_rarely_and_never_beyond_k():
    texts, _ = pool(3, 40)
    calls = []
    choose(40, serialized_rows=texts, k1=8, k2=4, k3=3, on_progress=lambda *call: calls.append(call))
    assert calls[0] == (3, 40)
    assert len(calls) < 10
    calls.clear()
    choose(1, serialized_rows=texts, strict_reference=True, on_progress=lambda *call: calls.append(call))
    assert calls == [(1, 1)]


def test_progress_is_told_again_after_a_while(monkeypatch):
    texts, _ = pool(3, 40)
    calls = []
    monkeypatch.setattr("mig_dagster.selection.reporting.TELL_EVERY", 0)
    choose(10, serialized_rows=texts, k1=8, k2=4, k3=3, on_progress=lambda *call: calls.append(call))
    assert calls == [(3, 10), (6, 10), (9, 10), (10, 10)]


def test_no_rows_of_none():
    selection = choose(0, serialized_rows=[])
    assert selection.rows.dtype == np.int64
    assert selection.gains.dtype == np.float64
    assert len(selection.rows) == len(selection.gains) == 0
    assert selection.objective == ratio([])


@pytest.mark.parametrize("stages", [(1, 2, 1), (5, 2, 3), (5, 3, 0), (0, 0, 0), (3, 3, -1)])
def test_stages_that_do_not_narrow_are_refused(stages):
    k1, k2, k3 = stages
    with pytest.raises(ValueError, match=rf"k1 >= k2 >= k3 >= 1 must hold, got k1={k1}, k2={k2}, k3={k3}: .*raise"):
        choose(1, serialized_rows=["a"], k1=k1, k2=k2, k3=k3)


@pytest.mark.parametrize("stage", ["k1", "k2", "k3"])
@pytest.mark.parametrize("number", [1.5, True, "3", None])
def test_stages_that_are_no_whole_numbers_are_refused(stage, number):
    with pytest.raises(TypeError, match=f"{stage} must be an int, got "):
        choose(1, serialized_rows=["a"], **{stage: number})


def test_stages_may_be_numpy_ints():
    texts, stages = pool(1, 30)
    rows = choose(20, serialized_rows=texts, **{name: np.int32(size) for name, size in stages.items()}).rows
    assert rows.tolist() == choose(20, serialized_rows=texts, **stages).rows.tolist()


def test_what_is_no_list_of_texts_is_refused():
    with pytest.raises(TypeError, match="serialized_rows must hold str, got None at row 1"):
        choose(1, serialized_rows=["a", None])
    with pytest.raises(TypeError, match="serialized_rows must be a list of str, got one str"):
        choose(1, serialized_rows="abc")
    with pytest.raises(ValueError, match=r"serialized_rows must have a UTF-8 form, got '\\udc00' in row 0"):
        choose(1, serialized_rows=["\udc00"])
    with pytest.raises(ValueError, match="k must be at most the 1 rows of the pool, got 2"):
        choose(2, serialized_rows=["a"])
    with pytest.raises(TypeError, match="k must be an int"):
        choose(1.0, serialized_rows=["a"])

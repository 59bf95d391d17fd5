import random
import time
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mig_dagster.selection import compression
from mig_dagster.selection.compression import GrowingList, RowRatios, available_cores, compressor, utf8


def one_shot(texts: list[str]) -> float:
    plain = ("[" + ", ".join(texts) + "]").encode()
    return len(plain) / len(zlib.compress(plain, 9))


def grown(texts: list[str]) -> GrowingList:
    growing = GrowingList()
    for text in texts:
        growing.append(text.encode())
    return growing


def article(rng: random.Random, characters: int) -> str:
    """Return text that has matches at all distances, near and beyond what zlib's window holds."""
    words = ["".join(rng.choices("etaoinshrdlu", k=rng.randint(1, 9))) for _ in range(rng.choice([20, 500, 5000]))]
    return " ".join(rng.choices(words, k=characters // 5))[:characters]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]))), st.text(st.characters(exclude_categories=["Cs"])))
def test_a_continued_state_compresses_as_the_whole_text_does(texts, candidate):
    growing = grown(texts)
    assert growing.ratios([candidate.encode()]) == [one_shot([*texts, candidate])]
    assert growing.ratio() == one_shot(texts)


@pytest.mark.parametrize("seed", range(12))
def test_a_continued_state_compresses_long_text_as_the_whole_text_does(seed):
    """zlib's window slides after 64 KiB and ends a block after 16,383 symbols: both must fall where they fell."""
    rng = random.Random(seed)
    texts = [article(rng, rng.choice([0, 1, 300, 3_000, 40_000, 66_000])) for _ in range(rng.randint(1, 12))]
    candidates = [article(rng, size) for size in (0, 2, 261, 262, 263, 600, 5_000)] + texts[:3]
    growing = grown(texts)
    assert growing.ratios([text.encode() for text in candidates]) == [one_shot([*texts, text]) for text in candidates]


@pytest.mark.parametrize("start", range(65_000, 65_800, 25))
def test_a_state_stopped_where_the_window_slides_continues_exactly(start):
    rng = random.Random(start)
    text = article(rng, 100_000)
    growing = grown([text[:start]])
    assert growing.ratios([text[start:].encode()]) == [one_shot([text[:start], text[start:]])]


def test_measuring_leaves_the_list_as_it_was():
    growing = grown(["one", "two"])
    before = growing.ratio()
    growing.ratios([b"three" * 500, b"four"])
    assert growing.ratio() == before
    assert growing.length == 2


def test_a_list_looks_as_python_writes_it():
    rows = [{"v": "abc" * 100}, {"v": "é'\n"}]
    texts = [str(row) for row in rows]
    assert len(str(rows[:1]).encode()) == 311
    plain = str(rows).encode()
    assert grown(texts[:1]).ratios([texts[1].encode()]) == [len(plain) / len(zlib.compress(plain, 9))]


def test_a_row_said_again_and_again_is_ever_more_redundant():
    row = article(random.Random(0), 500)
    ratios = [grown([row] * times).ratio() for times in range(1, 40)]
    assert ratios == sorted(set(ratios))


@pytest.mark.parametrize("cores", [1, 2, 7])
def test_ratios_do_not_depend_on_the_number_of_threads(cores, monkeypatch):
    monkeypatch.setattr(compression, "available_cores", lambda: cores)
    rng = random.Random(1)
    texts = [article(rng, rng.randint(0, 900)) for _ in range(150)]
    ratios = RowRatios([text.encode() for text in texts])
    rows = np.array(rng.sample(range(150), 120))
    assert ratios.alone.tolist() == [one_shot([text]) for text in texts]
    assert ratios.after(GrowingList(), rows).tolist() == [one_shot([texts[row]]) for row in rows]
    assert ratios.after(grown(texts[:9]), rows).tolist() == [one_shot([*texts[:9], texts[row]]) for row in rows]
    ratios.close()


def test_equal_texts_are_measured_once():
    measured = []

    class Counted(GrowingList):
        def ratios(self, texts):
            measured.extend(texts)
            return super().ratios(texts)

    ratios = RowRatios([b"a", b"b", b"a", b"a"])
    text = Counted()
    text.append(b"c")
    found = ratios.after(text, np.array([3, 1, 0, 2]))
    ratios.close()
    assert sorted(measured) == [b"a", b"b"]
    assert found.tolist() == [one_shot(["c", each]) for each in "abaa"]


def test_time_for_a_candidate_does_not_grow_with_the_text_before_it():
    """At 1 MB the whole text takes some 50 ms; a bound far from both keeps a busy machine from failing this."""
    rng = random.Random(2)
    growing = grown([article(rng, 1_000_000)])
    candidates = [article(rng, 600).encode() for _ in range(50)]
    start = time.process_time()
    growing.ratios(candidates)
    assert (time.process_time() - start) / len(candidates) < 0.005


def test_the_compressor_is_the_zlib_that_runs():
    assert zlib.ZLIB_RUNTIME_VERSION in compressor()
    assert "level 9" in compressor()


def test_the_cores_are_those_the_process_may_use(monkeypatch):
    assert available_cores() >= 1
    monkeypatch.setattr(compression.os, "sched_getaffinity", lambda process: {3, 5, 8}, raising=False)
    assert available_cores() == 3
    monkeypatch.delattr(compression.os, "sched_getaffinity")
    monkeypatch.setattr(compression.os, "cpu_count", lambda: None)
    assert available_cores() == 1


def test_half_of_a_surrogate_pair_is_refused_with_its_place():
    assert utf8(["", "é"], "texts") == [b"", b"\xc3\xa9"]
    with pytest.raises(ValueError, match=r"texts must have a UTF-8 form, got '\\ud83d' in row 1, character 2"):
        utf8(["fine", "ab\ud83d"], "texts")

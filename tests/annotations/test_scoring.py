"""Items through a model in token batches: each once, in the order given, kept as they come."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from mig_dagster.annotations.annotator import Annotator
from mig_dagster.annotations.cache import FragmentCache
from mig_dagster.annotations.flags import Defect
from mig_dagster.annotations.scoring import score_items
from tests.annotations.memory_files import MemoryFiles


@dataclass
class Word:
    text: str

    @property
    def tokens(self) -> int:
        return len(self.text)


class Counting:
    """Says of a word how long it is; "" cannot be read, "?" has no finite value."""

    annotator = Annotator("counting", "counting")

    def __init__(self, batch_tokens=8, room=100):
        self.columns = {"score": np.empty(0), "said": []}
        self.batch_tokens, self.room, self.batches = batch_tokens, room, []

    def encode(self, items):
        return [Word(item) if item else Defect("empty_text") for item in items]

    def run(self, encoded):
        if len(encoded) * max(word.tokens for word in encoded) > self.room:
            raise torch.OutOfMemoryError
        self.batches.append([word.text for word in encoded])
        scores = np.array([np.nan if word.text == "?" else float(word.tokens) for word in encoded])
        return {"score": scores, "said": [word.text for word in encoded]}


WORDS = ["abc", "", "de", "abc", "?", "fghij", "k"]


def check(batch):
    assert batch.flags == [None, "empty_text", None, None, "not_finite", None, None]
    np.testing.assert_array_equal(batch.columns["score"], [3, np.nan, 2, 3, np.nan, 5, 1])


def test_values_come_in_the_order_given_and_equal_items_are_computed_once():
    model = Counting()
    check(score_items(WORDS, WORDS, model))
    assert sorted(word for batch in model.batches for word in batch) == ["?", "abc", "de", "fghij", "k"]
    assert all(len(batch) * max(map(len, batch)) <= 8 for batch in model.batches)


def test_what_the_cache_knows_is_not_computed_again_failures_included():
    cache, model = FragmentCache(MemoryFiles()), Counting()
    check(score_items(WORDS, WORDS, model, cache))
    again = Counting()
    check(score_items(WORDS, WORDS, again, cache))
    assert again.batches == []
    score_items(["abc", "new"], ["abc", "new"], again, cache)
    assert again.batches == [["new"]]


def test_out_of_memory_halves_the_budget_for_good_and_loses_nothing():
    model = Counting(batch_tokens=640, room=10)
    check(score_items(WORDS, WORDS, model))
    assert model.batch_tokens == 12  # half of the 25 padded tokens that did not fit


def test_progress_counts_tokens_and_says_what_is_left():
    told = []
    score_items(WORDS, WORDS, Counting(), progress=told.append)
    last = told[-1]
    assert (last.items, last.of_items, last.tokens, last.of_tokens) == (5, 5, 12, 12)
    assert last.padded >= 12
    assert last.seconds_left == pytest.approx(0)
    assert [progress.items for progress in told] == sorted(progress.items for progress in told)


def test_no_items_need_no_model():
    batch = score_items([], [], Counting())
    assert (batch.flags, batch.columns["score"].shape) == ([], (0,))


class Failing(Counting):
    """Breaks down at a word."""

    def run(self, encoded):
        if any(word.text == "de" for word in encoded):
            raise RuntimeError("a bug")
        return super().run(encoded)


def test_a_batch_that_fails_loses_nothing_of_those_before_it():
    cache = FragmentCache(MemoryFiles())
    with pytest.raises(RuntimeError, match="a bug"):
        score_items(WORDS, WORDS, Failing(batch_tokens=3), cache)
    rest = Counting()
    check(score_items(WORDS, WORDS, rest, cache))
    assert sorted(word for batch in rest.batches for word in batch) == ["?", "de", "k"]


class Wide(Counting):
    """A vector for each word, whose width only `run` knows."""

    def __init__(self):
        super().__init__()
        self.columns = {"vector": np.empty((0, 0), np.float32)}

    def run(self, encoded):
        self.batches.append(encoded)
        return {"vector": np.full((len(encoded), 3), [[word.tokens] for word in encoded], np.float32)}


def test_values_may_be_as_wide_as_the_first_one_and_stay_so_through_the_cache():
    cache, words = FragmentCache(MemoryFiles()), ["abc", "de", "abc"]
    first = score_items(words, words, Wide(), cache)
    again = Wide()
    second = score_items([*words, "f"], [*words, "f"], again, cache)
    assert len(again.batches) == 1
    np.testing.assert_array_equal(first.columns["vector"], np.repeat([[3], [2], [3]], 3, axis=1))
    np.testing.assert_array_equal(second.columns["vector"], np.repeat([[3], [2], [3], [1]], 3, axis=1))


def test_the_share_of_padding_is_told():
    told = []
    score_items(["aaaa", "bb"], ["aaaa", "bb"], Counting(batch_tokens=64), progress=told.append)
    assert told[-1].padding_share == pytest.approx(2 / 8)

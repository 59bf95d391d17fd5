"""The index of cached keys is a dict from key to (fragment, line), however the keys came."""

import math
import random

import numpy as np
import pytest

from mig_dagster.annotations.key_index import KeyIndex


def as_keys(texts):
    return np.array([text.encode() for text in texts], dtype=np.bytes_)


def found(index, texts):
    fragments, lines = index.find(as_keys(texts))
    return {t: (f, i) for t, f, i in zip(texts, fragments.tolist(), lines.tolist(), strict=True) if f >= 0}


@pytest.mark.parametrize("seed", range(20))
def test_it_finds_what_a_dict_would(seed):
    draw = random.Random(seed)
    index, truth = KeyIndex(), {}
    for number in range(draw.randrange(1, 40)):
        keys = [f"{draw.randrange(300):x}" for _ in range(draw.choice([0, 1, 5, 60]))]
        assert index.add(as_keys(keys)) == number
        for line, key in enumerate(keys):
            truth.setdefault(key, (number, line))
        asked = [f"{i:x}" for i in draw.sample(range(400), draw.randrange(1, 400))]
        assert found(index, asked) == {key: truth[key] for key in asked if key in truth}


def test_a_look_up_searches_few_runs_however_many_fragments_there_are():
    index = KeyIndex()
    for number in range(1000):
        index.add(as_keys([f"{number:04d}-{line}" for line in range(3)]))
        assert len(index._runs) <= 1 + math.log2(3 * (number + 1))
    assert found(index, ["0500-2", "0999-0", "1000-0"]) == {"0500-2": (500, 2), "0999-0": (999, 0)}


def test_an_empty_index_finds_nothing():
    assert found(KeyIndex(), ["a"]) == {}

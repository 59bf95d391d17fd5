import json
import math
import random
from pathlib import Path

import pytest

from mig_dagster.annotations.indicators.mtld import Mtld, mtld, words_of
from tests.annotations.rows import row

REFERENCE = json.loads((Path(__file__).parent / "data" / "mtld_lexicalrichness_0.5.1.json").read_text("utf-8"))


def one_way(words):
    """The procedure as McCarthy and Jarvis print it, every ratio taken from the words of the segment."""
    factors, start = 0.0, 0
    for end in range(1, len(words) + 1):
        if len(set(words[start:end])) / (end - start) <= 0.72:
            factors, start = factors + 1, end
    if start < len(words):
        rest = words[start:]
        factors += (1 - len(set(rest)) / len(rest)) / (1 - 0.72)
    return len(words) / (factors if factors > 0 else 1)


@pytest.mark.parametrize("variety", [1, 3, 10, 100, 1000])
def test_mtld_is_the_mean_of_both_directions_done_the_slow_way(variety):
    draw = random.Random(variety)
    for length in (1, 2, 7, 50, 300):
        words = [str(draw.randrange(variety)) for _ in range(length)]
        assert mtld(words) == pytest.approx((one_way(words) + one_way(words[::-1])) / 2, rel=1e-12)


@pytest.mark.parametrize("case", REFERENCE["texts"], ids=range(len(REFERENCE["texts"])))
def test_mtld_of_ascii_texts_is_that_of_lexicalrichness(case):
    assert mtld(words_of(case["text"])) == pytest.approx(case["mtld"], rel=1e-12)


def test_words_all_different_are_one_factor():
    assert mtld(["a", "b", "c"]) == 3.0


def test_a_word_repeated_closes_a_factor_every_second_time():
    assert mtld(["a"] * 10) == 2.0


def test_a_ratio_of_exactly_the_threshold_ends_a_factor():
    words = [*map(str, range(18)), *["0"] * 7]  # 18 / 25 = 0.72
    assert one_way(words) == 25.0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("A well-known fact: 42 isn't 4x2.", ["a", "wellknown", "fact", "isn", "t", "x"]),
        ("“Größe” \N{EN DASH} «naïve»…", ["größe", "naïve"]),
        ("天空是蓝色的。Blue sky", ["天", "空", "是", "蓝", "色", "的", "blue", "sky"]),
        ("हिन्दी भाषा", ["हिन्दी", "भाषा"]),
        ("1 2 3\x00\t-", []),
    ],
)
def test_words_are_found_in_any_script(text, words):
    assert words_of(text) == words


def test_a_response_without_words_has_no_mtld():
    measured = Mtld().measure([row(("How much?", "42")), row(("Who?", "me"))], None, None)
    assert measured.flags == ["empty_text", None]
    assert math.isnan(measured.columns["mtld"][0])
    assert measured.columns["mtld"][1] == 1.0
